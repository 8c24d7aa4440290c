import { type Conv2dParams, conv2d as conv2dKernel, conv2dInputGrad, conv2dWeightGrad } from "../../kernels/conv2d/kernel.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { isFloat, promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";
import { bilinear } from "../graph/rules.ts";
import { checkOptions, checkValue } from "./common.ts";
import { tapsOf, untap, type Windows } from "./taps.ts";
import { checkPair, type Padding, type Pair, slide } from "./windows.ts";

/** What conv2d takes. */
export interface Conv2dOptions {
  /** How far the filter moves, in pixels. Default: 1. */
  readonly stride?: number | Pair;
  /** Default: "same". */
  readonly padding?: Padding;
  /** Groups of channels that do not see each other; must divide C and F (else ERR_SHAPE). Default: 1. */
  readonly groups?: number;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    conv2d(x: Operand, w: Operand, options?: Conv2dOptions): Value;
  }
}

// One convolution is known by the shapes of its three parts and how the windows slide; each of forward (x, w -> y), input
// gradient (y, w -> x) and weight gradient (x, y -> w) is bilinear, and its derivatives are the other two.
interface Geometry extends Windows {
  readonly groups: number;
}
const geometryOf = (attrs: Attrs): Geometry => attrs.geometry as Geometry;
const channels = (x: Aval): number => x.shape.at(-1)!;

const apply2 = (primitive: Primitive, a: Value, b: Value, geometry: Geometry): Value => apply(primitive, [a, b], { geometry })[0]!;
const forward = (x: Value, w: Value, g: Geometry): Value => apply2(forwardPrimitive, x, w, g);
const inputGrad = (y: Value, w: Value, g: Geometry): Value => apply2(inputGradPrimitive, y, w, g);
const weightGrad = (x: Value, y: Value, g: Geometry): Value => apply2(weightGradPrimitive, x, y, g);

function lowering(kernel: Kernel, x: Aval, w: Aval, y: Aval, g: Geometry): ReturnType<NonNullable<Primitive["lower"]>> {
  const params: Conv2dParams = {
    n: x.shape[0]!,
    h: g.image[0],
    w: g.image[1],
    c: channels(x),
    kH: g.window[0],
    kW: g.window[1],
    f: channels(y),
    groups: g.groups,
    strideH: g.stride[0],
    strideW: g.stride[1],
    top: g.low[0],
    left: g.low[1],
    outH: g.out[0],
    outW: g.out[1],
  };
  return { kernel, dtype: w.dtype === "f64" ? "f64" : "f32", params: kernel.pack(params) };
}

const forwardPrimitive: Primitive = {
  name: "conv2d",
  kind: "opaque",
  infer: ([x, w], attrs) => [{ shape: [x!.shape[0]!, ...geometryOf(attrs).out, channels(w!)], dtype: x!.dtype }],
  ...bilinear(
    (x, w, attrs) => forward(x, w, geometryOf(attrs)),
    (ct, _x, w, attrs) => inputGrad(ct, w, geometryOf(attrs)),
    (ct, x, _w, attrs) => weightGrad(x, ct, geometryOf(attrs)),
  ),
  vmap([x, w], [xMapped, wMapped], size, attrs) {
    const g = geometryOf(attrs),
      n = x!.shape.at(-4)!;
    if (!wMapped) return [splitBatch(forward(mergeBatch(x!), w!, g), size)];
    const y = xMapped
      ? forward(mergeChannels(x!, 3), mergeChannels(w!, 3), { ...g, groups: size * g.groups })
      : forward(x!, mergeInGroups(w!, g.groups), g);
    return [xMapped ? splitChannels(y, [n, ...g.out], size) : splitInGroups(y, [n, ...g.out], size, g.groups)];
  },
  lower: ([x, w], [y], attrs) => lowering(conv2dKernel, x!, w!, y!, geometryOf(attrs)),
  fallback([x, w], attrs) {
    const g = geometryOf(attrs),
      weights = weightTaps(w!, g);
    const y = tapsOf(x!, g)
      .map((tap, i) => o.matmul(byGroup(tap, g.groups), weights[i]!))
      .reduce((a, b) => o.add(a, b));
    return [o.reshape(y, [x!.shape[0]!, ...g.out, channels(w!)])];
  },
};

