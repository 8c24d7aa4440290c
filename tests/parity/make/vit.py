"""What PyTorch computes for a small Vision Transformer, for vit.test.ts to compare with.

Usage: python vit.py FOLDER   (writes vit.safetensors)
Names are steppe's tree: params.blocks.0.mlp.fc1.kernel, f64.grads.head.bias, f32.adamw.params.cls ...
"""

import sys

import numpy as np
import torch
import torch.nn.functional as F
from common import write

IMAGE, PATCH, HIDDEN, LAYERS, HEADS, CLASSES, BATCH, STEPS = 8, 4, 8, 2, 2, 3, 4, 5
ADAMW = {"lr": 1e-2, "weight_decay": 0.1}
RHO = 0.05


def make_params(rng):
    """Random numbers everywhere, the head included, so that every gradient is far from zero."""
    tokens = (IMAGE // PATCH) ** 2 + 1
    shapes = {
        "cls": (1, 1, HIDDEN),
        "position": (1, tokens, HIDDEN),
        "embed.kernel": (PATCH, PATCH, 3, HIDDEN),
        "embed.bias": (HIDDEN,),
        "norm.scale": (HIDDEN,),
        "norm.bias": (HIDDEN,),
        "head.kernel": (HIDDEN, CLASSES),
        "head.bias": (CLASSES,),
    }
    for i in range(LAYERS):
        for name, shape in {
            "norm1.scale": (HIDDEN,),
            "norm1.bias": (HIDDEN,),
            "attention.qkv.kernel": (HIDDEN, 3 * HIDDEN),
            "attention.qkv.bias": (3 * HIDDEN,),
            "attention.out.kernel": (HIDDEN, HIDDEN),
            "attention.out.bias": (HIDDEN,),
            "norm2.scale": (HIDDEN,),
            "norm2.bias": (HIDDEN,),
            "mlp.fc1.kernel": (HIDDEN, 4 * HIDDEN),
            "mlp.fc1.bias": (4 * HIDDEN,),
            "mlp.fc2.kernel": (4 * HIDDEN, HIDDEN),
            "mlp.fc2.bias": (HIDDEN,),
        }.items():
            shapes[f"blocks.{i}.{name}"] = shape
    scale = lambda name: 0.3 if "kernel" in name else 0.2
    return {
        name: (rng.standard_normal(shape) * scale(name) + (1 if "scale" in name else 0)).astype(np.float32)
        for name, shape in sorted(shapes.items())
    }


def forward(p, images):
    """images [N, H, W, C] -> logits [N, classes]"""
    kernel = p["embed.kernel"].permute(3, 2, 0, 1)
    x = F.conv2d(images.permute(0, 3, 1, 2), kernel, p["embed.bias"], stride=PATCH).flatten(2).transpose(1, 2)
    x = torch.cat([p["cls"].expand(len(x), -1, -1), x], 1) + p["position"]
    norm = lambda x, name: F.layer_norm(x, (HIDDEN,), p[name + ".scale"], p[name + ".bias"], eps=1e-6)
    linear = lambda x, name: x @ p[name + ".kernel"] + p[name + ".bias"]
    for i in range(LAYERS):
        at = f"blocks.{i}."
        q, k, v = linear(norm(x, at + "norm1"), at + "attention.qkv").unflatten(-1, (3, HEADS, HIDDEN // HEADS)).permute(2, 0, 3, 1, 4)
        weights = (q @ k.mT / (HIDDEN // HEADS) ** 0.5).softmax(-1)
        x = x + linear((weights @ v).transpose(1, 2).flatten(2), at + "attention.out")
        x = x + linear(F.gelu(linear(norm(x, at + "norm2"), at + "mlp.fc1"), approximate="tanh"), at + "mlp.fc2")
    return linear(norm(x, "norm")[:, 0], "head")


def loss_of(p, images, labels):
    return F.cross_entropy(forward(p, images), labels)


def sam_gradient(p, images, labels):
    loss = loss_of(p, images, labels)
    grads = torch.autograd.grad(loss, list(p.values()))
    length = torch.sqrt(sum(g.square().sum() for g in grads))
    moved = {n: (w + RHO * g / length).detach().requires_grad_() for (n, w), g in zip(p.items(), grads)}
    return loss, torch.autograd.grad(loss_of(moved, images, labels), list(moved.values()))


def plain_gradient(p, images, labels):
    loss = loss_of(p, images, labels)
    return loss, torch.autograd.grad(loss, list(p.values()))


def train(params, images, labels, gradient):
    p = {n: w.detach().clone().requires_grad_() for n, w in params.items()}
    optimizer = torch.optim.AdamW(p.values(), **ADAMW)
    losses = []
    for x, y in zip(images, labels):
        loss, grads = gradient(p, x, y)
        for w, g in zip(p.values(), grads):
            w.grad = g
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses, dtype=images.dtype), p


def results(raw, tangent, images, labels, dtype):
    tensor = lambda x: torch.tensor(x, dtype=dtype)
    p = {n: tensor(w).requires_grad_() for n, w in raw.items()}
    v = [tensor(tangent[n]) for n in p]
    x, y = tensor(images), torch.tensor(labels, dtype=torch.int64)
    loss = loss_of(p, x[0], y[0])
    grads = torch.autograd.grad(loss, list(p.values()), create_graph=True)
    products = torch.autograd.grad(grads, list(p.values()), v)
    out = {"logits": forward(p, x[0]), "loss": loss}
    out |= {f"grads.{n}": g for n, g in zip(p, grads)} | {f"hvp.{n}": h for n, h in zip(p, products)}
    for name, gradient in {"adamw": plain_gradient, "sam": sam_gradient}.items():
        losses, trained = train(p, x, y, gradient)
        out |= {f"{name}.losses": losses} | {f"{name}.params.{n}": w for n, w in trained.items()}
    return {name: value.detach().numpy() for name, value in out.items()}


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    params = make_params(rng)
    tangent = {n: rng.standard_normal(w.shape).astype(np.float32) for n, w in params.items()}
    images = rng.standard_normal((STEPS, BATCH, IMAGE, IMAGE, 3)).astype(np.float32)
    labels = rng.integers(0, CLASSES, (STEPS, BATCH)).astype(np.int32)
    arrays = {f"params.{n}": w for n, w in params.items()} | {f"tangent.{n}": w for n, w in tangent.items()}
    arrays |= {"images": images, "labels": labels}
    for name, dtype in {"f64": torch.float64, "f32": torch.float32}.items():
        arrays |= {f"{name}.{key}": value for key, value in results(params, tangent, images, labels, dtype).items()}
    write(f"{sys.argv[1]}/vit.safetensors", arrays)


main()
