import { standIn } from "../graph/control.ts";
import { apply, idMark, type Node, type Value } from "../graph/node.ts";
import type { Maybe } from "../graph/primitive.ts";
import { zerosLike } from "../graph/rules.ts";
import { reachable } from "../graph/walk.ts";
import { forward } from "./jvp.ts";

/** A function's tangent map at one point: what it needs of the primal pass, and its own part of the graph. */
export interface Linearization {
  /** Values of the primal pass that `push` uses. */
  readonly residuals: readonly Value[];
  /** Tangents of the inputs in, of the outputs out; may be called many times. `at` gives other values for the residuals. */
  push(tangents: readonly Value[], at?: readonly Value[]): Value[];
}

/** Splits the jvp of `outputs` by `wrt` into the primal pass and a part that is linear in the tangents. */
export function linearizeGraph(outputs: readonly Value[], wrt: readonly Value[], firstId: number): Linearization {
  const mark = idMark();
  const stands = wrt.map((x) => standIn(x, x.node.device));
  const tangents: Maybe[] = forward(outputs, wrt, stands, firstId);
  const roots = tangents.filter((t) => t !== null);
  const depends = new Set<Node>(stands.map((s) => s.node));
  const body: { node: Node; inputs: readonly Value[] }[] = [];
  const residuals = new Set<Value>();
  for (const node of reachable(roots, (value) => value.node.id < mark)) {
    if (!node.inputs.some((x) => depends.has(x.node))) continue;
    depends.add(node);
    body.push({ node, inputs: node.inputs });
  }
  for (const { inputs } of body) for (const x of inputs) if (!depends.has(x.node) && !isConstant(x)) residuals.add(x);
  const kept = [...residuals];
  return {
    residuals: kept,
    push(given, at) {
      const map = new Map<Value, Value>();
      stands.forEach((s, i) => map.set(s, given[i]!));
      if (at) kept.forEach((x, i) => map.set(x, at[i]!));
      for (const { node, inputs } of body) {
        const made = apply(node.primitive, inputs.map((x) => map.get(x) ?? x), node.attrs);
        node.outputs.forEach((out, i) => map.set(out, made[i]!));
      }
      return tangents.map((t, i) => (t === null ? zerosLike(outputs[i]!) : (map.get(t) ?? t)));
    },
  };
}

const isConstant = (x: Value): boolean => x.node.primitive.kind === "leaf" && x.node.device === null;
