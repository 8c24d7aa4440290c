import type { DType } from "../core/dtype.ts";
import type { Value } from "./node.ts";

/** Numbers stand where values may; beside a value they are weak: they take its dtype where they fit. */
export type Operand = Value | number | boolean;

/**
 * The operations on graph values, by name. Each file of src/primitives adds its own to the interface (declaration
 * merging) and to the object (`define`), so rules use each other through `o` and the files do not import each other.
 */
export interface Ops {
  /** The number everywhere in the shape (default: []). */
  constant(value: number | boolean, dtype: DType, shape?: readonly number[]): Value;
  /** Numbers become constants: of the dtype that a weak number has beside `like`, else f32 (bool for booleans). */
  asValue(x: Operand, like?: Value, op?: string): Value;
  add(a: Operand, b: Operand): Value;
  broadcastTo(x: Operand, shape: readonly number[]): Value;
}

export const o = {} as Ops;

export function define(operations: Partial<Ops>): void {
  Object.assign(o, operations);
}
