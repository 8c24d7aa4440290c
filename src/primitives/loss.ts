import { crossEntropy as crossEntropyKernel, crossEntropyBackward as backwardKernel } from "../../kernels/crossEntropy/kernel.ts";
import { isFloat, isInteger, toFloat } from "../core/dtype.ts";
import { checkOneOf, fail } from "../core/errors.ts";
import { sameShape, showShape, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Application, Attrs, Maybe, Primitive } from "../graph/primitive.ts";
import { addMaybe, compositeRules } from "../graph/rules.ts";
import { applyOne, checkOptions, checkValue, shares } from "./common.ts";

const reductions = ["mean", "sum", "none"] as const;
/** What losses take. */
export interface LossOptions {
  /** The mean or the sum of all losses, or each of them. Default: "mean". */
  readonly reduction?: (typeof reductions)[number];
}
/** What crossEntropy takes. */
export interface CrossEntropyOptions extends LossOptions {
  /** The share of the target that is spread evenly over the classes, from 0 on, below 1. Default: 0. */
  readonly smoothing?: number;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    crossEntropy(logits: Value, labels: Value, options?: CrossEntropyOptions): Value;
    sigmoidCrossEntropy(logits: Value, labels: Value, options?: LossOptions): Value;
  }
}

const smoothingOf = (attrs: Attrs): number => attrs.smoothing as number;
/** One-hot rows, smoothed; NaN where a label is no class. */
function targetsOf(labels: Value, classes: number, dtype: Value["dtype"], smoothing: number): Value {
  const known = o.logicalAnd(o.greaterEqual(labels, 0), o.less(labels, classes));
  const hot = o.cast(o.equal(o.expandDims(labels, -1), o.iota("i32", classes)), dtype);
  return o.where(o.expandDims(known, -1), o.add(o.mul(hot, 1 - smoothing), smoothing / classes), NaN);
}

// inputs logits [..., C], labels i32 [...]; outputs loss, lse [...]
function crossEntropyPlainly([logits, labels]: readonly Value[], attrs: Attrs): readonly Value[] {
  const lse = o.logSumExp(logits!, { axis: -1 }),
    target = targetsOf(labels!, logits!.shape.at(-1)!, logits!.dtype, smoothingOf(attrs));
  const distance = o.sub(o.expandDims(lse, -1), logits!);
  return [o.sum(o.where(o.equal(target, 0), 0, o.mul(target, distance)), { axis: -1 }), lse];
}
function crossEntropyVjp([ct, ctLse]: readonly Maybe[], { inputs: [logits, labels], outputs: [, lse], attrs }: Application): Maybe[] {
  const byLoss = ct ? applyOne(backward, [logits!, labels!, lse!, ct], attrs) : null;
  return [addMaybe(byLoss, ctLse ? o.mul(shares(logits!, lse!), o.expandDims(ctLse, -1)) : null), null];
}
function crossEntropyJvp([dlogits]: readonly Maybe[], { inputs: [logits, labels], outputs: [, lse], attrs }: Application): Maybe[] {
  if (!dlogits) return [null, null];
  const weights = shares(logits!, lse!),
    target = targetsOf(labels!, logits!.shape.at(-1)!, logits!.dtype, smoothingOf(attrs));
  return [o.sum(o.mul(o.sub(weights, target), dlogits), { axis: -1 }), o.sum(o.mul(weights, dlogits), { axis: -1 })];
}
function paramsOf({ shape }: Aval, attrs: Attrs) {
  return { smoothing: smoothingOf(attrs), rows: sizeOf(shape.slice(0, -1)), classes: shape.at(-1)! };
}

const crossEntropyPrimitive: Primitive = {
  name: "crossEntropy",
  kind: "opaque",
  infer([logits]) {
    const rows = { shape: logits!.shape.slice(0, -1), dtype: logits!.dtype };
    return [rows, rows];
  },
  fallback: crossEntropyPlainly,
  vjp: crossEntropyVjp,
  jvp: crossEntropyJvp,
  vmap: (inputs, mapped, size, attrs) =>
    apply(
      crossEntropyPrimitive,
      inputs.map((x, i) => (mapped[i] ? x : o.broadcastTo(x, [size, ...x.shape]))),
      attrs,
    ),
  lower: ([logits], _, attrs) => ({
    kernel: crossEntropyKernel,
    dtype: logits!.dtype === "f64" ? "f64" : "f32",
    params: crossEntropyKernel.pack(paramsOf(logits!, attrs)),
  }),
};