const inputGradPrimitive: Primitive = {
  name: "conv2dInputGrad",
  kind: "opaque",
  infer: ([y, w], attrs) => [{ shape: [y!.shape[0]!, ...geometryOf(attrs).image, w!.shape[2]! * geometryOf(attrs).groups], dtype: y!.dtype }],
  ...bilinear(
    (y, w, attrs) => inputGrad(y, w, geometryOf(attrs)),
    (ct, _y, w, attrs) => forward(ct, w, geometryOf(attrs)),
    (ct, y, _w, attrs) => weightGrad(ct, y, geometryOf(attrs)),
  ),
  vmap([y, w], [yMapped, wMapped], size, attrs) {
    const g = geometryOf(attrs),
      n = y!.shape.at(-4)!;
    if (!wMapped) return [splitBatch(inputGrad(mergeBatch(y!), w!, g), size)];
    const x = yMapped
      ? inputGrad(mergeChannels(y!, 3), mergeChannels(w!, 3), { ...g, groups: size * g.groups })
      : inputGrad(y!, mergeChannels(w!, 2), g); // the filter's c / groups is the same for all groups
    return [yMapped ? splitChannels(x, [n, ...g.image], size) : splitInGroups(x, [n, ...g.image], size, g.groups)];
  },
  lower: ([y, w], [x], attrs) => lowering(conv2dInputGrad, x!, w!, y!, geometryOf(attrs)),
  fallback([y, w], attrs) {
    const g = geometryOf(attrs),
      shape = [y!.shape[0]!, ...g.out, w!.shape[2]! * g.groups];
    return [
      untap(
        weightTaps(w!, g).map((tap) => o.reshape(o.matmul(byGroup(y!, g.groups), o.mT(tap)), shape)),
        g,
      ),
    ];
  },
};

const weightGradPrimitive: Primitive = {
  name: "conv2dWeightGrad",
  kind: "opaque",
  infer: ([x, y], attrs) => [{ shape: [...geometryOf(attrs).window, channels(x!) / geometryOf(attrs).groups, channels(y!)], dtype: x!.dtype }],
  ...bilinear(
    (x, y, attrs) => weightGrad(x, y, geometryOf(attrs)),
    (ct, _x, y, attrs) => inputGrad(y, ct, geometryOf(attrs)),
    (ct, x, _y, attrs) => forward(x, ct, geometryOf(attrs)),
  ),
  vmap([x, y], [xMapped, yMapped], size, attrs) {
    const g = geometryOf(attrs),
      lead = [...g.window, channels(x!) / g.groups];
    if (yMapped) {
      return xMapped
        ? [splitChannels(weightGrad(mergeChannels(x!, 3), mergeChannels(y!, 3), { ...g, groups: size * g.groups }), lead, size)]
        : [splitInGroups(weightGrad(x!, mergeInGroups(y!, g.groups), g), lead, size, g.groups)];
    }
    const w = weightGrad(mergeInGroups(x!, g.groups), y!, g); // [kH, kW, size * (c / groups), f]
    return [o.transpose(o.reshape(w, [...g.window, size, w.shape[2]! / size, w.shape[3]!]), [2, 0, 1, 3, 4])];
  },
  lower: ([x, y], [w], attrs) => lowering(conv2dWeightGrad, x!, w!, y!, geometryOf(attrs)),
  fallback([x, y], attrs) {
    const g = geometryOf(attrs),
      pixels = (image: Value): Value =>
        o.transpose(o.reshape(image, [x!.shape[0]! * g.out[0] * g.out[1], g.groups, channels(image) / g.groups]), [1, 0, 2]);
    // [groups, C / groups, F / groups] a tap
    const taps = tapsOf(x!, g).map((tap) => o.transpose(o.matmul(o.mT(pixels(tap)), pixels(y!)), [1, 0, 2]));
    return [o.reshape(o.stack(taps), [...g.window, channels(x!) / g.groups, channels(y!)])];
  },
};

