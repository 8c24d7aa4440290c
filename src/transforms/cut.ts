import { bytesPer } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";

/** What to keep so that a set of values can be had again by cheap work alone. */
export interface Cut {
  readonly kept: readonly Value[];
  /** Elementwise nodes and views that lead from what is kept to the values, in order. */
  readonly again: readonly { readonly node: Node; readonly inputs: readonly Value[] }[];
}

const isCheap = ({ primitive }: Node): boolean => primitive.kind === "elementwise" || (primitive.kind === "view" && primitive.identity !== "barrier");
const isConstant = (x: Value): boolean => x.node.primitive.kind === "leaf" && x.node.device === null;
const bytesOf = ({ shape, dtype }: Value): number => sizeOf(shape) * bytesPer[dtype];

/** The fewest bytes from which `wanted` can be had again: a minimum vertex cut. `inputsOf` tells from what a value is made again, null if it cannot be. */
export function fewestBytes(
  wanted: Iterable<Value>,
  inputsOf: (value: Value) => readonly Value[] | null,
  bytesOf: (value: Value) => number,
): Value[] {
  const flow = new Flow();
  const gates = new Map<Value, [enter: number, leave: number]>();
  const stack: Value[] = [];
  const gateOf = (value: Value): [number, number] => {
    let gate = gates.get(value);
    if (!gate) {
      gate = [flow.vertex(), flow.vertex()];
      gates.set(value, gate);
      flow.edge(...gate, bytesOf(value));
      stack.push(value);
    }
    return gate;
  };
  for (const value of wanted) flow.edge(gateOf(value)[1], flow.sink, Number.POSITIVE_INFINITY);
  for (let value = stack.pop(); value; value = stack.pop()) {
    const [enter] = gates.get(value)!,
      inputs = inputsOf(value);
    if (inputs === null) flow.edge(flow.source, enter, Number.POSITIVE_INFINITY);
    else for (const x of inputs) flow.edge(gateOf(x)[1], enter, Number.POSITIVE_INFINITY);
  }
  flow.run();
  // Of all minimum cuts the one nearest to the wanted values, so that the least is done again.
  const near = flow.reachesSink();
  return [...gates].filter(([, [enter, leave]]) => !near[enter] && near[leave]).map(([value]) => value);
}

/** What to keep so that elementwise work and views make `wanted` again. */
export function minimumCut(wanted: readonly Value[]): Cut {
  const inputsOf = ({ node }: Value): readonly Value[] | null => {
    const inputs = isCheap(node) ? node.inputs.filter((x) => !isConstant(x)) : [];
    return inputs.length > 0 ? inputs : null;
  };
  const kept = fewestBytes(wanted, inputsOf, bytesOf);
  const isKept = new Set(kept),
    again = new Set<Node>(),
    visit = [...wanted];
  for (let value = visit.pop(); value; value = visit.pop()) {
    if (isKept.has(value) || isConstant(value) || again.has(value.node)) continue;
    again.add(value.node);
    visit.push(...value.node.inputs);
  }
  const inOrder = [...again].sort((a, b) => a.id - b.id);
  // Nodes let go of their inputs once they are computed; the cut does not.
  return { kept, again: inOrder.map((node) => ({ node, inputs: node.inputs })) };
}

/** Maximum flow by Dinic's method: shortest augmenting paths, level by level. */
class Flow {
  readonly #heads: number[][] = [];
  // Edge i and its reverse i ^ 1.
  readonly #to: number[] = [];
  readonly #room: number[] = [];
  readonly source = this.vertex();
  readonly sink = this.vertex();

  vertex(): number {
    return this.#heads.push([]) - 1;
  }
  edge(from: number, to: number, capacity: number): void {
    this.#heads[from]!.push(this.#to.push(to) - 1);
    this.#heads[to]!.push(this.#to.push(from) - 1);
    this.#room.push(capacity, 0);
  }

  run(): void {
    for (let levels = this.#levels(); levels[this.sink]! >= 0; levels = this.#levels()) {
      const next = new Int32Array(this.#heads.length);
      while (this.#augment(levels, next));
    }
  }

  /** Steps from the source over edges with room; -1: out of reach. */
  #levels(): Int32Array {
    const level = new Int32Array(this.#heads.length).fill(-1),
      queue = [this.source];
    level[this.source] = 0;
    for (const v of queue) {
      for (const e of this.#heads[v]!) {
        const to = this.#to[e]!;
        if (level[to]! >= 0 || this.#room[e] === 0) continue;
        level[to] = level[v]! + 1;
        queue.push(to);
      }
    }
    return level;
  }

  /** Fills one path that goes up by levels; `next` remembers edges that lead nowhere. */
  #augment(level: Int32Array, next: Int32Array): boolean {
    const path: number[] = [];
    let at = this.source;
    while (at !== this.sink) {
      const edges = this.#heads[at]!;
      let found = -1;
      for (; next[at]! < edges.length; next[at]!++) {
        const e = edges[next[at]!]!;
        if (this.#room[e]! > 0 && level[this.#to[e]!] === level[at]! + 1) {
          found = e;
          break;
        }
      }
      if (found >= 0) {
        path.push(found);
        at = this.#to[found]!;
      } else {
        const back = path.pop();
        if (back === undefined) return false;
        at = this.#to[back ^ 1]!;
        next[at]!++;
      }
    }
    const amount = Math.min(...path.map((e) => this.#room[e]!));
    for (const e of path) {
      this.#room[e]! -= amount;
      this.#room[e ^ 1]! += amount;
    }
    return true;
  }

  reachesSink(): boolean[] {
    const reaches = new Array<boolean>(this.#heads.length).fill(false),
      queue = [this.sink];
    reaches[this.sink] = true;
    for (const v of queue) {
      for (const e of this.#heads[v]!) {
        const from = this.#to[e]!;
        if (reaches[from] || this.#room[e ^ 1] === 0) continue;
        reaches[from] = true;
        queue.push(from);
      }
    }
    return reaches;
  }
}
