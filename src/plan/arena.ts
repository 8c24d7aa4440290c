/** A stretch of memory that is needed from step `first` to step `last`. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Layout {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** Offsets such that nothing that lives at the same time overlaps: the largest first, each at the lowest place that is free. */
export function layOut(lifetimes: readonly Lifetime[], alignment: number): Layout {
  const align = (n: number): number => Math.ceil(n / alignment) * alignment;
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || lifetimes[a]!.first - lifetimes[b]!.first);
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: number[] = []; // by offset
  let bytes = 0;
  for (const i of order) {
    const mine = lifetimes[i]!;
    let at = 0;
    for (const j of placed) {
      const other = lifetimes[j]!;
      if (other.last < mine.first || other.first > mine.last) continue;
      if (offsets[j]! >= at + mine.bytes) break;
      at = Math.max(at, align(offsets[j]! + other.bytes));
    }
    offsets[i] = at;
    bytes = Math.max(bytes, align(at + mine.bytes));
    let k = placed.length;
    while (k > 0 && offsets[placed[k - 1]!]! > at) k--;
    placed.splice(k, 0, i);
  }
  return { offsets, bytes };
}
