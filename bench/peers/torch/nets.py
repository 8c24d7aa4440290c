"""The networks of steppe in PyTorch, as functions of a dict of parameters by steppe's paths."""

import torch
import torch.nn.functional as F


def to_torch(path, value, channels_last):
    """Kernels [inputs, outputs] become [outputs, inputs]; [kH, kW, C, F] become [F, C, kH, kW]."""
    if path.endswith("kernel") and value.ndim == 2:
        return value.T.contiguous()
    if value.ndim == 4:
        form = torch.channels_last if channels_last else torch.contiguous_format
        return value.permute(3, 2, 0, 1).contiguous(memory_format=form)
    return value.clone()


def from_torch(path, value):
    if path.endswith("kernel") and value.ndim == 2:
        return value.T
    return value.permute(2, 3, 1, 0) if value.ndim == 4 else value


def leaves(flat, layout, channels_last):
    """{ path: tensor } of a flat vector, in the order of the layout."""
    tree = {}
    for entry in layout:
        shape = entry["shape"]
        size = torch.Size(shape).numel()
        piece = flat[entry["offset"] : entry["offset"] + size].reshape(shape)
        tree[entry["path"]] = to_torch(entry["path"], piece, channels_last)
    return tree


def ravel(tree):
    return torch.cat([from_torch(path, value).reshape(-1) for path, value in tree.items()])


def dense(p, at, x):
    return F.linear(x, p[f"{at}.kernel"], p[f"{at}.bias"])


def norm(p, at, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{at}.scale"], p[f"{at}.bias"], 1e-6)


def mlp(p, at, x):
    return dense(p, f"{at}.fc2", F.gelu(dense(p, f"{at}.fc1", x), approximate="tanh"))


def embed(p, images, patch):
    return F.conv2d(images, p["embed.kernel"], p["embed.bias"], stride=patch).flatten(2).transpose(1, 2)


def fused_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)


def plain_attention(q, k, v):
    """The fused one has no second derivative on the CPU."""
    return torch.softmax(q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5, -1) @ v


def vit(config, p, _state, images, _train, attention):
    x = embed(p, images, config["patch"])
    x = torch.cat([p["cls"].expand(x.shape[0], -1, -1), x], 1) + p["position"]
    b, n, d = x.shape
    for i in range(config["layers"]):
        at = f"blocks.{i}"
        qkv = dense(p, f"{at}.attention.qkv", norm(p, f"{at}.norm1", x))
        q, k, v = qkv.reshape(b, n, 3, config["heads"], -1).permute(2, 0, 3, 1, 4)
        x = x + dense(p, f"{at}.attention.out", attention(q, k, v).transpose(1, 2).reshape(b, n, d))
        x = x + mlp(p, f"{at}.mlp", norm(p, f"{at}.norm2", x))
    return dense(p, "head", norm(p, "norm", x[:, 0]))


def mixer(config, p, _state, images, _train, _attention):
    x = embed(p, images, config["patch"])
    for i in range(config["layers"]):
        at = f"blocks.{i}"
        x = x + mlp(p, f"{at}.tokens", norm(p, f"{at}.norm1", x).transpose(1, 2)).transpose(1, 2)
        x = x + mlp(p, f"{at}.channels", norm(p, f"{at}.norm2", x))
    return dense(p, "head", norm(p, "norm", x).mean(1))


def resnet(config, p, state, images, train, _attention):
    """Basic blocks behind a 3 x 3 stem (He et al. 2016, section 4.2), with projections where the width grows."""

    def conv(at, x, stride=1):
        kernel = p[f"{at}.kernel"]
        return F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)

    def batch_norm(at, x):
        mean, variance = state[f"{at}.mean"], state[f"{at}.variance"]
        return F.batch_norm(x, mean, variance, p[f"{at}.scale"], p[f"{at}.bias"], training=train, momentum=0.1, eps=1e-5)

    x = F.relu(batch_norm("norm", conv("conv", images)))
    for stage, count in enumerate(config["blocks"]):
        for i in range(count):
            at, stride = f"stage{stage + 1}.{i}", 2 if i == 0 and stage > 0 else 1
            y = F.relu(batch_norm(f"{at}.norm1", conv(f"{at}.conv1", x, stride)))
            y = batch_norm(f"{at}.norm2", conv(f"{at}.conv2", y))
            if f"{at}.shortcut.kernel" in p:
                x = batch_norm(f"{at}.shortcutNorm", conv(f"{at}.shortcut", x, stride))
            x = F.relu(y + x)
    return dense(p, "head", x.mean((2, 3)))


class Network:
    """A case's network with its data: loss(p) is the mean cross-entropy, in the layout that is fastest for it."""

    def __init__(self, arrays, options, train, attention):
        network = options["network"]
        self.channels_last = network["family"] == "resnet"
        self.layout, self.arrays = options["layout"], arrays
        self.forward, self.config = {"vit": vit, "mixer": mixer, "resnet": resnet}[network["family"]], network["config"]
        self.train, self.attention = train, attention
        self.state_layout = options["stateLayout"]
        form = torch.channels_last if self.channels_last else torch.contiguous_format
        self.images = arrays["images"].permute(0, 3, 1, 2).contiguous(memory_format=form)
        self.labels = arrays["labels"].long()

    def parameters(self):
        return {path: x.requires_grad_() for path, x in leaves(self.arrays["params"], self.layout, self.channels_last).items()}

    def state(self):
        return leaves(self.arrays["state"], self.state_layout, False) if self.state_layout else {}

    def loss(self, p, state):
        return F.cross_entropy(self.forward(self.config, p, state, self.images, self.train, self.attention), self.labels)
