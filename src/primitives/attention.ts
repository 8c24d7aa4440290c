import { attention as attentionKernel, attentionBackward as backwardKernel, type HeadView } from "../../kernels/attention/kernel.ts";
import { isFloat, promote, toFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { broadcastShapes, sameShape, showShape } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { apply, type Value } from "../graph/node.ts";
import type { Application, Maybe, Primitive } from "../graph/primitive.ts";
import { addMaybe, compositeRules } from "../graph/rules.ts";
import { forwardStrides, isContiguous, mergeMapped, outputViews, paramsOf, splitMapped, swappedView, unitLast } from "./attentionLayout.ts";
import { attentionPlainly, attrsOf, backwardPlainly, beside, matmulMaybe, scoresCotangent, scoresOf, swapHeads, turned } from "./attentionPlain.ts";
import { attentionJvp, backwardJvp } from "./attentionTangents.ts";
import { checkOptions, checkValue, shares } from "./common.ts";

export interface AttentionOptions {
  /** Default: 1 / sqrt(D). */
  readonly scale?: number;
  /** Broadcast over [B, H, N, M]. bool: true may look. Numbers: added to the scores. */
  readonly mask?: Value;
  /** Query i sees keys up to i + M - N. */
  readonly causal?: boolean;
}

declare module "../graph/algebra.ts" {
  interface Ops {
    attention(q: Value, k: Value, v: Value, options?: AttentionOptions): Value;
  }
}

function attentionVjp([ct, ctLse]: readonly Maybe[], { inputs, outputs: [out, lse], attrs }: Application): Maybe[] {
  const [q, k, v, mask] = inputs as [Value, Value, Value, Value | undefined],
    { scale } = attrsOf(attrs);
  const direct: Maybe[] = ct ? apply(backward, [q, k, v, out!, lse!, ct, ...(mask ? [mask] : [])], attrs).map(swapHeads) : [null, null, null];
  if (!ctLse && !mask) return direct;
  const weights = shares(scoresOf(q, k, mask, attrsOf(attrs)), lse!);
  const byLse = ctLse && o.mul(weights, beside(ctLse)),
    byOut = mask && ct ? scoresCotangent(weights, swapHeads(ct), v, swapHeads(out!)) : null;
  const scaled = byLse && o.mul(byLse, scale);
  const [dq, dk, dv] = [addMaybe(direct[0]!, matmulMaybe(scaled, k)), addMaybe(direct[1]!, matmulMaybe(turned(scaled), q)), direct[2]!];
  const dmask = mask ? addMaybe(byLse, byOut) : null;
  return mask ? [dq, dk, dv, dmask && sumTo(dmask, mask.shape)] : [dq, dk, dv];
}
/** The transpose of broadcasting, both of four axes. */
const sumTo = (x: Value, shape: readonly number[]): Value =>
  o.sum(x, { axis: shape.flatMap((size, axis) => (size === 1 ? [axis] : [])), keepDims: true });

// inputs q, k, v [B, H, tokens, D], mask? [B | 1, H | 1, N | 1, M | 1]; outputs O [B, N, H, D], lse [B, H, N]
const attentionPrimitive: Primitive = {
  name: "attention",
  kind: "opaque",
  infer([q]) {
    const [batch, heads, queries, dim] = q!.shape as [number, number, number, number];
    return [
      { shape: [batch, queries, heads, dim], dtype: q!.dtype },
      { shape: [batch, heads, queries], dtype: q!.dtype },
    ];
  },
  fallback: attentionPlainly,
  vjp: attentionVjp,
  jvp: attentionJvp,
  vmap: (inputs, mapped, size, attrs) => splitMapped(apply(attentionPrimitive, mergeMapped(inputs, mapped, size, 3), attrs), size),
  accepts: (index, view) => (index === 3 ? forwardStrides(view) : unitLast(view)),
  spreads: (index, view) => index === 0 && unitLast(view),
  lower: (inputs, outputs, attrs, views, places) => ({
    kernel: attentionKernel,
    dtype: inputs[0]!.dtype === "f64" ? "f64" : "f32",
    params: attentionKernel.pack({ ...paramsOf(inputs, attrs, views, views[3]), oView: swappedView(outputViews(outputs, places)[0]!) }),
  }),
};

const backward: Primitive = {
  name: "attentionBackward",
  kind: "opaque",
  infer: (inputs) => inputs.slice(0, 3).map(({ shape: [batch, heads, tokens, dim], dtype }) => ({ shape: [batch!, tokens!, heads!, dim!], dtype })),
  ...compositeRules(backwardPlainly),
  jvp: backwardJvp,
  vmap: (inputs, mapped, size, attrs) => splitMapped(apply(backward, mergeMapped(inputs, mapped, size, 6), attrs), size),
  accepts: (index, view) => (index === 6 ? forwardStrides(view) : index === 4 ? isContiguous(view) : unitLast(view)),
  spreads: (_, view) => unitLast(view),
  lower(inputs, outputs, attrs, views, places) {
    const [dqView, dkView, dvView] = outputViews(outputs, places).map(swappedView) as [HeadView, HeadView, HeadView];
    const params = {
      ...paramsOf(inputs, attrs, views, views[6]),
      doView: swappedView(views[5]!),
      oView: swappedView(views[3]!),
      ...{ dqView, dkView, dvView },
      joined: Number(places?.joined ?? false),
    };
    return { kernel: backwardKernel, dtype: inputs[0]!.dtype === "f64" ? "f64" : "f32", params: backwardKernel.pack(params) };
  },
};

function checkHeads(q: Value, k: Value, v: Value): void {
  const shapes = `q is ${showShape(q.shape)}, k is ${showShape(k.shape)}, v is ${showShape(v.shape)}`;
  for (const [name, x] of [
    ["q", q],
    ["k", k],
    ["v", v],
  ] as const) {
    if (x.shape.length !== 4) fail("ERR_SHAPE", "attention", `${name} must be [batch, heads, tokens, dim]: ${shapes}`);
  }
  if (!sameShape(k.shape, v.shape)) fail("ERR_SHAPE", "attention", `k and v must be of one shape: ${shapes}`);
  const differing = ["batch", "heads", "tokens", "dim"].find((axis, i) => axis !== "tokens" && q.shape[i] !== k.shape[i]);
  if (differing) fail("ERR_SHAPE", "attention", `q and k must have the same ${differing}: ${shapes}`);
}
/** Any mask as numbers to be added, of four axes. */
function additive(mask: Value, full: readonly number[], dtype: Value["dtype"]): Value {
  if (mask.shape.length > 4 || !sameShape(broadcastShapes("attention", mask.shape, full), full)) {
    fail("ERR_SHAPE", "attention", `mask must broadcast to [batch, heads, queries, keys] = ${showShape(full)}, got ${showShape(mask.shape)}`);
  }
  if (mask.dtype !== "bool" && !isFloat(mask.dtype))
    fail("ERR_DTYPE", "attention", `mask must be bool (true may look) or floats (added), got ${mask.dtype}`);
  const added = mask.dtype === "bool" ? o.where(mask, o.constant(0, dtype), o.constant(-Infinity, dtype)) : o.cast(mask, dtype);
  return o.reshape(added, [...new Array<number>(4 - mask.shape.length).fill(1), ...mask.shape]);
}

define({
  attention(queries, keys, values, options) {
    checkOptions("attention", options, ["scale", "mask", "causal"]);
    const given = [checkValue("attention", "q", queries), checkValue("attention", "k", keys), checkValue("attention", "v", values)] as const;
    checkHeads(...given);
    const dtype = toFloat(given.map((x) => x.dtype).reduce(promote)),
      [q, k, v] = given.map((x) => o.cast(x, dtype)) as [Value, Value, Value];
    const { scale = 1 / Math.sqrt(Math.max(1, q.shape[3]!)), mask, causal = false } = options ?? {};
    if (typeof scale !== "number") fail("ERR_ARGUMENT", "attention", `scale must be a number, got ${typeof scale}`);
    if (typeof causal !== "boolean") fail("ERR_ARGUMENT", "attention", `causal must be true or false, got ${String(causal)}`);
    const masks =
      mask === undefined || mask === null ? [] : [additive(checkValue("attention", "mask", mask), [...q.shape.slice(0, 3), k.shape[2]!], dtype)];
    return swapHeads(apply(attentionPrimitive, [q, k, v, ...masks], { scale, causal })[0]!);
  },
});
