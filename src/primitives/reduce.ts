import { argreduce as argreduceKernel } from "../../kernels/argreduce/kernel.ts";
import { cumsum as cumsumKernel } from "../../kernels/cumsum/kernel.ts";
import { type DType, toFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { checkAxes, checkAxis, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import { type Attrs, none, type Primitive } from "../graph/primitive.ts";
import { compositeRules, linear } from "../graph/rules.ts";
import { applyOne, checkOptions, range, shifted, without } from "./common.ts";

export interface ReduceOptions {
  axis?: number | readonly number[] | null;
  keepDims?: boolean;
}
export interface VarianceOptions extends ReduceOptions {
  ddof?: number;
}
export interface ArgOptions {
  axis?: number | null;
  keepDims?: boolean;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    sum(x: Operand, options?: ReduceOptions): Value;
    max(x: Operand, options?: ReduceOptions): Value;
    min(x: Operand, options?: ReduceOptions): Value;
    prod(x: Operand, options?: ReduceOptions): Value;
    mean(x: Operand, options?: ReduceOptions): Value;
    variance(x: Operand, options?: VarianceOptions): Value;
    std(x: Operand, options?: VarianceOptions): Value;
    norm(x: Operand, options?: ReduceOptions): Value;
    any(x: Operand, options?: ReduceOptions): Value;
    all(x: Operand, options?: ReduceOptions): Value;
    argmax(x: Operand, options?: ArgOptions): Value;
    argmin(x: Operand, options?: ArgOptions): Value;
    cumsum(x: Operand, options?: { axis?: number | null }): Value;
  }
}

const axesOf = (attrs: Attrs): readonly number[] => attrs.axes as number[];
/** The shape with the reduced axes as 1. */
const kept = (shape: Shape, axes: readonly number[]): number[] => shape.map((n, i) => (axes.includes(i) ? 1 : n));
/** A reduced value in front of the elements it came from. */
const spread = (y: Value, shape: Shape, axes: readonly number[]): Value => o.broadcastTo(o.reshape(y, kept(shape, axes)), shape);

function reduction(name: string, combine: "sum" | "max" | "min" | "prod", rules: Pick<Primitive, "vjp" | "jvp"> & Partial<Primitive>): Primitive {
  const self: Primitive = {
    name,
    kind: "reduce",
    combine,
    infer: ([x], attrs) => [{ shape: without(x!.shape, axesOf(attrs)), dtype: x!.dtype }],
    vmap: ([x], _mapped, _size, attrs) => [applyOne(self, [x!], { axes: shifted(axesOf(attrs)) })],
    ...rules,
  };
  return self;
}

const sum = reduction(
  "sum",
  "sum",
  linear(
    ([t], attrs) => applyOne(sum, [t!], attrs),
    (ct, { inputs: [x], attrs }) => [spread(ct, x!.shape, axesOf(attrs))],
  ),
);

// The derivative is shared evenly among equal elements.
const extreme = (name: "max" | "min"): Primitive => {
  const winners = (x: Value, y: Value, axes: readonly number[]): { mask: Value; count: Value } => {
    const mask = o.equal(x, spread(y, x.shape, axes));
    return { mask, count: o.sum(o.cast(mask, x.dtype), { axis: axes }) };
  };
  return reduction(name, name, {
    vjp: ([ct], { inputs: [x], outputs: [y], attrs }) => {
      if (!ct) return [null];
      const axes = axesOf(attrs),
        { mask, count } = winners(x!, y!, axes);
      return [o.where(mask, spread(o.div(ct, count), x!.shape, axes), 0)];
    },
    jvp: ([t], { inputs: [x], outputs: [y], attrs }) => {
      if (!t) return [null];
      const axes = axesOf(attrs),
        { mask, count } = winners(x!, y!, axes);
      return [o.div(o.sum(o.where(mask, t, 0), { axis: axes }), count)];
    },
  });
};
const max = extreme("max"),
  min = extreme("min");

/** The product along axis 0 by halving: every derivative is right where elements are 0. */
function halvedProduct(x: Value): Value {
  const [n, ...rest] = x.shape as [number, ...number[]];
  if (n === 0) return o.constant(1, x.dtype, rest);
  if (n === 1) return o.reshape(x, rest);
  const half = n >> 1,
    part = (from: number, to: number): Value => o.slice(x, [from, ...rest.map(() => 0)], [to, ...rest]);
  const pairs = halvedProduct(o.mul(part(0, half), part(half, 2 * half)));
  return n % 2 === 0 ? pairs : o.mul(pairs, o.reshape(part(n - 1, n), rest));
}
const { fallback, vjp, jvp } = compositeRules(([x], attrs) => {
  const axes = axesOf(attrs),
    others = range(x!.shape.length).filter((i) => !axes.includes(i));
  const front = o.transpose(x!, [...axes, ...others]),
    rest = without(x!.shape, axes);
  return [halvedProduct(o.reshape(front, [sizeOf(axes.map((a) => x!.shape[a]!)), ...rest]))];
});
const prod = reduction("prod", "prod", { fallback, vjp, jvp });

const totals = (dtype: DType): DType => (dtype === "bool" || dtype === "u8" ? "i32" : dtype);
/** Sums and means of halves are taken in f32. */
const wide = (dtype: DType): DType => (dtype === "f16" || dtype === "bf16" ? "f32" : toFloat(dtype));

function reduce(primitive: Primitive, x: Value, options: ReduceOptions | undefined, identity: number | null): Value {
  const op = primitive.name;
  checkOptions(op, options, ["axis", "keepDims"]);
  const axes = checkAxes(op, options?.axis, x.shape.length),
    outer = without(x.shape, axes);
  if (sizeOf(axes.map((a) => x.shape[a]!)) === 0 && identity === null && sizeOf(outer) > 0) {
    fail("ERR_ARGUMENT", op, `there is no ${op} of no elements; x is ${showShape(x.shape)}, reduced over ${showShape(axes)}`);
  }
  const y = axes.length === 0 ? x : applyOne(primitive, [x], { axes });
  return options?.keepDims ? o.reshape(y, kept(x.shape, axes)) : y;
}
const countOf = (op: string, x: Value, options: ReduceOptions | undefined): number =>
  sizeOf(checkAxes(op, options?.axis, x.shape.length).map((a) => x.shape[a]!));

/** y [outer..., inner...] of x [outer..., n, inner...], as a kernel over [outer, n, inner]. */
function split(shape: Shape, axis: number): { outer: number; n: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), n: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}
const argreduce = (name: string, mode: number): Primitive => {
  const self: Primitive = {
    name,
    kind: "opaque",
    infer: ([x], { axis }) => [{ shape: without(x!.shape, [axis as number]), dtype: "i32" }],
    vjp: none("an index"),
    jvp: none("an index"),
    vmap: ([x], _mapped, _size, { axis }) => [applyOne(self, [x!], { axis: (axis as number) + 1 })],
    lower: ([x], _outputs, { axis }) => ({
      kernel: argreduceKernel,
      dtype: x!.dtype,
      params: argreduceKernel.pack({ ...split(x!.shape, axis as number), mode }),
    }),
  };
  return self;
};
const argmax = argreduce("argmax", 0),
  argmin = argreduce("argmin", 1);

