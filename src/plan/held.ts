import type { Node, Value } from "../graph/node.ts";
import { bytesOf } from "./stores.ts";

/** A value that waits, unread, while much other work is done. */
export interface Held {
  readonly value: Value;
  /** The position of the first node that reads it after the wait. */
  readonly back: number;
}

/** Opaque nodes that run while nobody reads a value, from which on it counts as held. */
const longWait = 8;

/** When values of a graph are made and read: by position in topological order, and by how many opaque nodes come before. */
export class Timeline {
  readonly #positions = new Map<Node, number>();
  readonly #opaque: number[] = [];
  /** The position up to which fusion would pull a node forward: that of what it waits for last. */
  readonly #earliest: number[] = [];
  readonly #reads = new Map<Value, number[]>();

  constructor(
    readonly nodes: readonly Node[],
    private readonly isInput: (value: Value) => boolean,
  ) {
    let opaque = 0;
    nodes.forEach((node, position) => {
      const { kind } = node.primitive;
      this.#positions.set(node, position);
      this.#opaque.push(kind === "opaque" ? opaque++ : opaque);
      const waits = kind === "elementwise" || kind === "view";
      this.#earliest.push(waits ? node.inputs.reduce((latest, x) => Math.max(latest, this.#madeAt(x)), -1) : kind === "leaf" ? -1 : position);
      if (kind === "view") return;
      for (const base of new Set(node.inputs.map((x) => this.baseOf(x)))) {
        const reads = this.#reads.get(base);
        if (reads) reads.push(position);
        else this.#reads.set(base, [position]);
      }
    });
  }

  /** Where a value is made; -1: nowhere in this graph. */
  positionOf(value: Value): number {
    return this.#positions.get(value.node) ?? -1;
  }
  /** Opaque nodes between two positions. */
  distance(from: number, to: number): number {
    return this.#opaque[to]! - this.#opaque[from]!;
  }
  /** Whether a node runs where it stands, because it waits for work done just before. */
  isPrompt(position: number): boolean {
    const earliest = this.#earliest[position]!;
    return earliest >= 0 && this.distance(earliest, position) < longWait;
  }
  /** Positions of the nodes that read a value. */
  readsOf(value: Value): readonly number[] {
    return this.#reads.get(value) ?? [];
  }
  /** What a view looks at. */
  baseOf(value: Value): Value {
    let v = value;
    while (isView(v) && !this.isInput(v)) v = sourceOf(v);
    return v;
  }

  /** The values of at least so many bytes that are held. */
  held(least: number): Held[] {
    const found: Held[] = [];
    for (const [value, positions] of this.#reads) {
      const start = this.#madeAt(value);
      if (start < 0 || bytesOf(value) < least) continue;
      const reads = positions.map((position) => ({ position, at: this.#earliest[position]! })).sort((a, b) => a.at - b.at);
      let wait = 0,
        back = -1;
      reads.forEach(({ at }, i) => {
        const waited = this.distance(i === 0 ? start : reads[i - 1]!.at, at);
        if (waited > wait) [wait, back] = [waited, i];
      });
      if (wait >= longWait) found.push({ value, back: Math.min(...reads.slice(back).map(({ position }) => position)) });
    }
    return found;
  }

  #madeAt(value: Value): number {
    return this.isInput(value) ? -1 : (this.#earliest[this.positionOf(value)] ?? -1);
  }
}

const isView = (value: Value): boolean => value.node.primitive.kind === "view";
export const sourceOf = (value: Value): Value => value.node.inputs[value.node.primitive.identity ? value.index : 0]!;
