import { type DType, promote, promoteWeak } from "../core/dtype.ts";
import { fail, nearest } from "../core/errors.ts";
import { broadcastShapes, type Shape } from "../core/shape.ts";
import { type Operand, o } from "../graph/algebra.ts";
import { apply, Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";

export const applyOne = (primitive: Primitive, inputs: readonly Value[], attrs?: Attrs): Value => apply(primitive, inputs, attrs)[0]!;

/** The dtype of an operation on operands: values are promoted, numbers are weak beside them. */
export function commonDType(op: string, operands: readonly Operand[]): DType {
  for (const x of operands) checkOperand(op, x);
  const values = operands.filter((x) => x instanceof Value),
    numbers = operands.filter((x) => !(x instanceof Value));
  if (values.length === 0) return numbers.every((x) => typeof x === "boolean") ? "bool" : "f32";
  return (numbers as (number | boolean)[]).reduce<DType>(promoteWeak, values.map((x) => x.dtype).reduce(promote));
}

/** Operands cast to a dtype (one for all, or one each) and broadcast to one shape. */
export function align(op: string, operands: readonly Operand[], dtype: DType | readonly DType[]): Value[] {
  const shape = broadcastShapes(op, ...operands.map(shapeOf));
  return operands.map((x, i) => {
    const to = typeof dtype === "string" ? dtype : dtype[i]!;
    return x instanceof Value ? o.broadcastTo(o.cast(x, to), shape) : o.constant(Number(x), to, shape);
  });
}
const shapeOf = (x: Operand): Shape => (x instanceof Value ? x.shape : []);

export function checkOperand(op: string, x: unknown): void {
  if (x instanceof Value || typeof x === "number" || typeof x === "boolean") return;
  const came =
    x === null || typeof x !== "object"
      ? `${String(x)} (${typeof x})`
      : Array.isArray(x)
        ? "an array (make a tensor of it: st.tensor(...))"
        : "an object";
  fail("ERR_ARGUMENT", op, `a tensor or a number was expected, got ${came}`);
}

/** A value, where numbers are no use (an axis of theirs is asked for). */
export function checkValue(op: string, what: string, x: unknown): Value {
  if (x instanceof Value) return x;
  return fail("ERR_ARGUMENT", op, `${what} must be a tensor, got ${x === null ? "null" : typeof x}`);
}

/** Options are an object of known names; undefined is no option. */
export function checkOptions(op: string, options: object | undefined, names: readonly string[]): void {
  if (options === undefined) return;
  if (options === null || typeof options !== "object" || Array.isArray(options)) {
    fail("ERR_ARGUMENT", op, `options must be an object { ${names.join(", ")} }, got ${Array.isArray(options) ? "an array" : String(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    fail("ERR_ARGUMENT", op, `there is no option "${name}"${near ? ` (did you mean "${near}"?)` : `; there are: ${names.join(", ")}`}`);
  }
}

/** A whole number in [low, high]. */
export function checkWhole(op: string, what: string, n: unknown, low: number, high = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(n) && (n as number) >= low && (n as number) <= high) return n as number;
  const range = high === Number.MAX_SAFE_INTEGER ? `from ${low} on` : `from ${low} to ${high}`;
  return fail("ERR_ARGUMENT", op, `${what} must be a whole number ${range}, got ${String(n)}`);
}

/** 0, 1, ..., n - 1. */
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
export const without = (shape: Shape, axes: readonly number[]): number[] => shape.filter((_, i) => !axes.includes(i));
/** Axes of a value as they are after a mapped axis is put in front. */
export const shifted = (axes: readonly number[]): number[] => axes.map((a) => a + 1);

/** exp(x - lse) along the last axis, where lse has no last axis; zeros where all of a row is -inf. */
export function shares(x: Value, lse: Value): Value {
  return o.exp(o.sub(x, o.reshape(o.where(o.equal(lse, -Infinity), 0, lse), [...lse.shape, 1])));
}
