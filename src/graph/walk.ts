import type { Node, Value } from "./node.ts";

/** The nodes that `roots` depend on, in topological (id) order; the walk does not go through values where `stop` holds. */
export function reachable(roots: Iterable<Value>, stop: (value: Value) => boolean): Node[] {
  const seen = new Set<Node>();
  const stack: Node[] = [];
  const visit = (value: Value): void => {
    if (seen.has(value.node) || stop(value)) return;
    seen.add(value.node);
    stack.push(value.node);
  };
  for (const root of roots) visit(root);
  while (stack.length > 0) for (const input of stack.pop()!.inputs) visit(input);
  return [...seen].sort((a, b) => a.id - b.id);
}
