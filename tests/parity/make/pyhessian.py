"""The largest Hessian eigenvalues that PyHessian finds for three small networks, for pyhessian.test.ts and pyhessian.live.test.ts.

Usage: python pyhessian.py FOLDER   (writes pyhessian.safetensors and pyhessianLarge.safetensors)
<net>.params.* and <net>.state.* are steppe's trees after a few steps of training (so that one eigenvalue stands out), images [N, H, W, C] and labels
the data, <net>.values the eigenvalue by each of the tolerances, <net>.second the next one.
"""

import sys

import numpy as np
import torch
from common import write
from networks import CLASSES, Mixer, Resnet20, Vit, tree_of
from torch import nn

sys.path.pop(0)  # where this file stands, whose name is the package's
from pyhessian import hessian  # noqa: E402


def measured(net, images, labels, steps, tolerances):
    """Trains, rounds the weights to f32 as they are written, and measures in f64."""
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=3e-3)
    x, y = torch.tensor(images, dtype=torch.float64).permute(0, 3, 1, 2), torch.tensor(labels, dtype=torch.int64)
    for _ in range(steps):
        optimizer.zero_grad()
        criterion(net(x), y).backward()
        optimizer.step()
    net.float().double().zero_grad()
    operator = hessian(net, criterion, data=(x, y), cuda=False)
    values = [operator.eigenvalues(maxIter=5000, tol=tol)[0][0] for tol in tolerances]
    second = operator.eigenvalues(maxIter=5000, tol=tolerances[-1], top_n=2)[0][1]
    return tree_of(net) | {"values": np.array(values), "second": np.array(second)}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(0)

    def data(count, image):
        return rng.standard_normal((count, image, image, 3)).astype(np.float32), rng.integers(0, CLASSES, count).astype(np.int32)

    def save(file, nets, images, labels, steps, tolerances):
        arrays = {"images": images, "labels": labels, "tolerances": np.array(tolerances)}
        for name, net in nets.items():
            arrays |= {f"{name}.{key}": x for key, x in measured(net, images, labels, steps, tolerances).items()}
        write(f"{sys.argv[1]}/{file}.safetensors", arrays)

    small = {"vit": Vit(16, 4, 16, 2, 2), "mixer": Mixer(16, 4, 16, 2), "resnet": Resnet20(4)}
    save("pyhessian", small, *data(20, 16), 20, (1e-3, 1e-4, 1e-7))
    save("pyhessianLarge", {"resnet": Resnet20(16)}, *data(16, 32), 5, (1e-4,))


main()
