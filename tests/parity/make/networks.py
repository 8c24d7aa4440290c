"""Three small networks in plain PyTorch, for the scripts beside this one, and their parameters as steppe's trees."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CLASSES = 4


class Mlp(nn.Module):
    def __init__(self, size, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(size, hidden), nn.Linear(hidden, size)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


class Attention(nn.Module):
    """In plain products: PyTorch's fused kernels have no second derivative."""

    def __init__(self, size, heads):
        super().__init__()
        self.heads, self.qkv, self.out = heads, nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x):
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2))


class VitBlock(nn.Module):
    def __init__(self, size, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size, eps=1e-6), nn.LayerNorm(size, eps=1e-6)
        self.attention, self.mlp = Attention(size, heads), Mlp(size, 4 * size)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, image, patch, size, heads, layers):
        super().__init__()
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, size))
        self.position = nn.Parameter(0.02 * torch.randn(1, (image // patch) ** 2 + 1, size))
        self.embed = nn.Conv2d(3, size, patch, patch)
        self.blocks = nn.ModuleList(VitBlock(size, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(size, eps=1e-6), nn.Linear(size, CLASSES)

    def forward(self, images):
        x = self.embed(images).flatten(2).mT
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class MixerBlock(nn.Module):
    def __init__(self, tokens, size):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size, eps=1e-6), nn.LayerNorm(size, eps=1e-6)
        self.tokens, self.channels = Mlp(tokens, size // 2), Mlp(size, 4 * size)

    def forward(self, x):
        x = x + self.tokens(self.norm1(x).mT).mT
        return x + self.channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, image, patch, size, layers):
        super().__init__()
        self.embed = nn.Conv2d(3, size, patch, patch)
        self.blocks = nn.ModuleList(MixerBlock((image // patch) ** 2, size) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(size, eps=1e-6), nn.Linear(size, CLASSES)

    def forward(self, images):
        x = self.embed(images).flatten(2).mT
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(1))


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        conv = lambda inputs, window, stride: nn.Conv2d(inputs, outputs, window, stride, window // 2, bias=False)
        self.conv1, self.norm1 = conv(inputs, 3, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = conv(outputs, 3, 1), nn.BatchNorm2d(outputs)
        if inputs != outputs:
            self.shortcut, self.shortcutNorm = conv(inputs, 1, stride), nn.BatchNorm2d(outputs)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (self.shortcutNorm(self.shortcut(x)) if hasattr(self, "shortcut") else x))


class Resnet20(nn.Module):
    """He et al. 2016, section 4.2, with projections where the width grows."""

    def __init__(self, width):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        stage = lambda inputs, outputs, stride: nn.Sequential(
            ResidualBlock(inputs, outputs, stride), ResidualBlock(outputs, outputs, 1), ResidualBlock(outputs, outputs, 1)
        )
        self.stage1, self.stage2, self.stage3 = stage(width, width, 1), stage(width, 2 * width, 2), stage(2 * width, 4 * width, 2)
        self.head = nn.Linear(4 * width, CLASSES)

    def forward(self, images):
        x = self.stage3(self.stage2(self.stage1(F.relu(self.norm(self.conv(images))))))
        return self.head(x.mean((2, 3)))


def tree_of(net):
    """Parameters and running statistics by steppe's names: kernels are [inputs, outputs] and [kH, kW, inputs, outputs]."""
    arrays = {}
    for name, x in net.state_dict().items():
        path, _, leaf = name.rpartition(".")
        if leaf == "num_batches_tracked":
            continue
        if leaf in ("running_mean", "running_var"):
            arrays[f"state.{path}.{'mean' if leaf == 'running_mean' else 'variance'}"] = x
        elif leaf == "weight" and x.ndim > 1:
            arrays[f"params.{path}.kernel"] = x.T if x.ndim == 2 else x.permute(2, 3, 1, 0)
        else:
            arrays[f"params.{path}.scale" if leaf == "weight" else f"params.{name}"] = x
    return {name: x.detach().numpy().astype(np.float32) for name, x in arrays.items()}
