import { attrsKey } from "./attrs.ts";
import type { Value } from "./node.ts";
import { reachable } from "./walk.ts";

/** The one text form of a graph: a line a node, in the order it was made, then what is returned. */
export function printGraph(outputs: readonly Value[], isInput: (value: Value) => boolean = () => false): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  const type = ({ dtype, shape }: Value): string => `${dtype}[${shape.join(",")}]`;
  const nameOf = (x: Value): string => {
    let name = names.get(x);
    if (name === undefined) {
      names.set(x, (name = `%${names.size}`));
      if (isInput(x)) lines.push(`${name} = input ${type(x)}`);
    }
    return name;
  };
  for (const { primitive, inputs, outputs: made, attrs } of reachable(outputs, isInput)) {
    const operands = inputs.map(nameOf).join(", ");
    const key = attrsKey(attrs);
    const shown = key === "{}" ? "" : ` ${key}`;
    lines.push(`${made.map(nameOf).join(", ")} = ${primitive.name}(${operands})${shown} ${made.map(type).join(", ")}`);
  }
  return [...lines, `return ${outputs.map(nameOf).join(", ")}`].join("\n");
}
