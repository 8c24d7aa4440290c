import type { Kernel } from "../../kernels/kernel.ts";
import { patchEmbedImageGrad, patchEmbedKernelGrad, patchEmbed as patchEmbedKernel } from "../../kernels/patchEmbed/kernel.ts";
import { isFloat, promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { type Aval, apply, type Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";
import { addMaybe, bilinear } from "../graph/rules.ts";
import { checkOptions, checkValue, checkWhole } from "./common.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    patchEmbed(images: Operand, kernel: Operand, bias: Operand | null | undefined, options: { readonly patch: number }): Value;
  }
}

/** The patches of an image: rows x columns of them. */
interface Grid {
  readonly patch: number;
  readonly rows: number;
  readonly columns: number;
}
const gridOf = (attrs: Attrs): Grid => attrs.grid as Grid;

const embed = (images: Value, kernel: Value, grid: Grid): Value => apply(embedPrimitive, [images, kernel], { grid })[0]!;
const imageGrad = (y: Value, kernel: Value, grid: Grid): Value => apply(imageGradPrimitive, [y, kernel], { grid })[0]!;
const kernelGrad = (images: Value, y: Value, grid: Grid): Value => apply(kernelGradPrimitive, [images, y], { grid })[0]!;

function lowering(kernel: Kernel, images: Aval, y: Aval, { patch, rows, columns }: Grid): ReturnType<NonNullable<Primitive["lower"]>> {
  const params = kernel.pack({ n: images.shape[0]!, rows, columns, patch, c: images.shape[3]!, d: y.shape[2]! });
  return { kernel, dtype: y.dtype === "f64" ? "f64" : "f32", params };
}

/** [..., N, H, W, C] -> [..., N * tokens, P * P * C] */
function toPatches(images: Value, { patch, rows, columns }: Grid): Value {
  const lead = images.shape.slice(0, -4),
    rank = lead.length,
    n = images.shape.at(-4)!,
    c = images.shape.at(-1)!;
  const split = o.reshape(images, [...lead, n, rows, patch, columns, patch, c]);
  const grouped = o.transpose(split, [...lead.keys(), ...[0, 1, 3, 2, 4, 5].map((axis) => rank + axis)]);
  return o.reshape(grouped, [...lead, n * rows * columns, patch * patch * c]);
}
/** [..., N * tokens, P * P * C] -> [..., N, H, W, C] */
function fromPatches(patches: Value, n: number, { patch, rows, columns }: Grid): Value {
  const lead = patches.shape.slice(0, -2),
    rank = lead.length,
    c = patches.shape.at(-1)! / (patch * patch);
  const split = o.reshape(patches, [...lead, n, rows, columns, patch, patch, c]);
  const ordered = o.transpose(split, [...lead.keys(), ...[0, 1, 3, 2, 4, 5].map((axis) => rank + axis)]);
  return o.reshape(ordered, [...lead, n, rows * patch, columns * patch, c]);
}
/** Merges an image batch's, or a kernel's, leading axes: the last `kept` stay. */
const rowsOf = (x: Value, lead: number): Value =>
  o.reshape(x, [...x.shape.slice(0, lead), x.shape.slice(lead, -1).reduce((product, size) => product * size, 1), x.shape.at(-1)!]);

// The three in terms of matmul, for any number of leading (mapped) axes in front of every operand.
const embedAsMatmul = (images: Value, kernel: Value, grid: Grid): Value => {
  const y = o.matmul(toPatches(images, grid), rowsOf(kernel, kernel.shape.length - 4));
  return o.reshape(y, [...y.shape.slice(0, -2), images.shape.at(-4)!, grid.rows * grid.columns, y.shape.at(-1)!]);
};
const imageGradAsMatmul = (y: Value, kernel: Value, grid: Grid): Value =>
  fromPatches(o.matmul(rowsOf(y, y.shape.length - 3), o.mT(rowsOf(kernel, kernel.shape.length - 4))), y.shape.at(-3)!, grid);
const kernelGradAsMatmul = (images: Value, y: Value, grid: Grid): Value => {
  const dw = o.matmul(o.mT(toPatches(images, grid)), rowsOf(y, y.shape.length - 3));
  return o.reshape(dw, [...dw.shape.slice(0, -2), grid.patch, grid.patch, images.shape.at(-1)!, dw.shape.at(-1)!]);
};

// The mapped axis moves into the batch, or into the last axis of the kernel or of y, and back.
const mergeFirst = (x: Value): Value => o.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
const splitFirst = (x: Value, size: number): Value => o.reshape(x, [size, x.shape[0]! / size, ...x.shape.slice(1)]);
function mergeLast(x: Value): Value {
  const axes = x.shape.map((_, axis) => axis),
    moved = o.transpose(x, [...axes.slice(1, -1), 0, axes.length - 1]);
  return o.reshape(moved, [...moved.shape.slice(0, -2), x.shape[0]! * x.shape.at(-1)!]);
}
function splitLast(x: Value, size: number): Value {
  const split = o.reshape(x, [...x.shape.slice(0, -1), size, x.shape.at(-1)! / size]),
    rank = split.shape.length;
  return o.transpose(split, [rank - 2, ...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1]);
}

