import { standIn } from "../graph/control.ts";
import { apply, type Frame, idMark, type Node, type Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";

/** A function on values. */
export type ValueFunction = (inputs: readonly Value[]) => readonly Value[];

/** A recorded function that holds on to nothing: what it used from outside became inputs behind its arguments. */
export interface Closure {
  readonly captured: readonly Value[];
  /** Arguments, then (stand-ins for) the captured values. */
  readonly call: ValueFunction;
}

/** Records one run of `fun` on arguments like these. */
export function closeOver(fun: ValueFunction, like: readonly Value[], frame: Frame | null): Closure {
  const mark = idMark();
  const stands = like.map((x) => standIn(x, x.node.device, x.node.frame?.active ? x.node.frame : frame));
  const outputs = fun(stands);
  const isArgument = new Set(stands);
  const depends = new Set<Node>(stands.map((s) => s.node));
  const body: { node: Node; inputs: readonly Value[] }[] = [];
  for (const node of reachable(outputs, (v) => v.node.id < mark || isArgument.has(v))) {
    if (!node.inputs.some((x) => depends.has(x.node))) continue;
    depends.add(node);
    body.push({ node, inputs: node.inputs });
  }
  const captured = [...new Set([...body.flatMap((e) => e.inputs), ...outputs].filter((x) => !depends.has(x.node) && !isConstant(x)))];
  return {
    captured,
    call(inputs) {
      const map = new Map<Value, Value>();
      [...stands, ...captured].forEach((x, i) => map.set(x, inputs[i]!));
      const get = (x: Value): Value => map.get(x) ?? x;
      for (const { node, inputs: from } of body) {
        const made = apply(node.primitive, from.map(get), node.attrs);
        node.outputs.forEach((out, i) => map.set(out, made[i]!));
      }
      return outputs.map(get);
    },
  };
}

const isConstant = (x: Value): boolean => x.node.primitive.kind === "leaf" && x.node.device === null;
