import { avgPool, avgPoolGrad, maxPool, type PoolParams } from "../../kernels/pool/kernel.ts";
import { isFloat, toFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { type Aval, apply, type Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";
import { linear } from "../graph/rules.ts";
import { checkOptions, checkValue } from "./common.ts";
import { tapsOf, untap, type Windows } from "./taps.ts";
import { checkPair, type Padding, type Pair, slide } from "./windows.ts";

/** What maxPool2d and avgPool2d take. */
export interface PoolOptions {
  /** The size of the window, in pixels. */
  readonly window: number | Pair;
  /** Default: the window. */
  readonly stride?: number | Pair;
  /** Default: "valid". */
  readonly padding?: Padding;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    maxPool2d(x: Operand, options: PoolOptions): Value;
    avgPool2d(x: Operand, options: PoolOptions): Value;
  }
}

const geometryOf = (attrs: Attrs): Windows => attrs.geometry as Windows;

const paramsOf = (x: Aval, { image, window, stride, low, out }: Windows): PoolParams => ({
  n: x.shape[0]!,
  h: image[0],
  w: image[1],
  c: x.shape[3]!,
  windowH: window[0],
  windowW: window[1],
  strideH: stride[0],
  strideW: stride[1],
  top: low[0],
  left: low[1],
  outH: out[0],
  outW: out[1],
});
const kernelType = (x: Aval): "f64" | "f32" => (x.dtype === "f64" ? "f64" : "f32");
const resized = (x: Aval, size: Pair): Aval => ({ shape: [x.shape[0]!, ...size, x.shape[3]!], dtype: x.dtype });

const mergeBatch = (x: Value): Value => o.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
const splitBatch = (x: Value, size: number): Value => o.reshape(x, [size, x.shape[0]! / size, ...x.shape.slice(1)]);
/** [N, H, W, C] -> [N, H * W, C] */
const planes = (x: Value): Value => o.reshape(x, [x.shape[0]!, x.shape[1]! * x.shape[2]!, x.shape[3]!]);

/** x -> the largest of each window, and its place in the H * W plane. */
const maxPrimitive: Primitive = {
  name: "maxPool2d",
  kind: "opaque",
  infer: ([x], attrs) => [resized(x!, geometryOf(attrs).out), { ...resized(x!, geometryOf(attrs).out), dtype: "i32" }],
  vjp([ct], { inputs: [x], outputs: [, index] }) {
    if (!ct) return [null];
    const zeros = o.constant(0, x!.dtype, planes(x!).shape);
    return [o.reshape(o.scatterAlongAxis(zeros, planes(index!), planes(ct), { axis: 1 }), x!.shape)];
  },
  jvp([tangent], { outputs: [y, index] }) {
    return [tangent ? o.reshape(o.takeAlongAxis(planes(tangent), planes(index!), { axis: 1 }), y!.shape) : null, null];
  },
  vmap: ([x], _mapped, size, attrs) => apply(maxPrimitive, [mergeBatch(x!)], attrs).map((y) => splitBatch(y, size)),
  lower: ([x], _outputs, attrs) => ({ kernel: maxPool, dtype: kernelType(x!), params: maxPool.pack(paramsOf(x!, geometryOf(attrs))) }),
  fallback([x], attrs) {
    const g = geometryOf(attrs),
      inside = tapsOf(o.constant(1, "f32", resized(x!, g.image).shape), g);
    const cells = tapsOf(o.broadcastTo(o.reshape(o.arange(g.image[0] * g.image[1]), [1, ...g.image, 1]), x!.shape), g);
    let best = o.constant(0, x!.dtype, inside[0]!.shape),
      index = o.constant(0, "i32", inside[0]!.shape),
      seen = o.constant(0, "f32", inside[0]!.shape);
    tapsOf(x!, g).forEach((value, i) => {
      const larger = o.logicalOr(o.greater(value, best), o.logicalAnd(o.isNaN(value), o.logicalNot(o.isNaN(best))));
      const wins = o.logicalAnd(o.greater(inside[i]!, 0), o.logicalOr(o.equal(seen, 0), larger));
      [best, index, seen] = [o.where(wins, value, best), o.where(wins, cells[i]!, index), o.maximum(seen, inside[i]!)];
    });
    return [best, index];
  },
};

const total = (taps: readonly Value[]): Value => taps.reduce((a, b) => o.add(a, b));
/** How many cells of the image each window sees. */
const counts = (x: Aval, g: Windows): Value => total(tapsOf(o.constant(1, x.dtype, resized(x, g.image).shape), g));

const mean = (x: Value, attrs: Attrs): Value => apply(avgPrimitive, [x], attrs)[0]!;
const spread = (y: Value, attrs: Attrs): Value => apply(avgGradPrimitive, [y], attrs)[0]!;

const avgPrimitive: Primitive = {
  name: "avgPool2d",
  kind: "opaque",
  infer: ([x], attrs) => [resized(x!, geometryOf(attrs).out)],
  ...linear(
    ([x], attrs) => mean(x!, attrs),
    (ct, { attrs }) => [spread(ct, attrs)],
  ),
  vmap: ([x], _mapped, size, attrs) => [splitBatch(mean(mergeBatch(x!), attrs), size)],
  lower: ([x], _outputs, attrs) => ({ kernel: avgPool, dtype: kernelType(x!), params: avgPool.pack(paramsOf(x!, geometryOf(attrs))) }),
  fallback([x], attrs) {
    const g = geometryOf(attrs);
    return [o.div(total(tapsOf(x!, g)), counts(x!, g))];
  },
};

/** The transpose of avgPool2d. */
const avgGradPrimitive: Primitive = {
  name: "avgPool2dGrad",
  kind: "opaque",
  infer: ([y], attrs) => [resized(y!, geometryOf(attrs).image)],
  ...linear(
    ([y], attrs) => spread(y!, attrs),
    (ct, { attrs }) => [mean(ct, attrs)],
  ),
  vmap: ([y], _mapped, size, attrs) => [splitBatch(spread(mergeBatch(y!), attrs), size)],
  lower: ([y], _outputs, attrs) => ({ kernel: avgPoolGrad, dtype: kernelType(y!), params: avgPoolGrad.pack(paramsOf(y!, geometryOf(attrs))) }),
  fallback([y], attrs) {
    const g = geometryOf(attrs),
      share = o.div(y!, counts(y!, g));
    return [untap(new Array<Value>(g.window[0] * g.window[1]).fill(share), g)];
  },
};

function checkPool(op: string, x: Value, options: PoolOptions): Attrs {
  if (x.shape.length !== 4) fail("ERR_SHAPE", op, `x must be [N, H, W, C], got ${showShape(x.shape)}`);
  checkOptions(op, options, ["window", "stride", "padding"]);
  if (options?.window === undefined) fail("ERR_ARGUMENT", op, `a window is needed: ${op}(x, { window: 2 })`);
  const window = checkPair(op, "window", options.window),
    stride = checkPair(op, "stride", options.stride ?? options.window);
  const image: Pair = [x.shape[1]!, x.shape[2]!],
    sliding = slide(op, image, window, stride, options.padding ?? "valid");
  sliding.forEach(({ low, out }, axis) => {
    const last = (out - 1) * stride[axis]! - low;
    if (out > 0 && (low >= window[axis]! || last >= image[axis]!))
      fail(
        "ERR_ARGUMENT",
        op,
        `every window must see a cell of the image: padding ${JSON.stringify(options.padding)} is too wide for a window of ${window[axis]}`,
      );
  });
  const geometry: Windows = { image, window, stride, low: [sliding[0].low, sliding[1].low], out: [sliding[0].out, sliding[1].out] };
  return { geometry };
}

/** The largest of each window; x is [N, H, W, C]. Integers go through f64, which holds them all. */
function maxPool2d(operand: Operand, options: PoolOptions): Value {
  const x = checkValue("maxPool2d", "x", operand),
    attrs = checkPool("maxPool2d", x, options);
  return o.cast(apply(maxPrimitive, [isFloat(x.dtype) ? x : o.cast(x, "f64")], attrs)[0]!, x.dtype);
}

/** The mean of each window, padded cells not counted; x is [N, H, W, C]. */
function avgPool2d(operand: Operand, options: PoolOptions): Value {
  const x = checkValue("avgPool2d", "x", operand),
    attrs = checkPool("avgPool2d", x, options);
  return mean(o.cast(x, toFloat(x.dtype)), attrs);
}

define({ maxPool2d, avgPool2d });
