import { fail } from "./errors.ts";

/** The sizes of the axes, row-major. */
export type Shape = readonly number[];

/** How many elements a shape has; 1 for []. */
export const sizeOf = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);
/** Whether two shapes are equal. */
export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((n, i) => n === b[i]);
/** A shape as errors show it: "[2, 3]". */
export const showShape = (shape: Shape): string => `[${shape.join(", ")}]`;

/** Row-major strides in elements. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** A copy of a shape; ERR_ARGUMENT unless it is an array, ERR_SHAPE unless its sizes are whole numbers from 0 on. */
export function checkShape(op: string, shape: unknown): number[] {
  if (!Array.isArray(shape)) fail("ERR_ARGUMENT", op, `shape must be an array of sizes, got ${String(shape)}`);
  for (const n of shape as unknown[]) {
    if (!Number.isInteger(n) || (n as number) < 0)
      fail("ERR_SHAPE", op, `sizes must be whole numbers from 0 on, got ${showShape(shape as number[])}`);
  }
  return [...(shape as number[])];
}

/** The shape that both broadcast to, NumPy's rule. */
export function broadcastShapes(op: string, ...shapes: Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      const n = shape[i]!;
      if (n === 1 || n === out[lead + i]) continue;
      if (out[lead + i] !== 1)
        fail("ERR_SHAPE", op, `shapes ${shapes.map(showShape).join(" and ")} do not broadcast: axis ${lead + i} has ${out[lead + i]} and ${n}`);
      out[lead + i] = n;
    }
  }
  return out;
}

/** 0 <= axis < rank; negative axes count from the end. */
export function checkAxis(op: string, axis: unknown, rank: number): number {
  if (!Number.isInteger(axis) || (axis as number) < -rank || (axis as number) >= rank) {
    fail("ERR_ARGUMENT", op, `axis must be a whole number from ${-rank} to ${rank - 1} for a tensor of ${rank} axes, got ${String(axis)}`);
  }
  return (axis as number) < 0 ? (axis as number) + rank : (axis as number);
}

/** Sorted, unique axes; undefined means all. */
export function checkAxes(op: string, axis: number | readonly number[] | undefined | null, rank: number): number[] {
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  const list = (Array.isArray(axis) ? axis : [axis]).map((a) => checkAxis(op, a, rank));
  if (new Set(list).size !== list.length) fail("ERR_ARGUMENT", op, `axes must differ, got ${JSON.stringify(axis)}`);
  return list.sort((a, b) => a - b);
}
