import type { Node, Value } from "../graph/node.ts";

/** Elementwise nodes (and reductions at their end) that run as one pass; with a root, as the epilogue of its kernel. */
export interface Chain {
  readonly kind: "chain";
  readonly root: Node | null;
  readonly members: Node[];
}
/** One kernel call of a node. */
export interface Call {
  readonly kind: "call";
  readonly node: Node;
}
/** Makes a value contiguous: a view that has no strides, or a constant that a kernel reads. */
export interface Copy {
  readonly kind: "copy";
  readonly value: Value;
}
/** Pieces that are computed into one buffer side by side. */
export interface Join {
  readonly kind: "join";
  readonly node: Node;
  readonly offsets: readonly number[];
  /** What is computed, or copied, into it. */
  readonly pieces: Value[];
}
export type Item = Chain | Call | Copy | Join;
