import { apply, type Aval, idMark, type Value } from "../graph/node.ts";
import { barrier, standIn } from "../graph/control.ts";
import type { Primitive } from "../graph/primitive.ts";
import { allMapped, viaFallback } from "../graph/rules.ts";
import { batch } from "./vmap.ts";
import { backward } from "./vjp.ts";

/** A function on values, given as an attribute of the node that applies it. */
export type ValueFunction = (inputs: readonly Value[]) => readonly Value[];

interface CheckpointAttrs {
  readonly fun: ValueFunction;
  readonly avals: readonly Aval[];
}
const attrsOf = (attrs: unknown) => attrs as CheckpointAttrs;

/** f, whose intermediate values are computed again in the backward pass instead of being kept. */
export const checkpointPrimitive: Primitive = {
  name: "checkpoint",
  kind: "opaque",
  infer: (_, attrs) => attrsOf(attrs).avals,
  fallback: (inputs, attrs) => attrsOf(attrs).fun(inputs),
  vjp: (cotangents, { inputs, attrs }) => {
    // The barrier holds the second forward pass back until the cotangents are there.
    const ties = cotangents.filter((ct) => ct !== null);
    const again = apply(barrier, [...inputs, ...ties]).slice(0, inputs.length);
    const mark = idMark();
    return backward(attrsOf(attrs).fun(again), cotangents, again, mark);
  },
  jvp: viaFallback,
  vmap: (inputs, mapped, size, attrs) => applyCheckpoint(batchedFunction(attrsOf(attrs).fun, mapped, size), inputs),
};

/** Records one call of `fun` as a node whose inside is not differentiated until it must. */
export function applyCheckpoint(fun: ValueFunction, inputs: readonly Value[]): readonly Value[] {
  const avals = fun(inputs).map(({ shape, dtype }) => ({ shape, dtype }));
  return apply(checkpointPrimitive, inputs, { fun, avals });
}

/** `fun` over inputs of which the mapped ones carry a leading axis; all its results carry it. */
export function batchedFunction(fun: ValueFunction, mapped: readonly boolean[], size: number): ValueFunction {
  return (inputs) => {
    const mark = idMark();
    const single = inputs.map((x, i) => (mapped[i] ? standIn({ shape: x.shape.slice(1), dtype: x.dtype }, x.node.device) : x));
    const outputs = fun(single);
    const from = single.filter((_, i) => mapped[i]);
    const batched = batch(outputs, from, inputs.filter((_, i) => mapped[i]), size, mark);
    return allMapped(outputs.map((out, i) => batched[i] ?? out), batched.map((b) => b !== null), size);
  };
}
