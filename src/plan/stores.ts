import { bytesPer } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { Value } from "../graph/node.ts";
import type { BufferRole } from "./plan.ts";

/** Memory of one computed value, or of several side by side. */
export class Store {
  /** Item positions of the first write and the last use. */
  first = Infinity;
  last = -1;
  role: BufferRole = "arena";
  /** Set when laid out: a plan buffer and an offset in it. */
  buffer = -1;
  offset = 0;
  constructor(
    readonly bytes: number,
    readonly parent: Store | null = null,
    readonly at = 0,
  ) {}

  /** The store that owns the bytes. */
  get root(): Store {
    let s: Store = this;
    while (s.parent) s = s.parent;
    return s;
  }
  /** Offset within the root. */
  get inRoot(): number {
    let total = 0;
    for (let s: Store = this; s.parent; s = s.parent) total += s.at;
    return total;
  }
  use(position: number): void {
    const { root } = this;
    root.first = Math.min(root.first, position);
    root.last = Math.max(root.last, position);
  }
}

export const bytesOf = (value: Value): number => sizeOf(value.shape) * bytesPer[value.dtype];
