import { type MatmulParams, matmul as matmulKernel } from "../../kernels/matmul/kernel.ts";
import { isFloat, promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { broadcastShapes, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { apply, type Value } from "../graph/node.ts";
import type { Primitive, StridedView } from "../graph/primitive.ts";
import { bilinear } from "../graph/rules.ts";
import { checkValue } from "./common.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    matmul(a: Operand, b: Operand): Value;
    dot(a: Operand, b: Operand): Value;
    outer(a: Operand, b: Operand): Value;
  }
}

/**
 * a [batch..., m, k] @ b [batch..., k, n]; batch axes agree or are 1 in one of them. With `contract`, the first batch axis is
 * summed as k is: [c, batch..., m, k] @ [c, batch..., k, n] -> [batch..., m, n]. That is what the gradient by a factor that
 * was broadcast along an axis needs.
 */
const matmulPrimitive: Primitive = {
  name: "matmul",
  kind: "opaque",
  epilogue: true,
  infer([a, b], { contract }) {
    const batch = broadcastShapes("matmul", a!.shape.slice(0, -2), b!.shape.slice(0, -2));
    return [{ shape: [...(contract ? batch.slice(1) : batch), a!.shape.at(-2)!, b!.shape.at(-1)!], dtype: a!.dtype }];
  },
  ...bilinear(
    (a, b, { contract }) => product(a, b, contract === true),
    (ct, a, b, { contract }) => reduceTo(contract ? expand(ct) : ct, o.mT(b), a.shape.slice(0, -2)),
    (ct, a, b, { contract }) => reduceTo(o.mT(a), contract ? expand(ct) : ct, b.shape.slice(0, -2)),
  ),
  vmap(inputs, mapped, _size, { contract }) {
    const [a, b] = inputs.map((x, i) => (mapped[i] ? (contract ? moveAxis(x, 0, 1) : x) : insertAxis(x, contract ? 1 : 0)));
    return [product(a!, b!, contract === true)];
  },
  accepts(_index, view) {
    const axes = sharedAxes(view, view);
    return axes.filter((axis) => axis.size > 1).length <= 4 || mergeAxes(axes).length === 1;
  },
  lower([a], _outputs, { contract }, [viewA, viewB]) {
    const params = isFloat(a!.dtype) ? layout(viewA!, viewB!, contract === true) : null;
    return params && { kernel: matmulKernel, dtype: a!.dtype === "f64" || a!.dtype === "bf16" ? a!.dtype : "f32", params: matmulKernel.pack(params) };
  },
  fallback([a, b], { contract }) {
    const wide = a!.dtype === "u8" || a!.dtype === "bool" ? "i32" : a!.dtype;
    const products = o.mul(insertAxis(o.cast(a!, wide), a!.shape.length), insertAxis(o.cast(b!, wide), b!.shape.length - 2));
    return [o.cast(o.sum(products, { axis: contract ? [0, products.shape.length - 2] : [products.shape.length - 2] }), a!.dtype)];
  },
};

