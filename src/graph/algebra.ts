import type { DType } from "../core/dtype.ts";
import type { Value } from "./node.ts";

import type { Value } from "./node.ts";

/** Numbers stand where values may; beside a value they are weak: they take its dtype where they fit. */
export type Operand = Value | number | boolean;

/**
 * The operations on graph values, by name. Each file of src/primitives adds its own to the interface (declaration
 * merging) and to the object (`define`), so rules use each other through `o` and the files do not import each other.
 */
export interface Ops {
  constant(value: number | boolean, dtype: DType, shape?: readonly number[]): Value;
  asValue(operand: Operand, like?: Value): Value;
  add(a: Operand, b: Operand): Value;
  broadcastTo(x: Value, shape: readonly number[]): Value;
}

/** Numbers stand where values may; they are weak: they take the dtype of what they meet. */
export type Operand = Value | number | boolean;

export const o = {} as Ops;

export function define(operations: Partial<Ops>): void {
  Object.assign(o, operations);
}
