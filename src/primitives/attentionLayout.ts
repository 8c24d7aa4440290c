import type { HeadView, MaskView } from "../../kernels/attention/kernel.ts";
import { contiguousStrides } from "../core/shape.ts";
import { o } from "../graph/algebra.ts";
import type { Aval, Value } from "../graph/node.ts";
import type { Attrs, Places, StridedView } from "../graph/primitive.ts";
import { allMapped } from "../graph/rules.ts";
import { attrsOf } from "./attentionPlain.ts";

// How attention's operands are batched, and where they lie for its kernels.

/** The mapped axis joins the batch; a mask that is one for all of the batch stays so. */
export function mergeMapped(inputs: readonly Value[], mapped: readonly boolean[], size: number, maskIndex: number): Value[] {
  return inputs.map((x, i) => {
    if (i === maskIndex && !mapped[i] && x.shape[0] === 1) return x;
    const full = allMapped([x], [mapped[i]!], size)[0]!,
      batch = inputs[0]!.shape[mapped[0] ? 1 : 0]!;
    const wide = o.broadcastTo(full, [size, batch, ...full.shape.slice(2)]);
    return o.reshape(wide, [size * batch, ...full.shape.slice(2)]);
  });
}
export const splitMapped = (values: readonly Value[], size: number): Value[] =>
  values.map((y) => o.reshape(y, [size, y.shape[0]! / size, ...y.shape.slice(1)]));

export const headView = ({ offset, strides }: StridedView): HeadView => [offset, strides[0]!, strides[1]!, strides[2]!];
/** The same of what lies as [.., tokens, heads, dim]. */
export const swappedView = ({ offset, strides }: StridedView): HeadView => [offset, strides[0]!, strides[2]!, strides[1]!];
/** Where outputs [.., tokens, heads, dim] go. */
export const outputViews = (outputs: readonly Aval[], places: Places | undefined): readonly StridedView[] =>
  places?.views ?? outputs.map(({ shape }) => ({ shape, strides: contiguousStrides(shape), offset: 0 }));
function maskView(view: StridedView | undefined): MaskView {
  if (!view) return [0, 0, 0, 0, 0];
  return [view.offset, ...view.strides.map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride))] as unknown as MaskView;
}
export function paramsOf([q, k]: readonly Aval[], attrs: Attrs, [qView, kView, vView]: readonly StridedView[], mask: StridedView | undefined) {
  const [batch, heads, queries, dim] = q!.shape as [number, number, number, number],
    { scale, causal } = attrsOf(attrs);
  return {
    scale,
    batch,
    heads,
    queries,
    keys: k!.shape[2]!,
    dim,
    causal: Number(causal),
    masked: Number(mask !== undefined),
    qView: headView(qView!),
    kView: headView(kView!),
    vView: headView(vView!),
    maskView: maskView(mask),
  };
}
export const forwardStrides = ({ strides }: StridedView): boolean => strides.every((stride) => stride >= 0);
export const isContiguous = ({ shape, strides, offset }: StridedView): boolean =>
  offset === 0 && contiguousStrides(shape).every((stride, axis) => stride === strides[axis] || shape[axis] === 1);
export const unitLast = (view: StridedView): boolean => forwardStrides(view) && (view.strides.at(-1) === 1 || view.shape.at(-1) === 1);
