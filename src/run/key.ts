import { attrsKey } from "../graph/attrs.ts";
import { constantPrimitive, placeholder } from "../graph/control.ts";
import type { Node, Value } from "../graph/node.ts";

// Numbers that simplification knows something about stay in the key; others are set anew at every run of the plan.
const telling = new Set([0, 1, -1, 2, 0.5]);

/** The structure of a graph as text: equal keys mean equal plans. */
export class GraphKey {
  readonly #parts: string[] = [];
  readonly #names = new Map<Value, string>();
  readonly constants: Value[] = [];
  #nodes = 0;

  constructor(
    inputs: readonly Value[],
    private readonly liftConstants: boolean,
  ) {
    inputs.forEach((x, i) => {
      this.#names.set(x, `i${i}`);
      this.#parts.push(`${x.dtype}[${x.shape}]`);
    });
  }

  add(node: Node): void {
    const { primitive, inputs, attrs, outputs } = node;
    const name = `n${this.#nodes++}`;
    for (const out of outputs) if (!this.#names.has(out)) this.#names.set(out, outputs.length === 1 ? name : `${name}.${out.index}`);
    const shapes = inputs.length === 0 ? `${outputs[0]!.dtype}[${outputs[0]!.shape}]` : "";
    if (primitive === constantPrimitive && this.liftConstants && !telling.has(attrs.value as number)) {
      this.constants.push(outputs[0]!);
      this.#parts.push(`number${shapes}`);
    } else if (primitive === placeholder) {
      this.#parts.push(`argument${shapes}`);
    } else {
      this.#parts.push(`${primitive.name}${attrsKey(attrs)}${shapes}(${inputs.map((x) => this.#names.get(x)).join()})`);
    }
  }

  finish(outputs: readonly Value[]): string {
    return `${this.#parts.join(";")}=>${outputs.map((x) => this.#names.get(x)).join()}`;
  }
}
