import { registerType } from "../../kernels/elementwise/program.ts";
import { scalarFunction, scalarRow } from "../../kernels/elementwise/scalar.ts";
import { castTo } from "../../kernels/elementwise/interpret.ts";
import { constantPrimitive } from "../graph/control.ts";
import { leaf, Node, type Value } from "../graph/node.ts";
import { attrsKey } from "../graph/attrs.ts";
import { rewrite } from "./rewrite.ts";

/** Constants are folded, equal work is merged, and each primitive's own algebra is applied. `lifted` numbers are not known. */
export function simplify(outputs: readonly Value[], isInput: (value: Value) => boolean, lifted: Map<Value, number>): Value[] {
  const known = new Map<string, readonly Value[]>();
  const numberOf = (x: Value): number | undefined =>
    x.node.primitive === constantPrimitive && !lifted.has(x) ? Number(x.node.attrs.value) : undefined;
  const constant = (value: number, like: Value): Value => leaf(constantPrimitive, { shape: like.shape, dtype: like.dtype }, { value }, null);

  const fold = (node: Node, inputs: readonly Value[]): Value | null => {
    const { primitive, attrs } = node;
    const [out] = node.outputs as [Value];
    if (primitive.simplify) {
      const simpler = primitive.simplify(inputs, attrs, numberOf);
      if (simpler) return simpler;
    }
    const [x] = inputs;
    if (primitive.kind === "view" && inputs.length === 1 && x!.node.primitive === constantPrimitive) {
      const made = constant(x!.node.attrs.value as number, out);
      if (lifted.has(x!)) lifted.set(made, lifted.get(x!)!);
      return made;
    }
    if (primitive.kind === "elementwise" && primitive.scalar) {
      const numbers = inputs.map(numberOf);
      if (numbers.every((v) => v !== undefined)) {
        const row = primitive.scalar === "cast" ? null : scalarRow(primitive.scalar);
        const [a, b, c] = numbers as number[];
        return constant(castTo(out.dtype, row ? scalarFunction(row, registerType(inputs.at(-1)!.dtype))(a!, b!, c!) : a!), out);
      }
    }
    return null;
  };

  return rewrite(outputs, isInput, (node, inputs) => {
    if (node.outputs.length === 1) {
      const simpler = fold(node, inputs);
      if (simpler) return [simpler];
    }
    if (lifted.has(node.outputs[0]!) || node.primitive.identity === "barrier") return null;
    const shape = inputs.length === 0 ? `${node.outputs[0]!.dtype}[${node.outputs[0]!.shape}]` : "";
    const key = `${node.primitive.name}${attrsKey(node.attrs)}${shape}(${inputs.map((x) => `${x.node.id}.${x.index}`).join()})`;
    const before = known.get(key);
    if (before) return before;
    const same = inputs.every((x, i) => x === node.inputs[i]);
    const outputsNow = same ? node.outputs : new Node(node.primitive, inputs, node.attrs, node.outputs, node.frame, node.device).outputs;
    known.set(key, outputsNow);
    return outputsNow;
  });
}
