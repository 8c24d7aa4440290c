import { sameShape } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";
import type { Call, Chain, Item } from "./items.ts";
import type { Locator } from "./locate.ts";
import { commonSpace, isConstantLeaf, sameSpace, type Space } from "./space.ts";

/** Longer chains would spill their registers out of the first-level cache. */
const maxMembers = 48;
/** Buffers a chain reads and writes at the most. */
const maxBuffers = 24;

/** Gathers nodes into items: greedily, each elementwise node joins the chains that make its operands, if no work between
 *  them would have to come both before and after. */
export function fuse(outputs: readonly Value[], isInput: (value: Value) => boolean, locator: Locator): Map<Node, Item> {
  const itemOf = new Map<Node, Item>();
  const nodes = reachable(outputs, isInput);
  const producers = (node: Node): Item[] => {
    const found = new Set<Item>();
    for (const input of node.inputs) {
      for (const base of locator.dependencies(input)) {
        const item = itemOf.get(base.node);
        if (item) found.add(item);
      }
    }
    return [...found];
  };
  const nodesOf = (item: Item): readonly Node[] => (item.kind === "chain" ? (item.root ? [item.root, ...item.members] : item.members) : item.kind === "call" ? [item.node] : []);
  const lastId = (item: Item): number => nodesOf(item).at(-1)!.id;
  const firstId = (item: Item): number => nodesOf(item)[0]!.id;

  /** Whether `item` needs a result of one of `targets`. */
  const needs = (item: Item, targets: ReadonlySet<Item>, oldest: number): boolean => {
    const seen = new Set<Item>([item]);
    const stack = [item];
    while (stack.length > 0) {
      const next = stack.pop()!;
      if (targets.has(next)) return true;
      if (lastId(next) < oldest) continue;
      for (const node of nodesOf(next)) for (const p of producers(node)) if (!seen.has(p)) { seen.add(p); stack.push(p); }
    }
    return false;
  };

  const spaces = new Map<Chain, Space>();
  const own = new Map<Chain, Set<Node>>();
  /** `node` as one more member of a chain whose space stays the same. */
  const extended = (chain: Chain, node: Node): boolean => {
    const space = spaces.get(chain), nodes = own.get(chain);
    if (!space || !nodes || chain.members.length >= maxMembers || !sameSpace(space, node, nodes, locator)) return false;
    const targets = new Set<Item>([chain]);
    const oldest = firstId(chain);
    if (producers(node).some((p) => p !== chain && needs(p, targets, oldest))) return false;
    if (buffersOf([...chain.members, node]) > maxBuffers) return false;
    chain.members.push(node);
    nodes.add(node);
    itemOf.set(node, chain);
    return true;
  };

  /** One chain of all these and `node`, or null where that cannot be. */
  const merged = (chains: readonly Chain[], node: Node): Chain | null => {
    const roots = chains.filter((c) => c.root);
    if (roots.length > 1) return null;
    const members = [...chains.flatMap((c) => c.members), node].sort((a, b) => a.id - b.id);
    if (members.length > maxMembers || buffersOf(members) > maxBuffers) return null;
    const root = roots[0]?.root ?? null;
    if (root && members.some((m) => m.id < root.id)) return null;
    const space = commonSpace(root, members, locator);
    if (!space) return null;
    const targets = new Set<Item>(chains);
    const oldest = Math.min(...chains.map(firstId));
    for (const n of root ? [root, ...members] : members) {
      for (const p of producers(n)) if (!targets.has(p) && needs(p, targets, oldest)) return null;
    }
    const chain: Chain = { kind: "chain", root, members };
    spaces.set(chain, space);
    return chain;
  };

  for (const node of nodes) {
    const { kind } = node.primitive;
    if (kind === "view" || kind === "leaf" || node.outputs.some((out) => locator.isAlias(out))) continue;
    if (kind === "opaque") {
      const item: Call | Chain = node.primitive.epilogue ? { kind: "chain", root: node, members: [] } : { kind: "call", node };
      itemOf.set(node, item);
      continue;
    }
    const candidates = producers(node).filter((p): p is Chain => p.kind === "chain").sort((a, b) => lastId(b) - lastId(a));
    if (candidates.length === 1 && extended(candidates[0]!, node)) continue;
    let joined: Chain | null = null;
    let parts: Chain[] = [];
    for (const candidate of candidates) {
      const trial = merged([...parts, candidate], node);
      if (trial) {
        joined = trial;
        parts = [...parts, candidate];
      }
    }
    const chain = joined ?? alone(node, locator);
    own.set(chain, new Set(nodesOf(chain)));
    for (const n of nodesOf(chain)) itemOf.set(n, chain);
  }
  return itemOf;
}

/** A chain of one node. Operands whose orders do not fit together are copied first. */
function alone(node: Node, locator: Locator): Chain {
  if (!commonSpace(null, [node], locator)) {
    for (const x of node.inputs) if (locator.isView(x) && !sameShape(locator.locate(x).view.shape, x.shape)) locator.makeBase(x);
  }
  return { kind: "chain", root: null, members: [node] };
}

const buffersOf = (members: readonly Node[]): number => {
  const own = new Set(members);
  const outside = new Set<Value>();
  for (const m of members) for (const x of m.inputs) if (!own.has(x.node) && !isConstantLeaf(x)) outside.add(x);
  return outside.size;
};
