import * as kernels from "../../kernels/softmax/kernel.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { toFloat } from "../core/dtype.ts";
import { checkAxes, checkAxis, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Lowering, Primitive } from "../graph/primitive.ts";
import { applyOne, checkOptions, checkValue, range, shares, without } from "./common.ts";

export interface AxisOptions {
  readonly axis?: number;
}
export interface AxesOptions {
  readonly axis?: number | readonly number[];
  readonly keepDims?: boolean;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    softmax(x: Value, options?: AxisOptions): Value;
    logSoftmax(x: Value, options?: AxisOptions): Value;
    logSumExp(x: Value, options?: AxesOptions): Value;
  }
}

const overRows = (kernel: Kernel, [x]: readonly Aval[]): Lowering => {
  const length = x!.shape.at(-1)!;
  return { kernel, dtype: x!.dtype === "f64" ? "f64" : "f32", params: kernel.pack({ rows: sizeOf(x!.shape.slice(0, -1)), length }) };
};
const rowSum = (x: Value): Value => o.sum(x, { axis: -1, keepDims: true });

// dy = y * (dx - sum(y * dx)): symmetric, so the same map takes cotangents back.
const throughSoftmax = (y: Value, d: Value): Value => o.mul(y, o.sub(d, rowSum(o.mul(y, d))));
const softmaxPrimitive: Primitive = {
  name: "softmax",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  vjp: ([ct], { outputs }) => [ct ? throughSoftmax(outputs[0]!, ct) : null],
  jvp: ([dx], { outputs }) => [dx ? throughSoftmax(outputs[0]!, dx) : null],
  vmap: (inputs) => apply(softmaxPrimitive, inputs),
  lower: (inputs) => overRows(kernels.softmax, inputs),
};

const logSoftmaxPrimitive: Primitive = {
  name: "logSoftmax",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  vjp: ([ct], { outputs: [y] }) => [ct ? o.sub(ct, o.mul(o.exp(y!), rowSum(ct))) : null],
  jvp: ([dx], { outputs: [y] }) => [dx ? o.sub(dx, rowSum(o.mul(o.exp(y!), dx))) : null],
  vmap: (inputs) => apply(logSoftmaxPrimitive, inputs),
  lower: (inputs) => overRows(kernels.logSoftmax, inputs),
};

const logSumExpPrimitive: Primitive = {
  name: "logSumExp",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape.slice(0, -1), dtype: x!.dtype }],
  vjp: ([ct], { inputs: [x], outputs: [lse] }) => [ct ? o.mul(shares(x!, lse!), o.expandDims(ct, -1)) : null],
  jvp: ([dx], { inputs: [x], outputs: [lse] }) => [dx ? o.sum(o.mul(shares(x!, lse!), dx), { axis: -1 }) : null],
  vmap: (inputs) => apply(logSumExpPrimitive, inputs),
  lower: (inputs) => overRows(kernels.logSumExp, inputs),
};

const floating = (op: string, input: Value): Value => {
  const x = checkValue(op, "x", input);
  return o.cast(x, toFloat(x.dtype));
};
/** Applies a map of rows along any axis: the axis is swapped to the end and back. */
function alongAxis(op: string, primitive: Primitive, input: Value, options: AxisOptions | undefined): Value {
  checkOptions(op, options, ["axis"]);
  const x = floating(op, input),
    last = x.shape.length - 1,
    axis = checkAxis(op, options?.axis ?? -1, x.shape.length);
  return axis === last ? applyOne(primitive, [x]) : o.swapAxes(applyOne(primitive, [o.swapAxes(x, axis, last)]), axis, last);
}

define({
  softmax: (x, options) => alongAxis("softmax", softmaxPrimitive, x, options),
  logSoftmax: (x, options) => alongAxis("logSoftmax", logSoftmaxPrimitive, x, options),
  logSumExp(input, options) {
    checkOptions("logSumExp", options, ["axis", "keepDims"]);
    const x = floating("logSumExp", input),
      axes = checkAxes("logSumExp", options?.axis, x.shape.length);
    const kept = range(x.shape.length).filter((axis) => !axes.includes(axis));
    const length = sizeOf(axes.map((axis) => x.shape[axis]!));
    const y = applyOne(logSumExpPrimitive, [o.reshape(o.transpose(x, [...kept, ...axes]), [...without(x.shape, axes), length])]);
    return options?.keepDims
      ? o.reshape(
          y,
          x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
        )
      : y;
  },
});
