"""What timm computes with random weights, for timm.test.ts and timm.live.test.ts to compare with.

Usage: python timm.py FOLDER   (writes timm-{vit,mixer,resnet}.safetensors: small networks, and timm-full-*.safetensors: published sizes)
Each file has tensors.<timm's key>, images [2, H, W, C], the logits in f32.logits and f64.logits, and in f32.error how far f32 may be from f64.
"""

import importlib.util
import sys
from pathlib import Path

import torch
from common import write

sys.path.pop(0)  # this folder, where the name timm means this file


def find_operators():
    """timm imports torchvision, whose operators in C++ do not load beside every PyTorch. timm calls none of them, and their names suffice."""
    folder = Path(importlib.util.find_spec("torchvision").origin).parent
    try:
        torch.ops.load_library(next(folder.glob("_C.*")))
        return None
    except OSError:
        operators = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return operators


operators = find_operators()

import timm  # noqa: E402
from timm.models.mlp_mixer import MlpMixer  # noqa: E402
from timm.models.resnet import Bottleneck, ResNet, downsample_conv  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402


def small_resnet():
    """Of width 3: the stem, which timm always makes 64 wide, is replaced."""
    net = ResNet(Bottleneck, (1, 2, 1, 1), channels=(3, 6, 12, 24), num_classes=5)
    net.conv1 = torch.nn.Conv2d(3, 3, 7, stride=2, padding=3, bias=False)
    net.bn1 = torch.nn.BatchNorm2d(3)
    net.layer1 = torch.nn.Sequential(Bottleneck(3, 3, downsample=downsample_conv(3, 12, 1)))
    return net


def randomise(net, generator):
    """Numbers far from where training starts: nothing is zero, and no two channels are alike."""
    normal = lambda w: torch.randn(w.shape, generator=generator)
    for name, w in net.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var"):
            w.copy_(0.5 + torch.rand(w.shape, generator=generator))
        elif w.ndim == 1:
            w.copy_(0.2 * normal(w) + (1 if name.endswith("weight") else 0))
        elif name in ("cls_token", "pos_embed"):
            w.copy_(0.5 * normal(w))
        else:
            w.copy_(normal(w) / w[0].numel() ** 0.5)


def save(path, net, side, seed, batches):
    """f32.error is the largest difference of so many batches, the file's included: one batch of few logits would be one draw."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        randomise(net, generator)
        net.eval()
        all_images = torch.rand((batches, 2, side, side, 3), generator=generator) * 2 - 1
        images = all_images[0]
        run = lambda dtype, x=images: net.to(dtype)(x.to(dtype).permute(0, 3, 1, 2))
        scale = run(torch.float64).square().mean().sqrt()
        net.float()
        for w in net.get_classifier().parameters():
            w.div_(scale.float())  # logits of size 1
        results = {"f64.logits": run(torch.float64), "f32.logits": run(torch.float32)}
        errors = [(run(torch.float32, x) - run(torch.float64, x)).abs().max() for x in all_images]
        results["f32.error"] = torch.stack(errors).max()
        net.float()
    tensors = {f"tensors.{name}": w for name, w in net.state_dict().items() if w.is_floating_point()}
    write(path, {name: x.contiguous().numpy() for name, x in (tensors | {"images": images} | results).items()})


def main():
    torch.set_num_threads(1)
    small = {
        "vit": (VisionTransformer(img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=2, num_classes=5), 16),
        "mixer": (MlpMixer(img_size=16, patch_size=8, embed_dim=12, num_blocks=2, num_classes=5), 16),
        "resnet": (small_resnet(), 32),
    }
    for seed, (name, (net, side)) in enumerate(small.items()):
        save(f"{sys.argv[1]}/timm-{name}.safetensors", net, side, seed, batches=16)
    full = {"vit": "vit_small_patch16_224", "mixer": "mixer_s32_224", "resnet": "resnet50"}
    for seed, (name, known) in enumerate(full.items()):
        save(f"{sys.argv[1]}/timm-full-{name}.safetensors", timm.create_model(known, pretrained=False), 224, 10 + seed, batches=1)


main()