const indexOf =
  (primitive: Primitive) =>
  (operand: Operand, options?: ArgOptions): Value => {
    const op = primitive.name,
      x = o.asValue(operand, undefined, op);
    checkOptions(op, options, ["axis", "keepDims"]);
    const all = options?.axis === undefined || options.axis === null;
    const axis = all ? 0 : checkAxis(op, options.axis, x.shape.length),
      flat = all ? o.flatten(x) : x;
    if (flat.shape[axis] === 0 && sizeOf(without(flat.shape, [axis])) > 0)
      fail("ERR_ARGUMENT", op, `there is no ${op} of no elements; x is ${showShape(x.shape)}`);
    const halved = x.dtype === "f16" || x.dtype === "bf16";
    const y = applyOne(primitive, [halved ? o.cast(flat, "f32") : flat], { axis });
    return options?.keepDims ? o.reshape(y, kept(x.shape, all ? range(x.shape.length) : [axis])) : y;
  };

/** attrs: axis, reverse (sums from the end). */
const cumsum: Primitive = {
  name: "cumsum",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  ...linear(
    ([t], attrs) => applyOne(cumsum, [t!], attrs),
    (ct, { attrs }) => [applyOne(cumsum, [ct], { ...attrs, reverse: !attrs.reverse })],
  ),
  vmap: ([x], _mapped, _size, { axis, reverse }) => [applyOne(cumsum, [x!], { axis: (axis as number) + 1, reverse })],
  lower: ([x], _outputs, { axis, reverse }) => ({
    kernel: cumsumKernel,
    dtype: x!.dtype,
    params: cumsumKernel.pack({ ...split(x!.shape, axis as number), reverse: reverse ? 1 : 0 }),
  }),
};

