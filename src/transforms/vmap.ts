import { fail } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { idMark, type Value } from "../graph/node.ts";
import { isViaFallback } from "../graph/rules.ts";
import { record } from "./vjp.ts";

/** Rewrites the graph from `from` (values without the mapped axis) to `outputs` over `batched[i]`, which carry it as axis 0.
 *  Outputs that do not depend on a mapped value come back as null. */
export function batch(outputs: readonly Value[], from: readonly Value[], batched: readonly Value[], size: number, firstId: number): (Value | null)[] {
  const held = new Map<Value, Value>();
  from.forEach((x, i) => held.set(x, batched[i]!));
  for (const entry of record(outputs, from, firstId).entries) {
    const { primitive } = entry.node;
    const mapped = entry.inputs.map((x) => held.has(x));
    const rule = primitive.vmap;
    let made: readonly (Value | null)[];
    if (isViaFallback(rule)) {
      const inner = entry.inputs.filter((_, i) => mapped[i]);
      const mark = idMark();
      made = batch(
        primitive.fallback!(entry.inputs, entry.attrs),
        inner,
        inner.map((x) => held.get(x)!),
        size,
        mark,
      );
    } else {
      made = rule(
        entry.inputs.map((x) => held.get(x) ?? x),
        mapped,
        size,
        entry.attrs,
      );
    }
    entry.outputs.forEach((out, i) => {
      const value = made[i];
      if (!value) return;
      if (!sameShape(value.shape, [size, ...out.shape])) {
        fail("ERR_STATE", primitive.name, `its vmap gave ${showShape(value.shape)} where ${showShape([size, ...out.shape])} was expected`);
      }
      held.set(out, value);
    });
  }
  return outputs.map((out) => held.get(out) ?? null);
}
