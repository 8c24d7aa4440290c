"""What PyTorch's optimizers, schedules and clipping make of a small network in ten steps, and SAM and ASAM around them, for optim.test.ts.

Usage: python optim.py FOLDER   (writes optim.safetensors)
Each run starts at params.*, sees a batch a step and gives f64.<run>.losses [steps] and f64.<run>.params.* after the last; f32.* is the same in f32,
which tells how rounding grows.
"""

import math
import sys

import numpy as np
import torch
import torch.nn.functional as F
from common import write

INPUTS, HIDDEN, CLASSES, BATCH, STEPS, WARMUP = 5, 6, 3, 8, 10, 3
CLIP = 1.5  # about half of the gradients are longer
SHAPES = {
    "first.kernel": (INPUTS, HIDDEN),
    "first.bias": (HIDDEN,),
    "norm.scale": (HIDDEN,),
    "norm.bias": (HIDDEN,),
    "head.kernel": (HIDDEN, CLASSES),
    "head.bias": (CLASSES,),
}


def loss_of(p, x, y):
    hidden = F.layer_norm(x @ p["first.kernel"] + p["first.bias"], (HIDDEN,), p["norm.scale"], p["norm.bias"], eps=1e-6)
    return F.cross_entropy(F.gelu(hidden, approximate="tanh") @ p["head.kernel"] + p["head.bias"], y)


def gradient(p, x, y):
    loss = loss_of(p, x, y)
    return loss.detach(), list(torch.autograd.grad(loss, list(p.values())))


def sam(rho, eta=None):
    """Foret et al. 2021, algorithm 1; with eta ASAM, Kwon et al. 2021, equation 5 with T = |w| + eta."""

    def perturbed(p, x, y):
        loss, grads = gradient(p, x, y)
        scales = [torch.ones_like(w) if eta is None else w.detach().abs() + eta for w in p.values()]
        length = torch.sqrt(sum((t * g).square().sum() for t, g in zip(scales, grads)))
        moved = {n: (w + rho * t**2 * g / length).detach().requires_grad_() for (n, w), t, g in zip(p.items(), scales, grads)}
        return loss, gradient(moved, x, y)[1]

    return perturbed


def sharded(inner, m):
    """Each m images have a perturbation of their own (Foret et al. 2021, section 4.1)."""

    def mean(p, x, y):
        parts = [inner(p, x[at : at + m], y[at : at + m]) for at in range(0, len(x), m)]
        return torch.stack([loss for loss, _ in parts]).mean(), [torch.stack(gs).mean(0) for gs in zip(*(gs for _, gs in parts))]

    return mean


class Lamb(torch.optim.Optimizer):
    """You et al. 2020, algorithm 2, with phi the identity; PyTorch has none."""

    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-6, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for x in group["params"]:
                s = self.state[x]
                if not s:
                    s |= {"t": 0, "m": torch.zeros_like(x), "v": torch.zeros_like(x)}
                s["t"] += 1
                s["m"] = b1 * s["m"] + (1 - b1) * x.grad
                s["v"] = b2 * s["v"] + (1 - b2) * x.grad**2
                r = s["m"] / (1 - b1 ** s["t"]) / (torch.sqrt(s["v"] / (1 - b2 ** s["t"])) + group["eps"])
                u = r + group["weight_decay"] * x
                x -= group["lr"] * x.norm() / u.norm() * u


def sgd(**options):
    return lambda p: torch.optim.SGD(p.values(), **{"lr": 0.1} | options)


def adamw(**options):
    return lambda p: torch.optim.AdamW(p.values(), **{"lr": 0.01, "weight_decay": 0.1} | options)


