import { apply, type Aval, idMark, type Value } from "../graph/node.ts";
import { standIn } from "../graph/control.ts";
import type { Maybe, Primitive } from "../graph/primitive.ts";
import { allMapped, zerosLike } from "../graph/rules.ts";
import { batchedFunction } from "./checkpoint.ts";
import type { Closure, ValueFunction } from "./closure.ts";
import { backward } from "./vjp.ts";

interface CustomAttrs {
  readonly fun: ValueFunction;
  /** (cotangents of the outputs, then the inputs) -> cotangents of the arguments; what was captured gets none */
  readonly pullback: ValueFunction;
  readonly avals: readonly Aval[];
}
const attrsOf = (attrs: unknown) => attrs as CustomAttrs;

/** A function whose derivative the user wrote. Its jvp is the transpose of that pullback. */
export const customVjpPrimitive: Primitive = {
  name: "customVjp",
  kind: "opaque",
  infer: (_, attrs) => attrsOf(attrs).avals,
  fallback: (inputs, attrs) => attrsOf(attrs).fun(inputs),
  vjp: (cotangents, { inputs, outputs, attrs }) => [...attrsOf(attrs).pullback([...filled(cotangents, outputs), ...inputs])],
  jvp: (tangents, { inputs, outputs, attrs }) => {
    const mark = idMark();
    const stands = outputs.map((out) => standIn(out, out.node.device));
    const cotangents = attrsOf(attrs).pullback([...stands, ...inputs]);
    return backward(cotangents, tangents, stands, mark);
  },
  vmap: (inputs, mapped, size, attrs) => {
    const { fun, pullback, avals } = attrsOf(attrs);
    const every = inputs.map(() => true);
    return apply(customVjpPrimitive, allMapped(inputs, mapped, size), {
      fun: batchedFunction(fun, every, size),
      pullback: batchedFunction(pullback, [...avals.map(() => true), ...every], size),
      avals: avals.map((y) => ({ shape: [size, ...y.shape], dtype: y.dtype })),
    });
  },
};

export function applyCustomVjp(
  { call, captured }: Closure,
  pullback: ValueFunction,
  inputs: readonly Value[],
  avals: readonly Aval[],
): readonly Value[] {
  return apply(customVjpPrimitive, [...inputs, ...captured], { fun: call, pullback, avals });
}

const filled = (cotangents: readonly Maybe[], outputs: readonly Value[]): Value[] => cotangents.map((ct, i) => ct ?? zerosLike(outputs[i]!));
