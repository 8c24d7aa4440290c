import { normalizeBackwardTangent as backwardKernel, normalizeTangent as forwardKernel } from "../../kernels/normalize/kernel.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Application, Attrs, Maybe, Primitive } from "../graph/primitive.ts";
import { allMapped, compositeRules, zerosLike } from "../graph/rules.ts";
import { backwardTangentPlainly, stillTangent, tangentPlainly } from "./normalizePlain.ts";

// Tangents of normalisation and of its gradient for K directions at once: inputs are the primal ones, then tangents [K, ..].

type Plainly = (inputs: readonly Value[], attrs: Attrs) => readonly Value[];

/** The tangents of outputs from those of inputs, in one direction. `primal`: how many inputs there are; `outputs`: shapes of the outputs. */
function tangentPrimitive(
  name: string,
  kernel: Kernel,
  primal: number,
  plainly: Plainly,
  outputs: (primal: readonly Aval[]) => readonly Aval[],
): (tangents: readonly Value[], inputs: readonly Value[], attrs: Attrs) => Value[] {
  const primitive: Primitive = {
    name,
    kind: "opaque",
    infer: (inputs) => outputs(inputs).map(({ shape, dtype }) => ({ shape: [inputs[primal]!.shape[0]!, ...shape], dtype })),
    ...compositeRules(plainly),
    vmap(inputs, mapped, size, attrs) {
      if (mapped.some((isMapped, i) => isMapped && i < primal))
        return plainly(
          allMapped(inputs, mapped, size).map((x, i) => (i < primal ? o.expandDims(x, 1) : x)),
          attrs,
        );
      // Directions alone: there are more of them.
      const more = inputs.map((x, i) => {
        if (i < primal) return x;
        const full = mapped[i] ? x : o.broadcastTo(x, [size, ...x.shape]);
        return o.reshape(full, [size * full.shape[1]!, ...full.shape.slice(2)]);
      });
      return apply(primitive, more, attrs).map((y) => o.reshape(y, [size, y.shape[0]! / size, ...y.shape.slice(1)]));
    },
    lower([x], [first], { eps }) {
      const [a, , k, r2] = x!.shape as [number, number, number, number];
      return { kernel, dtype: x!.dtype === "f64" ? "f64" : "f32", params: kernel.pack({ eps, tangents: first!.shape[0]!, a, k, r2 }) };
    },
  };
  // Of one direction, without an axis for it.
  return (tangents, inputs, attrs) => {
    const all = [...inputs, ...tangents.map((t) => o.expandDims(t, 0))];
    // The kernels take groups that are rows.
    const made = inputs[0]!.shape[1] === 1 ? apply(primitive, all, attrs) : plainly(all, attrs);
    return made.map((y) => o.reshape(y, y.shape.slice(1)));
  };
}

const forward = tangentPrimitive("normalizeTangent", forwardKernel, 4, tangentPlainly, ([x, , center, variance]) => [x!, center!, variance!]);
const backward = tangentPrimitive("normalizeBackwardTangent", backwardKernel, 5, backwardTangentPlainly, ([x, scale]) => [x!, scale!, scale!]);

/** jvp of normalize. */
export function normalizeJvp([tx, tscale, tbias]: readonly Maybe[], { inputs, outputs, attrs }: Application): Maybe[] {
  const [x, scale, bias] = inputs as [Value, Value, Value],
    [, center, variance] = outputs as [Value, Value, Value];
  if (!tx) return [stillTangent([tscale!, tbias!], x, center, variance, attrs), null, null];
  return forward([tx, tscale ?? zerosLike(scale), tbias ?? zerosLike(bias)], [x, scale, center, variance], attrs);
}
/** jvp of its gradient. */
export const backwardJvp = (tangents: readonly Maybe[], { inputs, attrs }: Application): Maybe[] =>
  backward(
    tangents.map((t, i) => t ?? zerosLike(inputs[i]!)),
    inputs,
    attrs,
  );
