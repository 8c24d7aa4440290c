"""PyTorch's side of single operations."""

import torch
import torch.nn.functional as F


def matmul(arrays, _options):
    a, b, g = arrays["a"], arrays["b"], arrays.get("g")
    return {
        "forward": lambda: {"y": a @ b},
        "dgrad": lambda: {"y": g @ b.transpose(-1, -2)},
        "wgrad": lambda: {"y": a.transpose(-1, -2) @ g},
    }


def differentiable(names, outputs, f):
    """Tasks of y = f(names...): alone, and with its pullback of g."""

    def make(arrays, options):
        inputs, g = [arrays[name] for name in names], arrays.get("g")
        tracked = [x.detach().requires_grad_() for x in inputs]

        def both():
            y = f(*tracked, **options)
            return {"y": y, **dict(zip(outputs, torch.autograd.grad(y, tracked, g)))}

        return {"forward": lambda: {"y": f(*inputs, **options)}, "both": both}

    return make


def conv2d(arrays, options):
    # x [N, H, W, C] is the memory of a channels_last [N, C, H, W]; w is [kH, kW, C, F].
    nchw = lambda x: x.permute(0, 3, 1, 2)
    kernel = arrays["w"].permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    padding = kernel.shape[-1] // 2
    f = lambda x, w: F.conv2d(x, w, stride=options["stride"], padding=padding)
    tasks = differentiable(("x", "w"), ("dx", "dw"), f)({"x": nchw(arrays["x"]), "w": kernel, "g": nchw(arrays["g"])}, {})
    back = {"y": (0, 2, 3, 1), "dx": (0, 2, 3, 1), "dw": (2, 3, 1, 0)}
    seen = lambda run: lambda: {name: x.permute(back[name]) for name, x in run().items()}
    return {name: seen(run) for name, run in tasks.items()}


def cross_entropy(arrays, _options):
    x, labels = arrays["x"], arrays["labels"].long()
    tracked = x.detach().requires_grad_()

    def both():
        loss = F.cross_entropy(tracked, labels)
        return {"loss": loss, "dx": torch.autograd.grad(loss, tracked)[0]}

    return {"forward": lambda: {"loss": F.cross_entropy(x, labels)}, "both": both}


def chain(arrays, _options):
    x, b, y, z = (arrays[name] for name in "xbyz")
    return {"forward": lambda: {"y": F.gelu(x + b, approximate="tanh") * y + z}}


def adamw(arrays, options):
    p = arrays["p"].clone().requires_grad_()
    p.grad = arrays["g"]
    optimizer = torch.optim.AdamW([p], lr=options["lr"], weight_decay=options["weightDecay"])

    def step():
        optimizer.step()
        return {"p": p}

    return {"step": step}


def perturb(arrays, _options):
    p, g = arrays["p"], arrays["g"]
    return {"forward": lambda: {"moved": torch.add(p, g, alpha=0.05 / float(torch.linalg.vector_norm(g)))}}


def copy(arrays, _options):
    x = arrays["x"]
    return {"forward": lambda: {"y": torch.neg(x)}}


norm = lambda x, scale, bias: F.layer_norm(x, x.shape[-1:], scale, bias, 1e-6)
KINDS = {
    "matmul": matmul,
    "attention": differentiable("qkv", ("dq", "dk", "dv"), F.scaled_dot_product_attention),
    "conv2d": conv2d,
    "layerNorm": differentiable(("x", "scale", "bias"), ("dx", "dscale", "dbias"), norm),
    "softmax": differentiable("x", ("dx",), lambda x: torch.softmax(x, -1)),
    "crossEntropy": cross_entropy,
    "chain": chain,
    "adamw": adamw,
    "perturb": perturb,
    "copy": copy,
}
