import type { Value } from "../graph/node.ts";
import type { ChainCode } from "./chain.ts";
import type { InputPlace } from "./joins.ts";
import type { PlanBuffer } from "./plan.ts";
import type { Store } from "./stores.ts";

interface Emitted {
  readonly reads: readonly Value[];
  readonly writes: readonly Value[];
  readonly code?: ChainCode;
  readonly operands?: readonly { readonly value: Value }[];
}

/** For each output store the donated input buffer whose memory it takes over, or -1. */
export function chooseDonations(
  emitted: readonly Emitted[],
  outputs: readonly Store[],
  buffers: readonly PlanBuffer[],
  donated: ReadonlySet<number>,
  places: ReadonlyMap<Value, InputPlace>,
  storeOf: (value: Value) => Store | undefined,
): number[] {
  const lastRead = new Map<number, number>();
  emitted.forEach(({ reads }, position) => {
    for (const v of reads) {
      const place = places.get(v);
      if (place) lastRead.set(place.buffer, position);
    }
  });
  const free = new Set(donated);
  return outputs.map((store) => {
    for (const b of free) {
      if (buffers[b]!.bytes !== store.bytes) continue;
      const last = lastRead.get(b) ?? -1;
      if (store.first < last || (store.first === last && !runsInPlace(emitted[last]!, store, b, places, storeOf))) continue;
      free.delete(b);
      return b;
    }
    return -1;
  });
}

/** Whether a step may write `store` over input buffer `b` while it reads it: element by element, each at its own place. */
function runsInPlace(
  { code, writes, operands }: Emitted,
  store: Store,
  b: number,
  places: ReadonlyMap<Value, InputPlace>,
  storeOf: (value: Value) => Store | undefined,
): boolean {
  // A kernel before the chain reads its own operands all over the place.
  if (!code || operands?.some(({ value }) => places.get(value)?.buffer === b)) return false;
  const written = writes.filter((v) => storeOf(v)?.root === store);
  if (written.length !== 1 || storeOf(written[0]!) !== store) return false;
  return code.inputs.every(({ base }, i) => {
    const place = places.get(base);
    return place?.buffer !== b || (code.inPlace[i]! && place.offset === 0 && base.dtype === written[0]!.dtype);
  });
}