const embedPrimitive: Primitive = {
  name: "patchEmbed",
  kind: "opaque",
  infer: ([images, kernel], attrs) => [
    { shape: [images!.shape[0]!, gridOf(attrs).rows * gridOf(attrs).columns, kernel!.shape[3]!], dtype: images!.dtype },
  ],
  ...bilinear(
    (images, kernel, attrs) => embed(images, kernel, gridOf(attrs)),
    (ct, _images, kernel, attrs) => imageGrad(ct, kernel, gridOf(attrs)),
    (ct, images, _kernel, attrs) => kernelGrad(images, ct, gridOf(attrs)),
  ),
  vmap([images, kernel], [imagesMapped, kernelMapped], size, attrs) {
    if (!kernelMapped) return [splitFirst(embed(mergeFirst(images!), kernel!, gridOf(attrs)), size)];
    if (!imagesMapped) return [splitLast(embed(images!, mergeLast(kernel!), gridOf(attrs)), size)];
    return [embedAsMatmul(images!, kernel!, gridOf(attrs))];
  },
  lower: ([images], [y], attrs) => lowering(patchEmbedKernel, images!, y!, gridOf(attrs)),
  fallback: ([images, kernel], attrs) => [embedAsMatmul(images!, kernel!, gridOf(attrs))],
};

const imageGradPrimitive: Primitive = {
  name: "patchEmbedImageGrad",
  kind: "opaque",
  infer([y, kernel], attrs) {
    const { patch, rows, columns } = gridOf(attrs);
    return [{ shape: [y!.shape[0]!, rows * patch, columns * patch, kernel!.shape[2]!], dtype: y!.dtype }];
  },
  ...bilinear(
    (y, kernel, attrs) => imageGrad(y, kernel, gridOf(attrs)),
    (ct, _y, kernel, attrs) => embed(ct, kernel, gridOf(attrs)),
    (ct, y, _kernel, attrs) => kernelGrad(ct, y, gridOf(attrs)),
  ),
  vmap([y, kernel], [, kernelMapped], size, attrs) {
    return [kernelMapped ? imageGradAsMatmul(y!, kernel!, gridOf(attrs)) : splitFirst(imageGrad(mergeFirst(y!), kernel!, gridOf(attrs)), size)];
  },
  lower: ([y], [images], attrs) => lowering(patchEmbedImageGrad, images!, y!, gridOf(attrs)),
  fallback: ([y, kernel], attrs) => [imageGradAsMatmul(y!, kernel!, gridOf(attrs))],
};

const kernelGradPrimitive: Primitive = {
  name: "patchEmbedKernelGrad",
  kind: "opaque",
  infer: ([images, y], attrs) => [{ shape: [gridOf(attrs).patch, gridOf(attrs).patch, images!.shape[3]!, y!.shape[2]!], dtype: y!.dtype }],
  ...bilinear(
    (images, y, attrs) => kernelGrad(images, y, gridOf(attrs)),
    (ct, _images, y, attrs) => imageGrad(y, ct, gridOf(attrs)),
    (ct, images, _y, attrs) => embed(images, ct, gridOf(attrs)),
  ),
  vmap([images, y], [imagesMapped], size, attrs) {
    return [imagesMapped ? kernelGradAsMatmul(images!, y!, gridOf(attrs)) : splitLast(kernelGrad(images!, mergeLast(y!), gridOf(attrs)), size)];
  },
  lower: ([images, y], _outputs, attrs) => lowering(patchEmbedKernelGrad, images!, y!, gridOf(attrs)),
  fallback: ([images, y], attrs) => [kernelGradAsMatmul(images!, y!, gridOf(attrs))],
};

/** images [N, H, W, C] cut into patches, each times the kernel [P, P, C, D], plus the bias [D]: [N, tokens, D]. */
function patchEmbed(first: Operand, second: Operand, third: Operand | null | undefined, options: { readonly patch: number }): Value {
  const images = checkValue("patchEmbed", "images", first),
    kernel = checkValue("patchEmbed", "kernel", second);
  const bias = third === undefined || third === null ? null : checkValue("patchEmbed", "bias", third);
  checkOptions("patchEmbed", options, ["patch"]);
  const patch = checkWhole("patchEmbed", "patch", options?.patch, 1);
  if (images.shape.length !== 4) fail("ERR_SHAPE", "patchEmbed", `images must be [N, H, W, C], got ${showShape(images.shape)}`);
  const [, h, w, c] = images.shape as [number, number, number, number];
  if (h % patch !== 0 || w % patch !== 0) fail("ERR_SHAPE", "patchEmbed", `patches of ${patch} must divide the image, got ${h} x ${w} pixels`);
  if (kernel.shape.length !== 4 || kernel.shape[0] !== patch || kernel.shape[1] !== patch || kernel.shape[2] !== c) {
    fail(
      "ERR_SHAPE",
      "patchEmbed",
      `kernel must be [${patch}, ${patch}, ${c}, D] for images ${showShape(images.shape)}, got ${showShape(kernel.shape)}`,
    );
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== kernel.shape[3]))
    fail("ERR_SHAPE", "patchEmbed", `bias must be [${kernel.shape[3]}], got ${showShape(bias.shape)}`);
  const dtype = [kernel, ...(bias ? [bias] : [])].reduce((joined, x) => promote(joined, x.dtype), images.dtype);
  if (!isFloat(dtype))
    fail("ERR_DTYPE", "patchEmbed", `one of images and kernel must be floats, got ${images.dtype} and ${kernel.dtype} (cast one with x.cast("f32"))`);
  const y = embed(o.cast(images, dtype), o.cast(kernel, dtype), { patch, rows: h / patch, columns: w / patch });
  return addMaybe(y, bias)!;
}

define({ patchEmbed });
