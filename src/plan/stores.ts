import { bytesPer } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { Value } from "../graph/node.ts";
import type { Part } from "./arena.ts";
import type { BufferRole } from "./plan.ts";

/** Memory of one computed value, or of several side by side. */
export class Store {
  /** Item positions of the first write and the last use, of a root that of all that lies in it. */
  first = Infinity;
  last = -1;
  role: BufferRole = "arena";
  /** Set when laid out: a plan buffer and an offset in it. */
  buffer = -1;
  offset = 0;
  readonly children: Store[] = [];
  constructor(
    readonly bytes: number,
    readonly parent: Store | null = null,
    readonly at = 0,
  ) {
    parent?.children.push(this);
  }

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
    for (let s: Store | null = this; s; s = s.parent) {
      s.first = Math.min(s.first, position);
      s.last = Math.max(s.last, position);
    }
  }
}

/** The stretches that a store is put together from, each with its own first use; undefined where they do not make up all of it. */
export function partsOf(root: Store): Part[] | undefined {
  const leaves: Store[] = [];
  const visit = (store: Store): void => (store.children.length > 0 ? store.children.forEach(visit) : void leaves.push(store));
  root.children.forEach(visit);
  const parts = leaves.map((store) => ({ at: store.inRoot, bytes: store.bytes, first: Math.min(store.first, root.last) }));
  return parts.length > 0 && parts.reduce((sum, part) => sum + part.bytes, 0) === root.bytes ? parts : undefined;
}

export const bytesOf = (value: Value): number => sizeOf(value.shape) * bytesPer[value.dtype];