def masked(make, **options):
    """Only kernels decay."""

    def of(p):
        kernels = [w for n, w in p.items() if n.endswith("kernel")]
        others = [w for n, w in p.items() if not n.endswith("kernel")]
        return make([{"params": kernels, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=0.01, **options)

    return of


def warmed(after):
    """Factors of the rate by the number of steps done."""
    return lambda step: step / WARMUP if step < WARMUP else after(step)


progress = lambda step: (step - WARMUP) / (STEPS - WARMUP)
SCHEDULES = {
    "cosine": warmed(lambda step: (1 + math.cos(math.pi * progress(step))) / 2),
    "linear": warmed(lambda step: 1 - progress(step)),
    "step": warmed(lambda step: 0.1 ** ((step >= 5) + (step >= 8))),
    "constant": warmed(lambda step: 1),
}
momentum = sgd(momentum=0.9, weight_decay=0.01)

# name: (optimizer, gradient, schedule, clipped)
RUNS = {
    "sgd": (sgd(), gradient, None, False),
    "sgdDecay": (sgd(weight_decay=0.01), gradient, None, False),
    "momentum": (momentum, gradient, None, False),
    "nesterov": (sgd(momentum=0.9, nesterov=True, weight_decay=0.01), gradient, None, False),
    "adamw": (adamw(), gradient, None, False),
    "adamwKernels": (masked(torch.optim.AdamW), gradient, None, False),
    "lamb": (lambda p: Lamb(p.values(), lr=0.01, weight_decay=0.1), gradient, None, False),
    "lambKernels": (masked(Lamb), gradient, None, False),
    "clip": (momentum, gradient, None, True),
    "clipAdamw": (adamw(), gradient, None, True),
    "cosine": (adamw(), gradient, "cosine", False),
    "linear": (momentum, gradient, "linear", False),
    "step": (momentum, gradient, "step", False),
    "constant": (adamw(), gradient, "constant", False),
    "samSgd": (momentum, sam(0.05), None, False),
    "samAdamw": (adamw(), sam(0.05), None, False),
    "samShards": (adamw(), sharded(sam(0.05), BATCH // 2), None, False),
    "asamSgd": (momentum, sam(0.5, 0.01), None, False),
    "asamAdamw": (adamw(), sam(0.5, 0.01), None, False),
    "asamShards": (momentum, sharded(sam(0.5, 0.01), BATCH // 2), "cosine", True),
}


def clip(p):
    """clip_grad_norm_ divides by norm + 1e-6; what that 1e-6 takes is given back, so that the norm is CLIP."""
    norm = torch.nn.utils.clip_grad_norm_(p.values(), CLIP)
    if norm + 1e-6 > CLIP:
        for w in p.values():
            w.grad *= (norm + 1e-6) / norm


def train(raw, images, labels, dtype, make, gradients, schedule, clipped):
    p = {n: torch.tensor(w, dtype=dtype).requires_grad_() for n, w in raw.items()}
    optimizer = make(p)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, SCHEDULES[schedule]) if schedule else None
    losses = []
    for x, y in zip(torch.tensor(images, dtype=dtype), torch.tensor(labels, dtype=torch.int64)):
        loss, grads = gradients(p, x, y)
        for w, g in zip(p.values(), grads):
            w.grad = g.clone()
        if clipped:
            clip(p)
        optimizer.step()
        if scheduler:
            scheduler.step()
        losses.append(loss.item())
    return {"losses": torch.tensor(losses, dtype=dtype)} | {f"params.{n}": w.detach() for n, w in p.items()}


def main():
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    around = {"scale": 1.0}
    params = {n: rng.standard_normal(shape) * 0.5 + around.get(n.split(".")[1], 0.0) for n, shape in SHAPES.items()}
    images = rng.standard_normal((STEPS, BATCH, INPUTS))
    labels = rng.integers(0, CLASSES, (STEPS, BATCH)).astype(np.int32)
    arrays = {f"params.{n}": w for n, w in params.items()} | {"images": images, "labels": labels}
    for kind, dtype in {"f64": torch.float64, "f32": torch.float32}.items():
        for name, run in RUNS.items():
            made = train(params, images, labels, dtype, *run)
            arrays |= {f"{kind}.{name}.{key}": value.numpy() for key, value in made.items()}
    write(f"{sys.argv[1]}/optim.safetensors", arrays)


main()
