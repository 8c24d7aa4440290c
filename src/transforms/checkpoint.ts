import { apply, type Aval, idMark, type Value } from "../graph/node.ts";
import { barrier, standIn } from "../graph/control.ts";
import type { Primitive } from "../graph/primitive.ts";
import { allMapped, viaFallback } from "../graph/rules.ts";
import type { Closure, ValueFunction } from "./closure.ts";
import { batch } from "./vmap.ts";
import { backward } from "./vjp.ts";

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
  vmap: (inputs, mapped, size, attrs) => {
    const { fun, avals } = attrsOf(attrs);
    const batched = avals.map((y) => ({ shape: [size, ...y.shape], dtype: y.dtype }));
    return apply(checkpointPrimitive, inputs, { fun: batchedFunction(fun, mapped, size), avals: batched });
  },
};

/** Records a call of a closure as one node, whose inside is computed again in the backward pass. */
export function applyCheckpoint({ call, captured }: Closure, inputs: readonly Value[], avals: readonly Aval[]): readonly Value[] {
  return apply(checkpointPrimitive, [...inputs, ...captured], { fun: call, avals });
}

/** `fun` over inputs of which the mapped ones carry a leading axis; all its results carry it. */
export function batchedFunction(fun: ValueFunction, mapped: readonly boolean[], size: number): ValueFunction {
  return (inputs) => {
    const mark = idMark();
    const single = inputs.map((x, i) => (mapped[i] ? standIn({ shape: x.shape.slice(1), dtype: x.dtype }, x.node.device) : x));
    const outputs = fun(single);
    const from = single.filter((_, i) => mapped[i]);
    const batched = batch(
      outputs,
      from,
      inputs.filter((_, i) => mapped[i]),
      size,
      mark,
    );
    return allMapped(
      outputs.map((out, i) => batched[i] ?? out),
      batched.map((b) => b !== null),
      size,
    );
  };
}
