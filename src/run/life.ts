import type { Storage, Value } from "../graph/node.ts";
import { backendOf } from "./devices.ts";

// A value is alive while a handle or a living node uses it. Only what a handle reaches is counted: nodes that rules make
// and nobody keeps never own anything.

export function retain(value: Value): void {
  const stack = [value];
  while (stack.length > 0) {
    const v = stack.pop()!;
    if (v.refs++ === 0 && v.node.live++ === 0) stack.push(...v.node.inputs);
  }
}

export function release(value: Value): void {
  const stack = [value];
  while (stack.length > 0) {
    const v = stack.pop()!;
    if (--v.refs > 0) continue;
    if (v.storage) {
      dropStorage(v.storage);
      v.storage = null;
    }
    if (--v.node.live === 0) stack.push(...v.node.inputs);
  }
}

/** Keeps values alive until some work is done, whatever becomes of their handles. */
export async function keeping<R>(values: readonly Value[], work: () => Promise<R>): Promise<R> {
  for (const v of values) retain(v);
  try {
    return await work();
  } finally {
    for (const v of values) release(v);
  }
}

export function dropStorage({ device, buffer }: Storage): void {
  if (--buffer.refs === 0 && !buffer.moved) backendOf(device).free(buffer.slot);
}

/** Gives a computed value its memory; once all living outputs of a node are computed, it lets go of its inputs. */
export function settle(value: Value, storage: Storage): void {
  value.storage = storage;
  const { node } = value;
  if (node.inputs.length === 0 || node.live === 0) return;
  if (node.outputs.some((out) => out.refs > 0 && out.storage === null)) return;
  const inputs = node.inputs;
  node.inputs = [];
  for (const input of inputs) release(input);
}
