import { apply, type Value } from "../graph/node.ts";
import type { Maybe } from "../graph/primitive.ts";
import { zerosLike } from "../graph/rules.ts";
import { closeOver } from "./closure.ts";
import { minimumCut } from "./cut.ts";
import { forward } from "./jvp.ts";

/** A function's tangent map at one point: what it needs of the primal pass, and its own part of the graph. */
export interface Linearization {
  /** What is kept of the primal pass: `push` makes the rest of what it needs from these by elementwise work. */
  readonly residuals: readonly Value[];
  /** Tangents of the inputs in, of the outputs out; may be called many times. `at` gives other values for the residuals. */
  push(tangents: readonly Value[], at?: readonly Value[]): Value[];
}

/** Splits the jvp of `outputs` by `wrt` into the primal pass and a part that is linear in the tangents. */
export function linearizeGraph(outputs: readonly Value[], wrt: readonly Value[], firstId: number): Linearization {
  let tangents: readonly Maybe[] = [];
  const { captured, call } = closeOver((stands) => (tangents = forward(outputs, wrt, stands, firstId)).filter((t) => t !== null), wrt, null);
  const { kept, again } = minimumCut(captured);
  return {
    residuals: kept,
    push(given, at = kept) {
      const map = new Map(kept.map((x, i) => [x, at[i]!]));
      const get = (x: Value): Value => map.get(x) ?? x;
      for (const { node, inputs } of again) {
        const made = apply(node.primitive, inputs.map(get), node.attrs);
        node.outputs.forEach((out, i) => map.set(out, made[i]!));
      }
      const made = call([...given, ...captured.map(get)]);
      let next = 0;
      return tangents.map((t, i) => (t === null ? zerosLike(outputs[i]!) : made[next++]!));
    },
  };
}
