import * as kernels from "../../kernels/normalize/kernel.ts";
import { promote, toFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sameShape, showShape, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { apply, type Value } from "../graph/node.ts";
import type { Application, Attrs, Maybe, Primitive } from "../graph/primitive.ts";
import { addMaybe, allMapped, compositeRules } from "../graph/rules.ts";
import { checkOptions, checkValue, checkWhole } from "./common.ts";
import { backwardPlainly, beside, normalizePlainly, rstdOf } from "./normalizePlain.ts";
import { backwardJvp, normalizeJvp } from "./normalizeTangents.ts";

export interface BatchNormOptions {
  readonly mean?: Value;
  readonly variance?: Value;
  readonly eps?: number;
}
export interface BatchNormResult {
  readonly y: Value;
  readonly mean: Value;
  readonly variance: Value;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    layerNorm(x: Value, scale: Value, bias: Value, options?: { readonly eps?: number }): Value;
    groupNorm(x: Value, scale: Value, bias: Value, options: { readonly groups: number; readonly eps?: number }): Value;
    batchNorm(x: Value, scale: Value, bias: Value, options?: BatchNormOptions): BatchNormResult;
  }
}

// One operation for all three: x is [A, R1, K, R2], statistics over (R1, R2) for each (A, K), scale and bias are [K, R2].
// layerNorm: A rows, R2 features. groupNorm: A images, R1 pixels, K groups, R2 channels a group. batchNorm: R1 pixels of all images, K channels.
const groupSize = (x: Value): number => x.shape[1]! * x.shape[3]!;

function normalizeVjp([dy, dmean, dvariance]: readonly Maybe[], { inputs: [x, scale], outputs: [, center, variance], attrs }: Application): Maybe[] {
  const [dx, dscale, dbias] = dy ? apply(backward, [x!, scale!, center!, variance!, dy], attrs) : [null, null, null];
  const byMean = dmean ? o.broadcastTo(o.div(beside(dmean), groupSize(x!)), x!.shape) : null;
  const byVariance = dvariance ? o.mul(o.sub(x!, beside(center!)), o.mul(beside(dvariance), 2 / groupSize(x!))) : null;
  return [addMaybe(addMaybe(dx!, byMean), byVariance), dscale!, dbias!];
}

function paramsOf(shape: readonly number[], attrs: Attrs): kernels.NormalizeParams {
  const [a, r1, k, r2] = shape as [number, number, number, number];
  return { eps: attrs.eps as number, a, r1, k, r2 };
}
/** [S, A, ...] <-> [S * A, ...] */
const merge = (x: Value): Value => o.reshape(x, [x.shape[0]! * x.shape[1]!, ...x.shape.slice(2)]);
const unmerge = (x: Value, size: number): Value => o.reshape(x, [size, x.shape[0]! / size, ...x.shape.slice(1)]);

const normalize: Primitive = {
  name: "normalize",
  kind: "opaque",
  infer([x]) {
    const { shape, dtype } = x!,
      statistic = { shape: [shape[0]!, shape[2]!], dtype };
    return [{ shape, dtype }, statistic, statistic];
  },
  vjp: normalizeVjp,
  jvp: normalizeJvp,
  vmap(inputs, mapped, size, attrs) {
    const [x, scale, bias] = inputs as [Value, Value, Value],
      rows = merge(allMapped([x], mapped, size)[0]!);
    if (!mapped[1] && !mapped[2]) return apply(normalize, [rows, scale, bias], attrs).map((y) => unmerge(y, size));
    const plain = scale.shape.slice(-2),
      one = o.constant(1, x.dtype, plain),
      zero = o.constant(0, x.dtype, plain);
    const [hat, center, variance] = apply(normalize, [rows, one, zero], attrs).map((y) => unmerge(y, size));
    const own = (p: Value, isMapped: boolean): Value => (isMapped ? o.reshape(p, [size, 1, 1, ...plain]) : p);
    return [o.add(o.mul(hat!, own(scale, mapped[1]!)), own(bias, mapped[2]!)), center!, variance!];
  },
  fallback: normalizePlainly,
  again(inputs, [, center, variance], attrs) {
    const [x, scale, bias] = inputs as [Value, Value, Value];
    // A row's statistics cost less than reading them.
    if (x.shape[1] === 1 && x.shape[2] === 1) return apply(normalize, inputs, attrs)[0]!;
    return o.add(o.mul(o.mul(rstdOf(variance!, attrs), scale), o.sub(x, beside(center!))), bias);
  },
  lower: ([x], _, attrs) => ({
    kernel: kernels.normalize,
    dtype: x!.dtype === "f64" ? "f64" : "f32",
    params: kernels.normalize.pack(paramsOf(x!.shape, attrs)),
  }),
};

