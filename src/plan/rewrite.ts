import { Node, type Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";

/** What a node becomes, given its rewritten inputs: other values, or null for the same operation again. */
export type Rule = (node: Node, inputs: readonly Value[]) => readonly Value[] | null;

/** Rebuilds the graph from the inputs up. */
export function rewrite(outputs: readonly Value[], isInput: (value: Value) => boolean, rule: Rule): Value[] {
  const made = new Map<Value, Value>();
  const get = (x: Value): Value => made.get(x) ?? x;
  for (const node of reachable(outputs, isInput)) {
    const inputs = node.inputs.map(get);
    let replaced = rule(node, inputs);
    if (replaced === null) {
      if (inputs.every((x, i) => x === node.inputs[i])) continue;
      replaced = new Node(node.primitive, inputs, node.attrs, node.outputs, node.frame, node.device).outputs;
    }
    node.outputs.forEach((out, i) => made.set(out, replaced[i]!));
  }
  return outputs.map(get);
}
