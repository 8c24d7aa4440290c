import type { TypedArray } from "../core/dtype.ts";
import { dataPrimitive } from "../graph/control.ts";
import { leaf, Node, type Value } from "../graph/node.ts";
import type { Primitive } from "../graph/primitive.ts";
import { reachable } from "../graph/walk.ts";
import { checkDevice } from "./devices.ts";
import { settle } from "./life.ts";
import { upload } from "./upload.ts";

/** A copy of a value on another device. Derivatives pass through it, back to where they came from. */
export const transfer: Primitive = {
  name: "to",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  vjp: ([ct], { inputs: [x] }) => [ct && move(ct, x!.node.device)],
  jvp: ([t], { outputs: [y] }) => [t && move(t, y!.node.device)],
  vmap: ([x], _, __, attrs) => [move(x!, attrs.device as string)],
};

function move(x: Value, device: string | null): Value {
  if (device === null || x.node.device === device) return x;
  return new Node(transfer, [x], { device }, [x], x.node.frame, device).outputs[0]!;
}

export const to = (x: Value, device: string): Value => move(x, checkDevice("to", device));

/** Computes and copies what the graph of `values` needs from other devices; `read` computes a value and gives its stored bytes. */
export async function resolveTransfers(values: readonly Value[], read: (value: Value) => Promise<TypedArray>): Promise<void> {
  const done = (v: Value): boolean => v.storage !== null;
  for (;;) {
    const next = reachable(values, done).find((node) => node.primitive === transfer);
    if (!next) return;
    const [source] = next.inputs,
      target = next.outputs[0]!;
    const stored = await read(source!);
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    const copy = leaf(dataPrimitive, target, { bytes }, target.node.device);
    if (target.storage === null) adopt(target, copy);
  }
}

/** Turns a computed copy into the value that waited for it. */
function adopt(target: Value, copy: Value): void {
  upload([copy], target.node.device!);
  settle(target, copy.storage!);
}
