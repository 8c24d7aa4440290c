"""PyTorch's side of the comparison: reads one JSON command a line, answers one JSON line. Arrays travel as raw files."""

import json
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

DTYPES = {"f32": np.float32, "i32": np.int32}


def read(entry):
    array = np.fromfile(entry["path"], dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return torch.from_numpy(array)


def matmul(arrays, _options):
    a, b = arrays["a"], arrays["b"]

    def run():
        return {"y": a @ b}

    return run


def attention(arrays, _options):
    q, k, v = (arrays[name].requires_grad_() for name in "qkv")
    g = arrays["g"]

    def run():
        o = F.scaled_dot_product_attention(q, k, v)
        dq, dk, dv = torch.autograd.grad(o, (q, k, v), g)
        return {"o": o, "dq": dq, "dk": dk, "dv": dv}

    return run


def conv2d(arrays, _options):
    # x [N, H, W, C] is the memory of a channels_last [N, C, H, W]; w is [kH, kW, C, F].
    x = arrays["x"].permute(0, 3, 1, 2).requires_grad_()
    w = arrays["w"].permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last).requires_grad_()
    g = arrays["g"].permute(0, 3, 1, 2)

    def run():
        y = F.conv2d(x, w, padding=1)
        dx, dw = torch.autograd.grad(y, (x, w), g)
        return {"y": y.permute(0, 2, 3, 1), "dx": dx.permute(0, 2, 3, 1), "dw": dw.permute(2, 3, 1, 0)}

    return run


class Vit(torch.nn.Module):
    def __init__(self, p, config):
        super().__init__()
        self.heads, self.patch, self.layers = config["heads"], config["patch"], config["layers"]
        self.p = torch.nn.ParameterDict()
        for name, value in p.items():
            if name == "embed.kernel":  # [P, P, C, D] to [D, C, P, P]
                value = value.permute(3, 2, 0, 1).contiguous()
            elif name.endswith(".kernel"):
                value = value.T.contiguous()
            self.p[name.replace(".", "/")] = torch.nn.Parameter(value)

    def dense(self, name, x):
        return F.linear(x, self.p[f"{name}/kernel"], self.p[f"{name}/bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.p[f"{name}/scale"], self.p[f"{name}/bias"], 1e-6)

    def forward(self, images):
        x = F.conv2d(images, self.p["embed/kernel"], self.p["embed/bias"], stride=self.patch).flatten(2).transpose(1, 2)
        x = torch.cat([self.p["cls"].expand(x.shape[0], -1, -1), x], 1) + self.p["position"]
        b, n, d = x.shape
        for i in range(self.layers):
            at = f"blocks/{i}"
            qkv = self.dense(f"{at}/attention/qkv", self.norm(f"{at}/norm1", x))
            q, k, v = qkv.reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            o = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d)
            x = x + self.dense(f"{at}/attention/out", o)
            h = F.gelu(self.dense(f"{at}/mlp/fc1", self.norm(f"{at}/norm2", x)), approximate="tanh")
            x = x + self.dense(f"{at}/mlp/fc2", h)
        return self.dense("head", self.norm("norm", x[:, 0]))


def vit_step(arrays, options):
    images = arrays.pop("images").permute(0, 3, 1, 2).contiguous()
    labels = arrays.pop("labels").long()
    model = Vit(arrays, options["config"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=options["lr"], weight_decay=options["weightDecay"])

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return {"loss": loss}

    return run


WORKS = {"matmul": matmul, "attention": attention, "conv2d": conv2d, "vit-step": vit_step}
runs = {}


def answer(command):
    kind = command["command"]
    if kind == "start":
        torch.set_num_threads(command["threads"])
        return {"torch": torch.__version__, "threads": torch.get_num_threads(), "isa": torch.backends.cpu.get_cpu_capability()}
    work = command["work"]
    if kind == "load":
        arrays = {name: read(entry) for name, entry in command["inputs"].items()}
        runs[work] = WORKS[work](arrays, command["options"])
        return {}
    if kind == "outputs":
        outputs = {}
        for name, value in runs[work]().items():
            path = f"{command['folder']}/{work}.{name}"
            value.detach().contiguous().numpy().tofile(path)
            outputs[name] = path
        return {"outputs": outputs}
    times = []
    for _ in range(command["repeats"]):
        began = time.perf_counter()
        runs[work]()
        times.append((time.perf_counter() - began) * 1e3)
    return {"times": times, "median": statistics.median(times)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