const product = (a: Value, b: Value, contract = false): Value => apply(matmulPrimitive, [a, b], { contract })[0]!;
const expand = (x: Value): Value => insertAxis(x, 0);
const insertAxis = (x: Value, axis: number): Value => o.reshape(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
function moveAxis(x: Value, from: number, to: number): Value {
  const order = x.shape.map((_, axis) => axis);
  order.splice(to, 0, ...order.splice(from, 1));
  return o.transpose(x, order);
}

/** a @ b, summed over the batch axes that are 1 in `batch`. */
function reduceTo(a: Value, b: Value, batch: Shape): Value {
  const whole = broadcastShapes("matmul", a.shape.slice(0, -2), b.shape.slice(0, -2));
  const summed = whole.flatMap((size, axis) => (size !== 1 && batch[axis] === 1 ? [axis] : []));
  if (summed.length === 0) return product(a, b);
  // [batch..., p, q] -> [summed, kept..., p, q]
  const kept = whole.flatMap((_, axis) => (summed.includes(axis) ? [] : [axis]));
  const gather = (x: Value): Value => {
    const full = o.broadcastTo(x, [...whole.map((size, axis) => (summed.includes(axis) ? size : x.shape[axis]!)), ...x.shape.slice(-2)]);
    const moved = o.transpose(full, [...summed, ...kept, whole.length, whole.length + 1]);
    return o.reshape(moved, [sizeOf(moved.shape.slice(0, summed.length)), ...moved.shape.slice(summed.length)]);
  };
  const y = product(gather(a), gather(b), true);
  return o.reshape(y, [...batch, ...y.shape.slice(-2)]);
}

/** An axis of both factors, with its stride in each. */
interface SharedAxis {
  readonly size: number;
  readonly a: number;
  readonly b: number;
}
const none: SharedAxis = { size: 1, a: 0, b: 0 };
const isMultiple = (outer: SharedAxis, inner: SharedAxis): boolean => outer.a === inner.a * inner.size && outer.b === inner.b * inner.size;

/** Axes without those of size 1, and neighbours that lie like one axis in both factors made one. */
function mergeAxes(axes: readonly SharedAxis[]): SharedAxis[] {
  const merged: SharedAxis[] = [];
  for (const axis of axes) {
    const last = merged.at(-1);
    if (axis.size === 1) continue;
    if (last && isMultiple(last, axis)) merged[merged.length - 1] = { ...axis, size: last.size * axis.size };
    else merged.push(axis);
  }
  return merged;
}

function sharedAxes(a: StridedView, b: StridedView): SharedAxis[] {
  return a.shape.slice(0, -2).map((sizeA, axis) => {
    const sizeB = b.shape[axis]!;
    return { size: sizeA === 1 ? sizeB : sizeA, a: sizeA === 1 ? 0 : a.strides[axis]!, b: sizeB === 1 ? 0 : b.strides[axis]! };
  });
}

/** The kernel's parameters for two views; null when their batch axes lie too irregularly. */
function layout(a: StridedView, b: StridedView, contract: boolean): MatmulParams | null {
  const axes = sharedAxes(a, b),
    summed = contract ? axes.splice(0, 1) : [];
  let [m, k] = a.shape.slice(-2) as [number, number],
    [aRow, aCol] = a.strides.slice(-2) as [number, number];
  const [bRow, bCol] = b.strides.slice(-2) as [number, number];

  const batch = mergeAxes(axes),
    last = batch.at(-1);
  if (last && last.b === 0 && (m === 1 || last.a === aRow * m)) {
    // b serves all of this axis: its entries are more rows of a.
    if (m === 1) aRow = last.a;
    m *= last.size;
    batch.pop();
  }
  if (batch.length > 4) return null;
  const four = [...new Array<SharedAxis>(4 - batch.length).fill(none), ...batch];
  const depth = mergeAxes([...summed, { size: k, a: aCol, b: bRow }]);
  const inner = depth.pop() ?? { size: 1, a: aCol, b: bRow },
    outer = depth.pop() ?? none;
  k = inner.size;
  return {
    batch: four.map((axis) => axis.size),
    aBatch: four.map((axis) => axis.a),
    bBatch: four.map((axis) => axis.b),
    m,
    n: b.shape.at(-1)!,
    outer: outer.size,
    k,
    aOffset: a.offset,
    aRow,
    aCol: inner.a,
    aOuter: outer.a,
    bOffset: b.offset,
    bRow: inner.b,
    bCol,
    bOuter: outer.b,
    program: [],
  };
}

function checkProduct(a: Value, b: Value): void {
  const shapes = `a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`;
  if (a.shape.length === 0 || b.shape.length === 0)
    fail("ERR_SHAPE", "matmul", `both factors need an axis: ${shapes} (multiply by a scalar with a.mul(b))`);
  const k = a.shape.at(-1)!,
    rows = b.shape.at(-2) ?? b.shape[0]!;
  if (k !== rows) {
    const swap = (x: Value, name: string): string => ` (did you mean ${name}.${x.shape.length === 2 ? "transpose" : "mT"}()?)`;
    const hint = b.shape.length > 1 && b.shape.at(-1) === k ? swap(b, "b") : a.shape.length > 1 && a.shape.at(-2) === rows ? swap(a, "a") : "";
    fail("ERR_SHAPE", "matmul", `inner dimensions must agree: ${shapes}${hint}`);
  }
  for (let axis = -3; axis >= -Math.min(a.shape.length, b.shape.length); axis--) {
    const sizeA = a.shape.at(axis)!,
      sizeB = b.shape.at(axis)!;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) fail("ERR_SHAPE", "matmul", `batch axes must agree or be 1: ${shapes}`);
  }
}

/** NumPy's matmul: a 1-D factor is a row on the left, a column on the right, and its axis is dropped from the result. */
function matmul(first: Operand, second: Operand): Value {
  const a = checkValue("matmul", "a", first),
    b = checkValue("matmul", "b", second);
  checkProduct(a, b);
  const dtype = promote(a.dtype, b.dtype),
    rank = Math.max(a.shape.length, b.shape.length, 2);
  const padded = (x: Value, shape: Shape): Value => o.reshape(o.cast(x, dtype), [...new Array<number>(rank - shape.length).fill(1), ...shape]);
  const rowVector = a.shape.length === 1,
    columnVector = b.shape.length === 1;
  const y = product(padded(a, rowVector ? [1, ...a.shape] : a.shape), padded(b, columnVector ? [...b.shape, 1] : b.shape));
  if (!rowVector && !columnVector) return y;
  return o.reshape(y, [...y.shape.slice(0, -2), ...(rowVector ? [] : [y.shape.at(-2)!]), ...(columnVector ? [] : [y.shape.at(-1)!])]);
}

/** NumPy's dot: the inner product of vectors, the product of matrices; of more axes, the last of a with the last but one of b. */
function dot(first: Operand, second: Operand): Value {
  const a = o.asValue(first),
    b = o.asValue(second);
  if (a.shape.length === 0 || b.shape.length === 0) return o.mul(first, second);
  const depth = b.shape.length - 2,
    k = b.shape.at(-2) ?? b.shape[0]!;
  if (a.shape.at(-1) !== k)
    fail(
      "ERR_SHAPE",
      "dot",
      `the last axis of a and the ${depth < 0 ? "axis" : "last but one"} of b must agree: a is ${showShape(a.shape)}, b is ${showShape(b.shape)}`,
    );
  if (depth < 0 && a.shape.length === 1) return o.cast(o.sum(o.mul(a, b)), promote(a.dtype, b.dtype));
  if (depth <= 0) return matmul(a, b);
  const others = b.shape.map((_, axis) => axis).filter((axis) => axis !== depth);
  const rows = a.shape.slice(0, -1),
    columns = others.map((axis) => b.shape[axis]!);
  const y = matmul(o.reshape(a, [sizeOf(rows), k]), o.reshape(o.transpose(b, [depth, ...others]), [k, sizeOf(columns)]));
  return o.reshape(y, [...rows, ...columns]);
}

/** Every element of a times every element of b: [a.size, b.size]. */
const outer = (a: Operand, b: Operand): Value => o.mul(o.reshape(o.asValue(a), [-1, 1]), o.reshape(o.asValue(b), [1, -1]));

define({ matmul, dot, outer });
