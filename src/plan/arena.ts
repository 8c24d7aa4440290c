/** A stretch of memory that is needed from step `first` to step `last`. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
  /** Stretches that make up all of it where they are needed from different steps on. */
  readonly parts?: readonly Part[];
}
export interface Part {
  readonly at: number;
  readonly bytes: number;
  readonly first: number;
}

export interface Layout {
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** A stretch that has its place. */
interface Placed {
  readonly offset: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Offsets such that nothing that lives at the same time overlaps: what has parts first, then the largest, each at the lowest place that is free. */
export function layOut(lifetimes: readonly Lifetime[], alignment: number): Layout {
  const align = (n: number): number => Math.ceil(n / alignment) * alignment;
  const weight = ({ bytes, parts }: Lifetime): number => (parts ? Infinity : bytes);
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => weight(lifetimes[b]!) - weight(lifetimes[a]!) || lifetimes[a]!.first - lifetimes[b]!.first || a - b);
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: Placed[] = []; // by offset
  let bytes = 0;
  for (const i of order) {
    const mine = lifetimes[i]!;
    let at = 0;
    for (const other of placed) {
      if (other.last < mine.first || other.first > mine.last) continue;
      if (other.offset >= at + mine.bytes) break;
      at = Math.max(at, align(other.offset + other.bytes));
    }
    offsets[i] = at;
    bytes = Math.max(bytes, align(at + mine.bytes));
    const parts = mine.parts ?? [{ at: 0, bytes: mine.bytes, first: mine.first }];
    for (const part of parts) {
      const offset = at + part.at;
      let k = placed.length;
      while (k > 0 && placed[k - 1]!.offset > offset) k--;
      placed.splice(k, 0, { offset, bytes: part.bytes, first: part.first, last: mine.last });
    }
  }
  return { offsets, bytes };
}
