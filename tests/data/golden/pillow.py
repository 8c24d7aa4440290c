"""Writes pillow.json: what Pillow makes of one image, for tests/data/imageOps.test.ts (made with Pillow 13.0.0). No coordinate is half way
between two pixels: there Pillow's fixed point decides."""

import base64
import json
import pathlib

from PIL import Image, ImageEnhance, ImageOps

WIDTH, HEIGHT = 20, 16


def pixel(x, y):
    """The image of tests/data/imageOps.test.ts."""
    return (30 + (x * 37 + y * 91 + x * y * 13) % 160, (x * x * 5 + y * 29) % 256, 200 - (x * 3 + y * 7) % 64)


image = Image.new("RGB", (WIDTH, HEIGHT))
image.putdata([pixel(x, y) for y in range(HEIGHT) for x in range(WIDTH)])
grey = Image.new("L", (WIDTH, HEIGHT))
grey.putdata([pixel(x, y)[0] for y in range(HEIGHT) for x in range(WIDTH)])
FILL = (128, 128, 128)


def affine(*matrix):
    """Pillow's coordinates are those of corners, ours those of pixel centres: x' + .5 = a (x + .5) + b (y + .5) + c."""
    a, b, c, d, e, f = matrix
    c, f = c + (1 - a - b) / 2, f + (1 - d - e) / 2
    return image.transform((WIDTH, HEIGHT), Image.Transform.AFFINE, (a, b, c, d, e, f), Image.Resampling.NEAREST, fillcolor=FILL)


cases = {
    "AutoContrast": ImageOps.autocontrast(image),
    "Equalize": ImageOps.equalize(image),
    "Invert": ImageOps.invert(image),
    **{f"Posterize {bits}": ImageOps.posterize(image, bits) for bits in (1, 4, 6, 8)},
    **{f"Solarize {threshold}": ImageOps.solarize(image, threshold) for threshold in (0, 77, 200, 256)},
    **{f"Rotate {degrees}": image.rotate(degrees, Image.Resampling.NEAREST, fillcolor=FILL) for degrees in (-44, 11, 30, 90)},
    **{f"ShearX {factor}": affine(1, factor, 0, 0, 1, 0) for factor in (-0.43, 0.2)},
    **{f"ShearY {factor}": affine(1, 0, 0, factor, 1, 0) for factor in (-0.27, 0.44)},
    **{f"TranslateX {pixels}": affine(1, 0, -pixels, 0, 1, 0) for pixels in (-5, 3)},
    **{f"TranslateY {pixels}": affine(1, 0, 0, 0, 1, -pixels) for pixels in (-14, 2)},
}
for name in ("Color", "Contrast", "Brightness", "Sharpness"):
    for factor in (0.0, 0.1, 0.7, 1.0, 1.9, 2.8):
        cases[f"{name} {factor}"] = getattr(ImageEnhance, name)(image).enhance(factor)
greys = {
    "AutoContrast": ImageOps.autocontrast(grey),
    "Equalize": ImageOps.equalize(grey),
    "Contrast 1.9": ImageEnhance.Contrast(grey).enhance(1.9),
    "Sharpness 0.1": ImageEnhance.Sharpness(grey).enhance(0.1),
    "Rotate 30": grey.rotate(30, Image.Resampling.NEAREST, fillcolor=128),
}
text = {kind: {name: base64.b64encode(made.tobytes()).decode() for name, made in these.items()} for kind, these in {"rgb": cases, "grey": greys}.items()}
pathlib.Path(__file__).with_name("pillow.json").write_text(json.dumps(text, indent=1) + "\n")
