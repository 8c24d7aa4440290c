"""The losses of 1,000 training steps of three small networks, by PyTorch, for curves.live.test.ts.

Usage: python curves.py FOLDER   (writes curves.safetensors)
<net>.params.* and <net>.state.* are steppe's trees at the start; images [N, H, W, C], labels [N] and batches [steps, batch] (indices) the data;
<net>.losses [runs, steps] the mean cross-entropy of each step: in f64, then in f32. The runs compute the same, with a batch's images, the hidden units and
(without convolutions) the features in another order, so that they differ in the order of their sums alone.
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from common import write
from networks import CLASSES, Mixer, Resnet20, Vit, tree_of

RUNS, STEPS, BATCH, COUNT, IMAGE = 6, 1000, 32, 4096, 16


def data(rng):
    """A pattern for each class, under noise and shifted around; a tenth of the labels is wrong, so that there is always something to learn."""
    patterns, labels = rng.standard_normal((CLASSES, IMAGE, IMAGE, 3)), rng.integers(0, CLASSES, COUNT)
    shifts = rng.integers(0, IMAGE, (COUNT, 2))
    shifted = np.stack([np.roll(patterns[label], shift, (0, 1)) for label, shift in zip(labels, shifts)])
    images = 0.7 * shifted + rng.standard_normal(shifted.shape)
    wrong = rng.random(COUNT) < 0.1
    return images.astype(np.float32), np.where(wrong, rng.integers(0, CLASSES, COUNT), labels).astype(np.int32)


FEATURE_AXES = {
    "cls": -1, "position": -1, "embed.weight": 0, "embed.bias": 0, "norm.weight": 0, "norm.bias": 0, "norm1.weight": 0, "norm1.bias": 0,
    "norm2.weight": 0, "norm2.bias": 0, "qkv.weight": 1, "out.weight": 0, "out.bias": 0, "mlp.fc1.weight": 1, "mlp.fc2.weight": 0, "mlp.fc2.bias": 0,
    "channels.fc1.weight": 1, "channels.fc2.weight": 0, "channels.fc2.bias": 0, "head.weight": 1,
}  # fmt: skip


def reordered(start, order):
    """The same function: features, and the hidden units of each MLP, in another order."""
    state, features = dict(start), order.permutation(start["head.weight"].shape[1])
    for name, x in start.items():
        axis = next((axis for end, axis in FEATURE_AXES.items() if f".{name}".endswith(f".{end}")), None)
        if axis is not None:
            state[name] = x.index_select(axis, torch.tensor(features))
    for name in [name for name in start if name.endswith("fc1.weight")]:
        mlp, units = name.removesuffix("fc1.weight"), torch.tensor(order.permutation(len(start[name])))
        for leaf, axis in (("fc1.weight", 0), ("fc1.bias", 0), ("fc2.weight", 1)):
            state[mlp + leaf] = state[mlp + leaf].index_select(axis, units)
    return state


def losses_of(make, start, optimizer_of, images, labels, batches, order):
    net = make().to(images.dtype)
    net.load_state_dict(start if order is None or "conv.weight" in start else reordered(start, order))
    optimizer, losses = optimizer_of(net.parameters()), []
    for batch in batches:
        batch = batch if order is None else order.permutation(batch)
        loss = F.cross_entropy(net(images[batch]), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    images, labels = data(rng)
    batches = rng.integers(0, COUNT, (STEPS, BATCH))
    arrays = {"images": images, "labels": labels, "batches": batches.astype(np.int32)}
    x, y = torch.tensor(images).permute(0, 3, 1, 2).contiguous(), torch.tensor(labels, dtype=torch.int64)
    # AdamW multiplies by 1 - lr * decay, rounded to f32 once and for all: here it is a number of f32, else all runs drift by the same 3e-8 a step.
    adamw = lambda params: torch.optim.AdamW(params, lr=1e-3, weight_decay=2**-13 / 1e-3)
    sgd = lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=5e-4)
    nets = {
        "vit": (lambda: Vit(IMAGE, 4, 32, 2, 2), adamw),
        "mixer": (lambda: Mixer(IMAGE, 4, 32, 2), adamw),
        "resnet": (lambda: Resnet20(8), sgd),
    }
    for name, (make, optimizer_of) in nets.items():
        torch.manual_seed(0)
        net = make()
        start = {key: value.clone() for key, value in net.state_dict().items()}
        arrays |= {f"{name}.{key}": value for key, value in tree_of(net).items()}
        orders = [None] + [np.random.default_rng(run) for run in range(1, RUNS)]
        runs = [(x.double(), None)] + [(x, order) for order in orders]
        losses = [losses_of(make, start, optimizer_of, images, y, batches, order) for images, order in runs]
        arrays[f"{name}.losses"] = np.array(losses)
    write(f"{sys.argv[1]}/curves.safetensors", arrays)


main()
