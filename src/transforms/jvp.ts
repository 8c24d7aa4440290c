import { isFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { idMark, type Value } from "../graph/node.ts";
import { isNone, type Maybe } from "../graph/primitive.ts";
import { isViaFallback } from "../graph/rules.ts";
import { record } from "./vjp.ts";

/** Forward mode: tangents of `wrt` in, tangents of `outputs` out (null where zero). */
export function forward(outputs: readonly Value[], wrt: readonly Value[], tangents: readonly Maybe[], firstId: number): Maybe[] {
  const held = new Map<Value, Maybe>();
  wrt.forEach((x, i) => held.set(x, tangents[i] ?? null));
  for (const entry of record(outputs, wrt, firstId).entries) {
    const { primitive } = entry.node;
    const incoming = entry.inputs.map((x) => held.get(x) ?? null);
    const rule = primitive.jvp;
    if (isNone(rule) || incoming.every((t) => t === null)) continue;
    let outgoing: readonly Maybe[];
    if (isViaFallback(rule)) {
      const mark = idMark();
      outgoing = forward(primitive.fallback!(entry.inputs, entry.attrs), entry.inputs, incoming, mark);
    } else {
      outgoing = rule(incoming, entry);
    }
    entry.outputs.forEach((out, i) => {
      const tangent = outgoing[i] ?? null;
      if (tangent === null || !isFloat(out.dtype)) return;
      if (!sameShape(out.shape, tangent.shape) || out.dtype !== tangent.dtype) {
        fail(
          "ERR_STATE",
          primitive.name,
          `its jvp gave a tangent ${tangent.dtype} ${showShape(tangent.shape)} for an output ${out.dtype} ${showShape(out.shape)}`,
        );
      }
      held.set(out, tangent);
    });
  }
  return outputs.map((out) => held.get(out) ?? null);
}
