import { scatterAdd as scatterAddKernel, scatterAlong as scatterAlongKernel } from "../../kernels/scatter/kernel.ts";
import { take as takeKernel, takeAlong as takeAlongKernel } from "../../kernels/take/kernel.ts";
import { type DType, isInteger, promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { broadcastShapes, checkAxis, sameShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import type { Aval, Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";
import { allMapped, linear, zerosLike } from "../graph/rules.ts";
import { applyOne, checkOptions, checkWhole, range } from "./common.ts";

/** Along what an operation works. */
export interface AxisOptions {
  /** Negative ones count from the end; null: the flattened tensor. */
  axis?: number | null;
}
/** What oneHot takes. */
export interface OneHotOptions {
  /** Default: f32. */
  dtype?: DType;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    take(x: Operand, indices: Operand, options?: AxisOptions): Value;
    takeAlongAxis(x: Operand, indices: Operand, options?: AxisOptions): Value;
    scatterAdd(x: Operand, indices: Operand, updates: Operand, options?: AxisOptions): Value;
    /** x with updates added at the places that takeAlongAxis(x, indices) reads. */
    scatterAlongAxis(x: Operand, indices: Operand, updates: Operand, options?: AxisOptions): Value;
    oneHot(labels: Operand, classes: number, options?: OneHotOptions): Value;
  }
}

/** attrs of `take` and `scatterAdd`: `batch` leading axes are common to x and the indices; `axis` (after them) is indexed. */
interface TakeAttrs {
  axis: number;
  batch: number;
}
const takeAttrs = (attrs: Attrs): TakeAttrs => attrs as unknown as TakeAttrs;
const takenShape = (x: Shape, index: Shape, { axis, batch }: TakeAttrs): number[] => [
  ...x.slice(0, axis),
  ...index.slice(batch),
  ...x.slice(axis + 1),
];
const takeParams = (x: Aval, index: Aval, { axis, batch }: TakeAttrs) => ({
  batch: sizeOf(x.shape.slice(0, batch)),
  outer: sizeOf(x.shape.slice(batch, axis)),
  n: x.shape[axis]!,
  inner: sizeOf(x.shape.slice(axis + 1)),
  count: sizeOf(index.shape.slice(batch)),
});

const take: Primitive = {
  name: "take",
  kind: "opaque",
  infer: ([x, index], attrs) => [{ shape: takenShape(x!.shape, index!.shape, takeAttrs(attrs)), dtype: x!.dtype }],
  ...linear(
    ([t, index], attrs) => applyOne(take, [t!, index!], attrs),
    (ct, { inputs: [x, index], attrs }) => [applyOne(scatterAdd, [zerosLike(x!), index!, ct], attrs), null],
  ),
  vmap([x, index], [xMapped, indexMapped], size, attrs) {
    const { axis, batch } = takeAttrs(attrs);
    if (!indexMapped && batch === 0) return [applyOne(take, [x!, index!], { axis: axis + 1, batch })];
    if (!xMapped && batch === 0) {
      const y = applyOne(take, [x!, index!], { axis, batch });
      return [o.transpose(y, [axis, ...range(y.shape.length).filter((a) => a !== axis)])];
    }
    return [applyOne(take, allMapped([x!, index!], [xMapped!, indexMapped!], size), { axis: axis + 1, batch: batch + 1 })];
  },
  lower: ([x, index], _outputs, attrs) => ({
    kernel: takeKernel,
    dtype: x!.dtype,
    params: takeKernel.pack(takeParams(x!, index!, takeAttrs(attrs))),
  }),
};

/** Inputs x, indices, updates (shaped as `take` would give). */
const scatterAdd: Primitive = {
  name: "scatterAdd",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  ...linear(
    ([t, index, u], attrs) => applyOne(scatterAdd, [t!, index!, u!], attrs),
    (ct, { inputs: [, index], attrs }) => [ct, null, applyOne(take, [ct, index!], attrs)],
  ),
  vmap([x, index, u], [xMapped, indexMapped, uMapped], size, attrs) {
    const { axis, batch } = takeAttrs(attrs),
      [X, U] = allMapped([x!, u!], [xMapped!, uMapped!], size) as [Value, Value];
    if (!indexMapped && batch === 0) return [applyOne(scatterAdd, [X, index!, U], { axis: axis + 1, batch })];
    return [applyOne(scatterAdd, [X, ...allMapped([index!], [indexMapped!], size), U], { axis: axis + 1, batch: batch + 1 })];
  },
  lower: ([x, index], _outputs, attrs) => ({
    kernel: scatterAddKernel,
    dtype: x!.dtype,
    params: scatterAddKernel.pack(takeParams(x!, index!, takeAttrs(attrs))),
  }),
};

const alongParams = (x: Aval, index: Aval, axis: number) => ({
  outer: sizeOf(x.shape.slice(0, axis)),
  n: x.shape[axis]!,
  inner: sizeOf(x.shape.slice(axis + 1)),
  count: index.shape[axis]!,
});
const takeAlong: Primitive = {
  name: "takeAlongAxis",
  kind: "opaque",
  infer: ([x, index]) => [{ shape: index!.shape, dtype: x!.dtype }],
  ...linear(
    ([t, index], attrs) => applyOne(takeAlong, [t!, index!], attrs),
    (ct, { inputs: [x, index], attrs }) => [applyOne(scatterAlong, [zerosLike(x!), index!, ct], attrs), null],
  ),
  vmap: (inputs, mapped, size, { axis }) => [applyOne(takeAlong, allMapped(inputs, mapped, size), { axis: (axis as number) + 1 })],
  lower: ([x, index], _outputs, { axis }) => ({
    kernel: takeAlongKernel,
    dtype: x!.dtype,
    params: takeAlongKernel.pack(alongParams(x!, index!, axis as number)),
  }),
};
const scatterAlong: Primitive = {
  name: "scatterAlongAxis",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  ...linear(
    ([t, index, u], attrs) => applyOne(scatterAlong, [t!, index!, u!], attrs),
    (ct, { inputs: [, index], attrs }) => [ct, null, applyOne(takeAlong, [ct, index!], attrs)],
  ),
  vmap: (inputs, mapped, size, { axis }) => [applyOne(scatterAlong, allMapped(inputs, mapped, size), { axis: (axis as number) + 1 })],
  lower: ([x, index], _outputs, { axis }) => ({
    kernel: scatterAlongKernel,
    dtype: x!.dtype,
    params: scatterAlongKernel.pack(alongParams(x!, index!, axis as number)),
  }),
};

/** i32, from integers of any kind. */
function checkIndices(op: string, indices: Operand): Value {
  if (typeof indices === "number" && Number.isInteger(indices)) return o.constant(indices, "i32");
  const value = o.asValue(indices, undefined, op);
  if (!isInteger(value.dtype)) fail("ERR_DTYPE", op, `indices must be integers, got ${value.dtype}; cast them with indices.cast("i32")`);
  return o.cast(value, "i32");
}
function checkThere(op: string, x: Value, axis: number, index: Value): void {
  if (x.shape[axis] === 0 && sizeOf(index.shape) > 0) fail("ERR_ARGUMENT", op, `axis ${axis} of ${showShape(x.shape)} has no elements to index`);
}

/** Accumulates in a dtype that kernels add in. */
const adding = (dtype: DType): DType => (dtype === "u8" || dtype === "bool" ? "i32" : dtype);

/** x and indices with their other axes broadcast; axis -1 if none is given. */
function along(op: string, operand: Operand, indices: Operand, options: AxisOptions | undefined): { x: Value; index: Value; axis: number } {
  checkOptions(op, options, ["axis"]);
  const x = o.asValue(operand, undefined, op),
    index = checkIndices(op, indices),
    axis = checkAxis(op, options?.axis ?? -1, x.shape.length);
  if (index.shape.length !== x.shape.length)
    fail("ERR_SHAPE", op, `indices must have as many axes as x, got ${showShape(index.shape)} for ${showShape(x.shape)}`);
  checkThere(op, x, axis, index);
  const others = broadcastShapes(op, x.shape.with(axis, 1), index.shape.with(axis, 1));
  return { x: o.broadcastTo(x, others.with(axis, x.shape[axis]!)), index: o.broadcastTo(index, others.with(axis, index.shape[axis]!)), axis };
}

define({
  take(operand, indices, options) {
    checkOptions("take", options, ["axis"]);
    const given = o.asValue(operand, undefined, "take"),
      index = checkIndices("take", indices);
    const all = options?.axis === undefined || options.axis === null,
      x = all ? o.flatten(given) : given;
    const axis = all ? 0 : checkAxis("take", options.axis, x.shape.length);
    checkThere("take", x, axis, index);
    return applyOne(take, [x, index], { axis, batch: 0 });
  },
  scatterAdd(operand, indices, updates, options) {
    checkOptions("scatterAdd", options, ["axis"]);
    const given = o.asValue(operand, undefined, "scatterAdd"),
      index = checkIndices("scatterAdd", indices),
      axis = checkAxis("scatterAdd", options?.axis ?? 0, given.shape.length);
    const u = o.asValue(updates, given, "scatterAdd"),
      dtype = promote(given.dtype, u.dtype),
      wide = adding(dtype);
    checkThere("scatterAdd", given, axis, index);
    const shape = takenShape(given.shape, index.shape, { axis, batch: 0 });
    const fits = u.shape.length <= shape.length && u.shape.every((n, i) => n === 1 || n === shape[shape.length - u.shape.length + i]);
    if (!fits)
      fail(
        "ERR_SHAPE",
        "scatterAdd",
        `updates of ${showShape(shape)} were expected for x ${showShape(given.shape)} and indices ${showShape(index.shape)}, got ${showShape(u.shape)}`,
      );
    return o.cast(applyOne(scatterAdd, [o.cast(given, wide), index, o.broadcastTo(o.cast(u, wide), shape)], { axis, batch: 0 }), dtype);
  },
  takeAlongAxis(operand, indices, options) {
    const { x, index, axis } = along("takeAlongAxis", operand, indices, options);
    return applyOne(takeAlong, [x, index], { axis });
  },
  scatterAlongAxis(operand, indices, updates, options) {
    const { x, index, axis } = along("scatterAlongAxis", operand, indices, options);
    const u = o.asValue(updates, x, "scatterAlongAxis"),
      dtype = promote(x.dtype, u.dtype),
      wide = adding(dtype);
    if (!sameShape(u.shape, index.shape) && u.shape.length > 0)
      fail("ERR_SHAPE", "scatterAlongAxis", `updates must have the shape of the indices ${showShape(index.shape)}, got ${showShape(u.shape)}`);
    return o.cast(applyOne(scatterAlong, [o.cast(x, wide), index, o.broadcastTo(o.cast(u, wide), index.shape)], { axis }), dtype);
  },
  oneHot(labels, classes, options) {
    checkOptions("oneHot", options, ["dtype"]);
    const index = checkIndices("oneHot", labels),
      count = checkWhole("oneHot", "classes", classes, 1);
    return o.cast(o.equal(o.expandDims(index, -1), o.iota("i32", count)), options?.dtype ?? "f32");
  },
});
