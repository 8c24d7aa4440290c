import { sameShape } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";
import type { Chain, Item } from "./items.ts";
import type { Locator } from "./locate.ts";
import { commonSpace, isConstantLeaf, sameSpace, type Space } from "./space.ts";

/** Longer chains would spill their registers out of the first-level cache. */
const maxMembers = 48;
/** Buffers a chain reads and writes at the most. */
const maxBuffers = 24;

/** What fusion knows of an item. Every item ranks above all that it reads from, so no joining can close a circle. */
interface Facts {
  readonly rank: number;
  readonly readers: Set<Item>;
  /** Chains: the iteration space and the nodes. */
  readonly space: Space | null;
  readonly own: Set<Node>;
}

/** Gathers nodes into items: an elementwise node joins the chain that makes the latest of its operands, and so do the
 *  chains of its other operands if nobody needs them earlier. */
export function fuse(outputs: readonly Value[], isInput: (value: Value) => boolean, locator: Locator): Map<Node, Item> {
  return new Fusion(locator).run(reachable(outputs, isInput));
}

class Fusion {
  readonly #itemOf = new Map<Node, Item>();
  readonly #facts = new Map<Item, Facts>();
  #rank = 0;
  constructor(private readonly locator: Locator) {}

  run(nodes: readonly Node[]): Map<Node, Item> {
    for (const node of nodes) {
      const { kind, epilogue } = node.primitive;
      if (kind === "view" || kind === "leaf" || node.outputs.some((out) => this.locator.isAlias(out) || this.locator.maker(out) !== node)) continue;
      if (kind === "opaque") this.#add(epilogue ? { kind: "chain", root: node, members: [] } : { kind: "call", node }, [node], null);
      else if (!this.#join(node)) this.#add(this.#alone(node), [node], commonSpace(null, [node], this.locator));
    }
    return this.#itemOf;
  }

  #add(item: Item, nodes: readonly Node[], space: Space | null): void {
    this.#facts.set(item, { rank: this.#rank++, readers: new Set(), space, own: new Set(nodes) });
    this.#own(item, nodes);
  }
  #own(item: Item, nodes: readonly Node[]): void {
    for (const node of nodes) {
      this.#itemOf.set(node, item);
      for (const p of this.#producers(node)) if (p !== item) this.#facts.get(p)!.readers.add(item);
    }
  }
  #producers(node: Node): Set<Item> {
    const found = new Set<Item>();
    for (const input of node.inputs) {
      for (const base of this.locator.dependencies(input)) {
        const item = this.#itemOf.get(this.locator.maker(base));
        if (item) found.add(item);
      }
    }
    return found;
  }

  /** Puts the node into the chain of its latest operand, together with such chains of others as can wait for it. */
  #join(node: Node): boolean {
    const producers = [...this.#producers(node)].sort((a, b) => this.#facts.get(b)!.rank - this.#facts.get(a)!.rank);
    const [latest, ...others] = producers;
    if (latest?.kind !== "chain") return false;
    let chain = this.#extended(latest, node) ? latest : this.#merged([latest], node);
    if (!chain) return false;
    for (const other of others) {
      if (other.kind !== "chain" || !this.#canWait(other, chain)) continue;
      chain = this.#merged([other, chain], null) ?? chain;
    }
    return true;
  }
  /** Whether nobody between the two in rank reads from `other`. */
  #canWait(other: Chain, chain: Chain): boolean {
    const { rank } = this.#facts.get(chain)!;
    for (const reader of this.#facts.get(other)!.readers) if (reader !== chain && this.#facts.get(reader)!.rank < rank) return false;
    return true;
  }

  /** One more member of a chain whose space stays the same. */
  #extended(chain: Chain, node: Node): boolean {
    const { space, own } = this.#facts.get(chain)!;
    if (!space || chain.members.length >= maxMembers || !sameSpace(space, node, own, this.locator)) return false;
    if (buffersOf([...chain.members, node]) > maxBuffers) return false;
    chain.members.push(node);
    own.add(node);
    this.#own(chain, [node]);
    return true;
  }

  /** One chain of several (and a node), in the place of the last; null where they have no common space. */
  #merged(chains: readonly Chain[], node: Node | null): Chain | null {
    const roots = chains.filter((c) => c.root);
    if (roots.length > 1) return null;
    const root = roots[0]?.root ?? null;
    const members = [...chains.flatMap((c) => c.members), ...(node ? [node] : [])].sort((a, b) => a.id - b.id);
    if (members.length > maxMembers || buffersOf(members) > maxBuffers) return null;
    const space = commonSpace(root, members, this.locator);
    if (!space) return null;
    const chain: Chain = { kind: "chain", root, members };
    const facts = chains.map((c) => this.#facts.get(c)!);
    const own = new Set([...facts.flatMap((f) => [...f.own]), ...(node ? [node] : [])]);
    const readers = new Set(facts.flatMap((f) => [...f.readers]));
    for (const c of chains) {
      readers.delete(c);
      this.#facts.delete(c);
    }
    this.#facts.set(chain, { rank: facts.at(-1)!.rank, readers, space, own });
    this.#own(chain, [...own]);
    for (const n of own) for (const p of this.#producers(n)) if (p !== chain) for (const c of chains) this.#facts.get(p)!.readers.delete(c);
    return chain;
  }

  /** A chain of one node. Operands whose orders do not fit together are copied first. */
  #alone(node: Node): Chain {
    if (!commonSpace(null, [node], this.locator)) {
      for (const x of node.inputs) if (this.locator.isView(x) && !sameShape(this.locator.locate(x).view.shape, x.shape)) this.locator.makeBase(x);
    }
    return { kind: "chain", root: null, members: [node] };
  }
}

const buffersOf = (members: readonly Node[]): number => {
  const own = new Set(members);
  const outside = new Set<Value>();
  for (const m of members) for (const x of m.inputs) if (!own.has(x.node) && !isConstantLeaf(x)) outside.add(x);
  return outside.size;
};