// inputs logits [..., C], labels, lse, the loss's cotangent [...]; output dlogits = (exp(logits - lse) - target) * ct
const backward: Primitive = {
  name: "crossEntropyBackward",
  kind: "opaque",
  infer: ([logits]) => [{ shape: logits!.shape, dtype: logits!.dtype }],
  ...compositeRules(([logits, labels, lse, ct], attrs) => {
    const target = targetsOf(labels!, logits!.shape.at(-1)!, logits!.dtype, smoothingOf(attrs));
    return [o.mul(o.sub(shares(logits!, lse!), target), o.expandDims(ct!, -1))];
  }),
  lower: ([logits], _, attrs) => ({
    kernel: backwardKernel,
    dtype: logits!.dtype === "f64" ? "f64" : "f32",
    params: backwardKernel.pack(paramsOf(logits!, attrs)),
  }),
};

function reduced(op: string, losses: Value, reduction: unknown): Value {
  const how = checkOneOf(op, "reduction", reduction ?? "mean", reductions);
  return how === "mean" ? o.mean(losses) : how === "sum" ? o.sum(losses) : losses;
}
function floating(op: string, what: string, input: Value): Value {
  const x = checkValue(op, what, input);
  return o.cast(x, toFloat(x.dtype));
}

/** The loss of each row: -sum(target * logSoftmax(logits)). */
function rowLosses(logits: Value, labels: Value, smoothing: number): Value {
  const classes = logits.shape.at(-1) ?? fail("ERR_SHAPE", "crossEntropy", "logits must be [..., classes], got a scalar");
  const rows = logits.shape.slice(0, -1),
    shapes = `logits are ${showShape(logits.shape)}, labels are ${labels.dtype} ${showShape(labels.shape)}`;
  if (isInteger(labels.dtype)) {
    if (!sameShape(labels.shape, rows))
      fail("ERR_SHAPE", "crossEntropy", `classes as labels must be ${showShape(rows)}, one a row of logits: ${shapes}`);
    return apply(crossEntropyPrimitive, [logits, o.cast(labels, "i32")], { smoothing })[0]!;
  }
  if (!isFloat(labels.dtype)) fail("ERR_DTYPE", "crossEntropy", `labels must be whole numbers (classes) or floats (probabilities): ${shapes}`);
  if (!sameShape(labels.shape, logits.shape)) fail("ERR_SHAPE", "crossEntropy", `probabilities as labels must be of the shape of logits: ${shapes}`);
  const target = smoothing === 0 ? labels : o.add(o.mul(labels, 1 - smoothing), smoothing / classes);
  return o.neg(o.sum(o.mul(target, o.logSoftmax(logits)), { axis: -1 }));
}

define({
  crossEntropy(logits, labels, options) {
    checkOptions("crossEntropy", options, ["smoothing", "reduction"]);
    const smoothing = options?.smoothing ?? 0;
    if (!(typeof smoothing === "number" && smoothing >= 0 && smoothing < 1))
      fail("ERR_ARGUMENT", "crossEntropy", `smoothing must be a number in [0, 1), got ${String(smoothing)}`);
    checkOneOf("crossEntropy", "reduction", options?.reduction ?? "mean", reductions);
    return reduced(
      "crossEntropy",
      rowLosses(floating("crossEntropy", "logits", logits), checkValue("crossEntropy", "labels", labels), smoothing),
      options?.reduction,
    );
  },
  // max(x, 0) - x z + log(1 + exp(-|x|)) = softplus(x) - x z, for every element
  sigmoidCrossEntropy(logits, labels, options) {
    checkOptions("sigmoidCrossEntropy", options, ["reduction"]);
    const x = floating("sigmoidCrossEntropy", "logits", logits),
      z = checkValue("sigmoidCrossEntropy", "labels", labels);
    if (!sameShape(x.shape, z.shape))
      fail(
        "ERR_SHAPE",
        "sigmoidCrossEntropy",
        `labels must be of the shape of logits: logits are ${showShape(x.shape)}, labels are ${showShape(z.shape)}`,
      );
    return reduced("sigmoidCrossEntropy", o.sub(o.softplus(x), o.mul(x, z)), options?.reduction);
  },
});
