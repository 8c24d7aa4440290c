import { isFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { makeAlias } from "../graph/control.ts";
import { beginFrame, endFrame, type Frame, type Value } from "../graph/node.ts";
import { type Flattened, flattenTree } from "../graph/tree.ts";
import { runScoped } from "./scope.ts";
import { isTensor, type Tensor, unwrap, wrap } from "./tensor.ts";

export const flattenTensors = (tree: unknown): Flattened<Tensor> => flattenTree(tree, isTensor);

/** A function's run on tracers: where it began, what went in and what came out. */
export interface Trace<R> {
  readonly frame: Frame;
  readonly inputs: readonly Value[];
  readonly result: R;
}

/** Runs `body` in a trace of its own. Handles that it makes are disposed, save for what `body` gives back as values. */
export function inTrace<R>(transform: string, body: (frame: Frame) => R): R {
  const frame = beginFrame(transform);
  try {
    return runScoped(
      () => body(frame),
      () => [],
    );
  } finally {
    endFrame(frame);
  }
}

/** Calls `f` on trees whose leaves are these values. */
export const callOn = (f: (...args: any[]) => unknown, args: readonly Flattened<Tensor>[], values: readonly (readonly Value[])[]): unknown =>
  f(...args.map((arg, i) => arg.unflatten(values[i]!.map(wrap))));

/** The values of a result: every leaf must be a tensor (numbers become constants). */
export function resultValues(op: string, result: unknown): { flat: Flattened<Tensor>; values: Value[] } {
  if (result instanceof Promise) fail("ERR_ARGUMENT", op, "the function must not be async: it is run once to record what it does");
  const flat = flattenTensors(result);
  return { flat, values: flat.leaves.map((x) => unwrap(x, op)) };
}

export const aliases = (values: readonly Value[], frame: Frame): Value[] => values.map((x) => makeAlias(x, frame));

export function checkFunction(op: string, f: unknown): void {
  if (typeof f !== "function") fail("ERR_ARGUMENT", op, `a function was expected, got ${f === null ? "null" : typeof f}`);
}

/** Trees must have one structure, and leaves one shape and dtype. */
export function checkLike(op: string, what: string, got: Flattened<Tensor>, wanted: { key: string; values: readonly Value[] }): Value[] {
  if (got.key !== wanted.key) fail("ERR_ARGUMENT", op, `${what} must have the tree ${wanted.key}, got ${got.key}`);
  return got.leaves.map((leaf, i) => {
    const value = unwrap(leaf, op),
      like = wanted.values[i]!;
    if (!sameShape(value.shape, like.shape))
      fail("ERR_SHAPE", op, `${what}${pathOf(got, i)} must have shape ${showShape(like.shape)}, got ${showShape(value.shape)}`);
    if (value.dtype !== like.dtype) fail("ERR_DTYPE", op, `${what}${pathOf(got, i)} must be ${like.dtype}, got ${value.dtype}`);
    return value;
  });
}
export const pathOf = (flat: Flattened<Tensor>, i: number): string => (flat.paths[i] ? `.${flat.paths[i]}` : "");

export function checkFloats(op: string, flat: Flattened<Tensor>, values: readonly Value[]): void {
  values.forEach((x, i) => {
    if (!isFloat(x.dtype))
      fail("ERR_DTYPE", op, `derivatives are by floats, but the argument${pathOf(flat, i)} is ${x.dtype} (give it beside with argnums, or cast it)`);
  });
}