// inputs x, scale, mean, variance, dy; outputs dx, dscale, dbias
const backward: Primitive = {
  name: "normalizeBackward",
  kind: "opaque",
  infer: ([x, scale]) => [x!, scale!, scale!].map(({ shape, dtype }) => ({ shape, dtype })),
  ...compositeRules(backwardPlainly),
  jvp: backwardJvp,
  lower: ([x], _, attrs) => ({
    kernel: kernels.normalizeBackward,
    dtype: x!.dtype === "f64" ? "f64" : "f32",
    params: kernels.normalizeBackward.pack(paramsOf(x!.shape, attrs)),
  }),
};

interface Affine {
  readonly x: Value;
  readonly scale: Value;
  readonly bias: Value;
  readonly channels: number;
}
/** x, scale and bias as floats of one dtype; scale and bias must be [channels], the last axis of x. */
function affine(op: string, x: Value, scale: Value, bias: Value): Affine {
  const named = { x: checkValue(op, "x", x), scale: checkValue(op, "scale", scale), bias: checkValue(op, "bias", bias) };
  const channels = named.x.shape.at(-1) ?? fail("ERR_SHAPE", op, "x must have at least one axis, the channels, got a scalar");
  checkChannels(op, named.x, { scale, bias });
  const dtype = toFloat(promote(promote(x.dtype, scale.dtype), bias.dtype));
  return { x: o.cast(x, dtype), scale: o.cast(scale, dtype), bias: o.cast(bias, dtype), channels };
}
function checkChannels(op: string, x: Value, vectors: Readonly<Record<string, Value>>): void {
  for (const [name, { shape }] of Object.entries(vectors)) {
    if (!sameShape(shape, x.shape.slice(-1)))
      fail("ERR_SHAPE", op, `${name} must be ${showShape(x.shape.slice(-1))}, the last axis of x ${showShape(x.shape)}, got ${showShape(shape)}`);
  }
}
function checkEps(op: string, eps: number): number {
  return typeof eps === "number" && eps >= 0 ? eps : fail("ERR_ARGUMENT", op, `eps must be a number from 0 on, got ${String(eps)}`);
}
/** y, mean and variance over x seen as [a, r1, k, r2]. */
function normalized(
  { x, scale, bias }: Affine,
  [a, r1, k, r2]: readonly [number, number, number, number],
  eps: number,
): readonly [Value, Value, Value] {
  const [y, center, variance] = apply(normalize, [o.reshape(x, [a, r1, k, r2]), o.reshape(scale, [k, r2]), o.reshape(bias, [k, r2])], { eps });
  return [o.reshape(y!, x.shape), center!, variance!];
}

define({
  layerNorm(input, scale, bias, options) {
    checkOptions("layerNorm", options, ["eps"]);
    const all = affine("layerNorm", input, scale, bias),
      { x, channels } = all;
    return normalized(all, [sizeOf(x.shape.slice(0, -1)), 1, 1, channels], checkEps("layerNorm", options?.eps ?? 1e-6))[0];
  },
  groupNorm(input, scale, bias, options) {
    checkOptions("groupNorm", options, ["groups", "eps"]);
    const all = affine("groupNorm", input, scale, bias),
      { x, channels } = all;
    if (x.shape.length < 2) fail("ERR_SHAPE", "groupNorm", `x must be [batch, ..., channels], got ${showShape(x.shape)}`);
    const groups = checkWhole("groupNorm", "groups", options?.groups, 1);
    if (channels % groups !== 0) fail("ERR_ARGUMENT", "groupNorm", `groups must divide the ${channels} channels of x, got ${groups}`);
    return normalized(all, [x.shape[0]!, sizeOf(x.shape.slice(1, -1)), groups, channels / groups], checkEps("groupNorm", options?.eps ?? 1e-6))[0];
  },
  batchNorm(input, scaling, shift, options) {
    checkOptions("batchNorm", options, ["mean", "variance", "eps"]);
    const all = affine("batchNorm", input, scaling, shift),
      { x, scale, bias, channels } = all,
      { mean, variance } = options ?? {};
    const eps = checkEps("batchNorm", options?.eps ?? 1e-5);
    if (mean === undefined && variance === undefined) {
      const [y, center, spread] = normalized(all, [1, sizeOf(x.shape.slice(0, -1)), channels, 1], eps);
      return { y, mean: o.reshape(center, [channels]), variance: o.reshape(spread, [channels]) };
    }
    if (mean === undefined || variance === undefined)
      fail("ERR_ARGUMENT", "batchNorm", "mean and variance must be given together, or neither of them");
    checkChannels("batchNorm", x, { mean: checkValue("batchNorm", "mean", mean), variance: checkValue("batchNorm", "variance", variance) });
    const slope = o.mul(scale, o.rsqrt(o.add(o.cast(variance, x.dtype), eps)));
    return { y: o.add(o.mul(o.sub(x, o.cast(mean, x.dtype)), slope), bias), mean, variance };
  },
});
