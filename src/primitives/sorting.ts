import { argsort as argsortKernel } from "../../kernels/sort/kernel.ts";
import { topk as topkKernel } from "../../kernels/topk/kernel.ts";
import { checkAxis, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import type { Aval, Value } from "../graph/node.ts";
import { none, type Primitive } from "../graph/primitive.ts";
import { applyOne, checkOptions, checkWhole } from "./common.ts";
import type { AxisOptions } from "./indexing.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    /** Indices in ascending order; stable, NaN last. */
    argsort(x: Operand, options?: AxisOptions): Value;
    sort(x: Operand, options?: AxisOptions): Value;
    /** The k largest, largest first. */
    topK(x: Operand, k: number, options?: AxisOptions): { values: Value; indices: Value };
  }
}

const spans = (x: Aval, axis: number) => ({ outer: sizeOf(x.shape.slice(0, axis)), n: x.shape[axis]!, inner: sizeOf(x.shape.slice(axis + 1)) });
const byIndex = { vjp: none("an index"), jvp: none("an index") };

const argsort: Primitive = {
  name: "argsort",
  kind: "opaque",
  infer: ([x]) => [{ shape: x!.shape, dtype: "i32" }],
  ...byIndex,
  vmap: ([x], _mapped, _size, { axis }) => [applyOne(argsort, [x!], { axis: (axis as number) + 1 })],
  lower: ([x], _outputs, { axis }) => ({ kernel: argsortKernel, dtype: x!.dtype, params: argsortKernel.pack(spans(x!, axis as number)) }),
};
const topK: Primitive = {
  name: "topK",
  kind: "opaque",
  infer: ([x], { axis, k }) => [{ shape: x!.shape.with(axis as number, k as number), dtype: "i32" }],
  ...byIndex,
  vmap: ([x], _mapped, _size, { axis, k }) => [applyOne(topK, [x!], { axis: (axis as number) + 1, k })],
  lower: ([x], _outputs, { axis, k }) => ({
    kernel: topkKernel,
    dtype: x!.dtype,
    params: topkKernel.pack({ ...spans(x!, axis as number), k: k as number }),
  }),
};

/** What the kernels order; halves are ordered as f32. */
const ordered = (x: Value): Value => (x.dtype === "f16" || x.dtype === "bf16" ? o.cast(x, "f32") : x);

function prepare(op: string, operand: Operand, options: AxisOptions | undefined): { x: Value; axis: number } {
  checkOptions(op, options, ["axis"]);
  const given = o.asValue(operand, undefined, op),
    x = options?.axis === null ? o.flatten(given) : given;
  return { x, axis: checkAxis(op, options?.axis ?? -1, x.shape.length) };
}

define({
  argsort(operand, options) {
    const { x, axis } = prepare("argsort", operand, options);
    return applyOne(argsort, [ordered(x)], { axis });
  },
  sort(operand, options) {
    const { x, axis } = prepare("sort", operand, options);
    return x.shape[axis] === 0 ? x : o.takeAlongAxis(x, applyOne(argsort, [ordered(x)], { axis }), { axis });
  },
  topK(operand, k, options) {
    const { x, axis } = prepare("topK", operand, options);
    checkWhole("topK", "k", k, 0, x.shape[axis]!);
    const indices = applyOne(topK, [ordered(x)], { axis, k });
    return {
      values:
        k === 0
          ? o.slice(
              x,
              x.shape.map(() => 0),
              x.shape.with(axis, 0),
            )
          : o.takeAlongAxis(x, indices, { axis }),
      indices,
    };
  },
});