/** [N, H, W, C] -> [N, H, W, groups, 1, C / groups] */
const byGroup = (x: Value, groups: number): Value => o.reshape(x, [...x.shape.slice(0, 3), groups, 1, channels(x) / groups]);
/** A filter's taps, each [groups, C / groups, F / groups]. */
function weightTaps(w: Value, { window, groups }: Geometry): Value[] {
  const [, , c, f] = w.shape as [number, number, number, number],
    count = window[0] * window[1];
  const taps = o.transpose(o.reshape(w, [count, c, groups, f / groups]), [0, 2, 1, 3]);
  return Array.from({ length: count }, (_, i) => o.reshape(o.slice(taps, [i, 0, 0, 0], [i + 1, groups, c, f / groups]), [groups, c, f / groups]));
}

// Moving the mapped axis, which is axis 0 of rank 5, into another axis of rank 4, and back.
const mergeBatch = (x: Value): Value => o.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
const splitBatch = (x: Value, size: number): Value => o.reshape(x, [size, x.shape[0]! / size, ...x.shape.slice(1)]);
/** [size, ..., c, ...] -> [..., size * c, ...], c being axis `axis` without the mapped one. */
function mergeChannels(x: Value, axis: number): Value {
  const order = [1, 2, 3, 4];
  order.splice(axis, 0, 0);
  const moved = o.transpose(x, order),
    s = moved.shape;
  return o.reshape(moved, [...s.slice(0, axis), s[axis]! * s[axis + 1]!, ...s.slice(axis + 2)]);
}
/** [..., size * c] -> [size, ..., c] */
function splitChannels(y: Value, lead: readonly number[], size: number): Value {
  return o.transpose(o.reshape(y, [...lead, size, y.shape[3]! / size]), [3, 0, 1, 2, 4]);
}
/** [size, ..., groups * c] -> [..., groups * size * c] */
function mergeInGroups(x: Value, groups: number): Value {
  const [size, a, b, c, d] = x.shape as [number, number, number, number, number];
  return o.reshape(o.transpose(o.reshape(x, [size, a, b, c, groups, d / groups]), [1, 2, 3, 4, 0, 5]), [a, b, c, size * d]);
}
/** [..., groups * size * c] -> [size, ..., groups * c] */
function splitInGroups(y: Value, lead: readonly number[], size: number, groups: number): Value {
  const c = y.shape[3]! / (groups * size);
  return o.reshape(o.transpose(o.reshape(y, [...lead, groups, size, c]), [4, 0, 1, 2, 3, 5]), [size, ...lead, groups * c]);
}

/** x is [N, H, W, C], w [kH, kW, C / groups, F], the result [N, H', W', F]. */
function conv2d(first: Operand, second: Operand, options: Conv2dOptions = {}): Value {
  checkOptions("conv2d", options, ["stride", "padding", "groups"]);
  const { stride = 1, padding = "same", groups = 1 } = options;
  const a = checkValue("conv2d", "x", first),
    b = checkValue("conv2d", "w", second),
    dtype = promote(a.dtype, b.dtype);
  const shapes = `x is ${showShape(a.shape)}, w is ${showShape(b.shape)}`;
  if (a.shape.length !== 4 || b.shape.length !== 4) fail("ERR_SHAPE", "conv2d", `x must be [N, H, W, C] and w [kH, kW, C / groups, F]: ${shapes}`);
  if (!isFloat(dtype)) fail("ERR_DTYPE", "conv2d", `x and w must be floats, got ${a.dtype} and ${b.dtype} (cast one with x.cast("f32"))`);
  if (!Number.isInteger(groups) || groups < 1) fail("ERR_ARGUMENT", "conv2d", `groups must be a whole number from 1 on, got ${String(groups)}`);
  const [, h, w, c] = a.shape as [number, number, number, number],
    [kH, kW, inGroup, f] = b.shape as [number, number, number, number];
  if (c % groups !== 0 || f % groups !== 0) fail("ERR_SHAPE", "conv2d", `groups must divide the channels C and F, got ${groups} groups: ${shapes}`);
  if (c !== inGroup * groups) fail("ERR_SHAPE", "conv2d", `w must have C / groups = ${c / groups} input channels, got ${inGroup}: ${shapes}`);
  const strides = checkPair("conv2d", "stride", stride);
  const [rows, columns] = slide("conv2d", [h, w], [kH, kW], strides, padding);
  return forward(o.cast(a, dtype), o.cast(b, dtype), {
    image: [h, w],
    window: [kH, kW],
    out: [rows.out, columns.out],
    stride: strides,
    low: [rows.low, columns.low],
    groups,
  });
}

define({ conv2d });
