import type { Backend } from "../backends/backend.ts";
import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { o } from "../graph/algebra.ts";
import { apply, idMark, type Node, type Value } from "../graph/node.ts";
import { rewrite } from "./rewrite.ts";
import { wholeView } from "./strided.ts";

const isHalf = (dtype: DType): boolean => dtype === "f16" || dtype === "bf16";

/** Leaves only what the backend can run: composites without a kernel become their fallback, half floats are computed in
 *  f32 where a kernel has no other way, identities vanish. */
export function expand(outputs: readonly Value[], isInput: (value: Value) => boolean, backend: Backend): Value[] {
  return rewrite(outputs, isInput, (node, inputs) => {
    const { primitive } = node;
    if (primitive.identity === "free") return inputs;
    if (primitive.kind !== "opaque") return null;
    if (inputs.some((x) => isHalf(x.dtype)) && !runs(node, inputs, backend)) return inFloat(node, inputs, isInput, backend);
    if (runs(node, inputs, backend)) return null;
    if (!primitive.fallback) return fail("ERR_DTYPE", primitive.name, `${backend.name} has no kernel for ${inputs.map((x) => x.dtype).join(", ")}`);
    const mark = idMark();
    return expand(primitive.fallback(inputs, node.attrs), (v) => isInput(v) || v.node.id < mark, backend);
  });
}

function runs(node: Node, inputs: readonly Value[], backend: Backend): boolean {
  const lowering = node.primitive.lower?.(
    inputs,
    node.outputs,
    node.attrs,
    inputs.map((x) => wholeView(x.shape)),
  );
  if (!lowering || (inputs.some((x) => isHalf(x.dtype)) && !isHalf(lowering.dtype))) return false;
  return backend.supports(lowering.kernel.name, lowering.dtype) === true;
}

function inFloat(node: Node, inputs: readonly Value[], isInput: (value: Value) => boolean, backend: Backend): Value[] {
  const mark = idMark();
  const wide = apply(
    node.primitive,
    inputs.map((x) => (isHalf(x.dtype) ? o.cast(x, "f32") : x)),
    node.attrs,
  );
  const back = wide.map((y, i) => (y.dtype === node.outputs[i]!.dtype ? y : o.cast(y, node.outputs[i]!.dtype)));
  return expand(back, (v) => isInput(v) || v.node.id < mark, backend);
}
