import type { Value } from "../graph/node.ts";
import { backendOf } from "./devices.ts";

/** Gives host data its memory. */
export function upload(values: readonly Value[], device: string): void {
  for (const value of values) {
    if (value.storage !== null) continue;
    const bytes = value.node.attrs.bytes as Uint8Array;
    const backend = backendOf(device);
    const slot = backend.alloc(Math.max(bytes.length, 1));
    if (bytes.length > 0) backend.write(slot, 0, bytes);
    value.storage = { device, buffer: { slot, bytes: bytes.length, refs: 1 }, offset: 0 };
  }
}