const truth =
  (primitive: Primitive, op: string) =>
  (operand: Operand, options?: ReduceOptions): Value => {
    checkOptions(op, options, ["axis", "keepDims"]);
    const x = o.cast(o.asValue(operand, undefined, op), "bool"),
      axes = checkAxes(op, options?.axis, x.shape.length);
    if (countOf(op, x, options) > 0) return reduce(primitive, x, options, null);
    return o.constant(op === "all" ? 1 : 0, "bool", options?.keepDims ? kept(x.shape, axes) : without(x.shape, axes));
  };

define({
  sum(operand, options) {
    const x = o.asValue(operand, undefined, "sum");
    return reduce(sum, o.cast(x, totals(x.dtype)), options, 0);
  },
  prod(operand, options) {
    const x = o.asValue(operand, undefined, "prod");
    return reduce(prod, o.cast(x, totals(x.dtype)), options, 1);
  },
  max: (x, options) => reduce(max, o.asValue(x, undefined, "max"), options, null),
  min: (x, options) => reduce(min, o.asValue(x, undefined, "min"), options, null),
  mean(operand, options) {
    checkOptions("mean", options, ["axis", "keepDims"]);
    const x = o.asValue(operand, undefined, "mean"),
      count = countOf("mean", x, options);
    return o.cast(o.div(o.sum(o.cast(x, wide(x.dtype)), options), count), toFloat(x.dtype));
  },
  variance(operand, options) {
    checkOptions("variance", options, ["axis", "keepDims", "ddof"]);
    const given = o.asValue(operand, undefined, "variance"),
      x = o.cast(given, wide(given.dtype));
    const { ddof = 0, ...axes } = options ?? {},
      count = countOf("variance", x, axes) - ddof;
    if (!Number.isFinite(ddof)) fail("ERR_ARGUMENT", "variance", `ddof must be a number, got ${String(ddof)}`);
    const centred = o.sub(x, o.mean(x, { ...axes, keepDims: true }));
    return o.cast(o.div(o.sum(o.square(centred), axes), Math.max(count, 0)), toFloat(given.dtype));
  },
  std: (x, options) => o.sqrt(o.variance(x, options)),
  norm(operand, options) {
    const given = o.asValue(operand, undefined, "norm"),
      x = o.cast(given, wide(given.dtype));
    return o.cast(o.sqrt(o.sum(o.square(x), options)), toFloat(given.dtype));
  },
  any: truth(max, "any"),
  all: truth(min, "all"),
  argmax: indexOf(argmax),
  argmin: indexOf(argmin),
  cumsum(operand, options) {
    checkOptions("cumsum", options, ["axis"]);
    const given = o.asValue(operand, undefined, "cumsum"),
      x = o.cast(given, totals(given.dtype));
    const all = options?.axis === undefined || options.axis === null;
    return applyOne(cumsum, [all ? o.flatten(x) : x], { axis: all ? 0 : checkAxis("cumsum", options.axis, x.shape.length), reverse: false });
  },
});
