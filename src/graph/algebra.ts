import type { Value } from "./node.ts";

/** Numbers stand where values may; beside a value they are weak: they take its dtype where they fit. */
export type Operand = Value | number | boolean;

/**
 * The operations on graph values, by name. Each file of src/primitives adds its own to the interface (declaration
 * merging) and to the object (`define`), so rules use each other through `o` and the files do not import each other.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by src/primitives
export interface Ops {}

export const o = {} as Ops;

export function define(operations: Partial<Ops>): void {
  Object.assign(o, operations);
}
