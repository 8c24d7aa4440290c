import type { Item } from "./items.ts";

/** Topological order; among items that are ready, the one of lowest priority number first. */
export function order(items: readonly Item[], needs: (item: Item) => readonly Item[], priority: (item: Item) => number): Item[] {
  const waiting = new Map<Item, number>();
  const followers = new Map<Item, Item[]>();
  const ready = new Heap(priority);
  for (const item of items) {
    const before = needs(item);
    waiting.set(item, before.length);
    for (const b of before) followers.set(b, [...(followers.get(b) ?? []), item]);
    if (before.length === 0) ready.push(item);
  }
  const ordered: Item[] = [];
  for (let item = ready.pop(); item; item = ready.pop()) {
    ordered.push(item);
    for (const next of followers.get(item) ?? []) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  if (ordered.length !== items.length) throw new Error("the plan's items depend on each other in a circle");
  return ordered;
}

class Heap {
  readonly #list: { key: number; item: Item }[] = [];
  constructor(private readonly priority: (item: Item) => number) {}

  push(item: Item): void {
    const list = this.#list,
      entry = { key: this.priority(item), item };
    let i = list.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (list[parent]!.key <= entry.key) break;
      list[i] = list[parent]!;
      i = parent;
    }
    list[i] = entry;
  }
  pop(): Item | undefined {
    const list = this.#list,
      top = list[0],
      last = list.pop();
    if (!top || !last || list.length === 0) return top?.item;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= list.length) break;
      if (child + 1 < list.length && list[child + 1]!.key < list[child]!.key) child++;
      if (list[child]!.key >= last.key) break;
      list[i] = list[child]!;
      i = child;
    }
    list[i] = last;
    return top.item;
  }
}
