import type { DType } from "../core/dtype.ts";
import { isFloat, promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sameShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { o } from "../graph/algebra.ts";
import { flattenTree } from "../graph/tree.ts";
import { isTensor, type Tensor, unwrap, wrap } from "./tensor.ts";

/** What is known of a tensor without its numbers. */
export interface Spec {
  /** The sizes of the axes. */
  readonly shape: Shape;
  /** What the elements are. */
  readonly dtype: DType;
}

/** Where each leaf of a tree lies in its flat vector. */
export interface Layout {
  readonly specs: readonly Spec[];
  readonly paths: readonly string[];
  readonly offsets: readonly number[];
  readonly size: number;
  readonly dtype: DType;
}

export const isSpec = (x: unknown): x is Spec => typeof x === "object" && x !== null && "shape" in x && "dtype" in x;

/** The layout of a tree of floats (else ERR_DTYPE) with at least one leaf (else ERR_ARGUMENT). */
export function layoutOf(op: string, tree: unknown): Layout {
  const { leaves, paths } = flattenTree(tree, isSpec);
  if (leaves.length === 0) fail("ERR_ARGUMENT", op, "a tree with at least one tensor was expected, got one without");
  const wrong = leaves.findIndex((leaf) => !isFloat(leaf.dtype));
  if (wrong >= 0)
    fail("ERR_DTYPE", op, `the leaves must be floats, "${paths[wrong]}" is ${leaves[wrong]!.dtype} (keep what is no float outside of the tree)`);
  const offsets: number[] = [];
  let size = 0;
  for (const { shape } of leaves) {
    offsets.push(size);
    size += sizeOf(shape);
  }
  return { specs: leaves, paths, offsets, size, dtype: leaves.map((leaf) => leaf.dtype).reduce(promote) };
}

/** All numbers of a tree of tensors as one vector [size], leaf after leaf, of the promoted dtype. */
export function ravel(tree: unknown, op = "ravel"): Tensor {
  const { dtype } = layoutOf(op, tree);
  const parts = flattenTree(tree, isTensor).leaves.map((leaf) => o.cast(o.reshape(unwrap(leaf, op), [-1]), dtype));
  return wrap(parts.length === 1 ? parts[0]! : o.concat(parts));
}

/** The tree of `like` (tensors, or only their shapes and dtypes) with the numbers of a vector: its leaves are views of it. */
export function unravel<T>(flat: Tensor, like: T, op = "unravel"): T {
  const { specs, offsets, size } = layoutOf(op, like),
    vector = unwrap(flat, op);
  if (!sameShape(vector.shape, [size]))
    fail("ERR_SHAPE", op, `the tree has ${size} numbers, so a vector [${size}] was expected, got ${showShape(vector.shape)}`);
  const leaves = specs.map(({ shape, dtype }, i) => {
    const piece = o.slice(vector, [offsets[i]!], [offsets[i]! + sizeOf(shape)], [1]);
    return wrap(o.cast(o.reshape(piece, shape), dtype));
  });
  return flattenTree(like, isSpec).unflatten(leaves);
}

/** Throws unless both trees have the same structure and shapes. */
export function checkAlike(op: string, what: string, tree: unknown, like: unknown): void {
  const a = flattenTree(tree, isSpec),
    b = flattenTree(like, isSpec);
  if (a.key !== b.key) fail("ERR_ARGUMENT", op, `${what} must be a tree like the parameters [${b.paths.join(", ")}], got [${a.paths.join(", ")}]`);
  const wrong = a.leaves.findIndex((leaf, i) => !sameShape(leaf.shape, b.leaves[i]!.shape));
  if (wrong < 0) return;
  fail(
    "ERR_SHAPE",
    op,
    `${what} must have the shapes of the parameters: at "${a.paths[wrong]}" ${showShape(b.leaves[wrong]!.shape)} was expected, got ${showShape(a.leaves[wrong]!.shape)}`,
  );
}
