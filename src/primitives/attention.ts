import { attention as attentionKernel, attentionBackward as backwardKernel, type HeadView, type MaskView } from "../../kernels/attention/kernel.ts";
import { isFloat, promote, toFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { broadcastShapes, contiguousStrides, sameShape, showShape } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Application, Attrs, Maybe, Primitive, StridedView } from "../graph/primitive.ts";
import { addMaybe, allMapped, compositeRules } from "../graph/rules.ts";
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

interface AttentionAttrs {
  readonly scale: number;
  readonly causal: boolean;
}
const attrsOf = (attrs: Attrs): AttentionAttrs => attrs as unknown as AttentionAttrs;

// [B, H, N, D] <-> [B, N, H, D], in which results lie: a model's next reshape to [B, N, H * D] then copies nothing.
const swapHeads = (x: Value): Value => o.transpose(x, [0, 2, 1, 3]);
const swapMaybe = (x: Maybe): Maybe => x && swapHeads(x);
const mulMaybe = (a: Maybe, b: Maybe): Maybe => (a && b ? o.mul(a, b) : null);
const matmulMaybe = (a: Maybe, b: Maybe): Maybe => (a && b ? o.matmul(a, b) : null);
const turned = (x: Maybe): Maybe => x && o.mT(x);
/** A number for each query beside scores. */
const beside = (perQuery: Value): Value => o.expandDims(perQuery, -1);
const rowSum = (x: Value): Value => o.sum(x, { axis: -1 });

/** S = scale q k^T + mask [B, H, N, M]; -inf where a query does not see. */
function scoresOf(q: Value, k: Value, mask: Value | undefined, { scale, causal }: AttentionAttrs): Value {
  let scores = o.mul(o.matmul(q, o.mT(k)), scale);
  if (mask) scores = o.where(o.equal(mask, -Infinity), -Infinity, o.add(scores, mask));
  if (!causal) return scores;
  const queries = q.shape[2]!,
    keys = k.shape[2]!;
  const visible = o.lessEqual(o.iota("i32", keys), o.add(o.expandDims(o.iota("i32", queries), 1), keys - queries));
  return o.where(visible, scores, -Infinity);
}
/** The tangent of S where it is finite. */
function scoresTangent([dq, dk, , dmask]: readonly Maybe[], q: Value, k: Value, scale: number): Maybe {
  const products = addMaybe(matmulMaybe(dq ?? null, o.mT(k)), matmulMaybe(q, turned(dk ?? null)));
  return addMaybe(products && o.mul(products, scale), dmask ? o.broadcastTo(dmask, [...q.shape.slice(0, 3), k.shape[2]!]) : null);
}

function attentionPlainly([q, k, v, mask]: readonly Value[], attrs: Attrs): readonly Value[] {
  const scores = scoresOf(q!, k!, mask, attrsOf(attrs)),
    lse = o.logSumExp(scores, { axis: -1 });
  return [swapHeads(o.matmul(shares(scores, lse), v!)), lse];
}

// dP = P * (dS - rowsum(P * dS)); dO = dP V + P dV
function attentionJvp(tangents: readonly Maybe[], { inputs: [q, k, v, mask], outputs: [, lse], attrs }: Application): Maybe[] {
  const weights = shares(scoresOf(q!, k!, mask, attrsOf(attrs)), lse!);
  const dscores = scoresTangent(tangents, q!, k!, attrsOf(attrs).scale),
    weighted = mulMaybe(weights, dscores);
  const dlse = weighted && rowSum(weighted),
    dweights = weighted && o.sub(weighted, o.mul(weights, beside(dlse!)));
  return [swapMaybe(addMaybe(matmulMaybe(dweights, v!), matmulMaybe(weights, tangents[2]!))), dlse];
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
/** P * (dO V^T - rowsum(dO * O)) */
const scoresCotangent = (weights: Value, ct: Value, v: Value, out: Value): Value =>
  o.mul(weights, o.sub(o.matmul(ct, o.mT(v)), beside(rowSum(o.mul(ct, out)))));
/** The transpose of broadcasting, both of four axes. */
const sumTo = (x: Value, shape: readonly number[]): Value =>
  o.sum(x, { axis: shape.flatMap((size, axis) => (size === 1 ? [axis] : [])), keepDims: true });

// inputs q, k, v [B, H, tokens, D], O [B, N, H, D], lse [B, H, N], dO [B, N, H, D], mask?; outputs dQ, dK, dV [B, tokens, H, D]
function backwardPlainly([q, k, v, out, lse, ct, mask]: readonly Value[], attrs: Attrs): readonly Value[] {
  const weights = shares(scoresOf(q!, k!, mask, attrsOf(attrs)), lse!),
    dout = swapHeads(ct!);
  const dscores = o.mul(scoresCotangent(weights, dout, v!, swapHeads(out!)), attrsOf(attrs).scale);
  return [o.matmul(dscores, k!), o.matmul(o.mT(dscores), q!), o.matmul(o.mT(weights), dout)].map(swapHeads);
}

// With Z = dP - rowsum(dO * O) and dS = P * Z (primes are tangents):
// P' = P * (S' - lse'); Z' = dO' V^T + dO V'^T - rowsum(dO' * O + dO * O'); dS' = P' * Z + P * Z'
// dQ' = scale (dS' K + dS K'); dK' = scale (dS'^T Q + dS^T Q'); dV' = P'^T dO + P^T dO'
function backwardJvp(tangents: readonly Maybe[], { inputs, attrs }: Application): Maybe[] {
  const [q, k, v, out, lse, ct, mask] = inputs as [Value, Value, Value, Value, Value, Value, Value | undefined],
    { scale } = attrsOf(attrs);
  const [tq, tk, tv, tout, tlse, tct, tmask] = tangents as [Maybe, Maybe, Maybe, Maybe, Maybe, Maybe, Maybe | undefined];
  const weights = shares(scoresOf(q, k, mask, attrsOf(attrs)), lse),
    dout = swapHeads(ct),
    tdout = swapMaybe(tct);
  const rows = (x: Maybe): Maybe => x && beside(rowSum(swapHeads(x)));
  const slopes = o.sub(o.matmul(dout, o.mT(v)), rows(o.mul(ct, out))!),
    dscores = o.mul(weights, slopes);
  const shift = subMaybe(scoresTangent([tq, tk, null, tmask ?? null], q, k, scale), tlse && beside(tlse));
  const tweights = mulMaybe(weights, shift);
  const products = addMaybe(matmulMaybe(tdout, o.mT(v)), matmulMaybe(dout, turned(tv)));
  const tslopes = subMaybe(products, rows(addMaybe(mulMaybe(tct, out), mulMaybe(ct, tout))));
  const tscores = addMaybe(mulMaybe(tweights, slopes), mulMaybe(weights, tslopes));
  const scaled = (x: Maybe): Maybe => swapMaybe(x && o.mul(x, scale));
  return [
    scaled(addMaybe(matmulMaybe(tscores, k), matmulMaybe(dscores, tk))),
    scaled(addMaybe(matmulMaybe(turned(tscores), q), matmulMaybe(o.mT(dscores), tq))),
    swapMaybe(addMaybe(matmulMaybe(turned(tweights), dout), matmulMaybe(o.mT(weights), tdout))),
  ];
}
function subMaybe(a: Maybe, b: Maybe): Maybe {
  if (a === null || b === null) return a ?? (b && o.neg(b));
  return o.sub(a, b);
}

/** The mapped axis joins the batch; a mask that is one for all of the batch stays so. */
function mergeMapped(inputs: readonly Value[], mapped: readonly boolean[], size: number, maskIndex: number): Value[] {
  return inputs.map((x, i) => {
    if (i === maskIndex && !mapped[i] && x.shape[0] === 1) return x;
    const full = allMapped([x], [mapped[i]!], size)[0]!,
      batch = inputs[0]!.shape[mapped[0] ? 1 : 0]!;
    const wide = o.broadcastTo(full, [size, batch, ...full.shape.slice(2)]);
    return o.reshape(wide, [size * batch, ...full.shape.slice(2)]);
  });
}
const splitMapped = (values: readonly Value[], size: number): Value[] =>
  values.map((y) => o.reshape(y, [size, y.shape[0]! / size, ...y.shape.slice(1)]));

const headView = ({ offset, strides }: StridedView): HeadView => [offset, strides[0]!, strides[1]!, strides[2]!];
function maskView(view: StridedView | undefined): MaskView {
  if (!view) return [0, 0, 0, 0, 0];
  return [view.offset, ...view.strides.map((stride, axis) => (view.shape[axis] === 1 ? 0 : stride))] as unknown as MaskView;
}
function paramsOf([q, k]: readonly Aval[], attrs: Attrs, [qView, kView, vView]: readonly StridedView[], mask: StridedView | undefined) {
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
const forwardStrides = ({ strides }: StridedView): boolean => strides.every((stride) => stride >= 0);
const isContiguous = ({ shape, strides, offset }: StridedView): boolean =>
  offset === 0 && contiguousStrides(shape).every((stride, axis) => stride === strides[axis] || shape[axis] === 1);
const unitLast = (view: StridedView): boolean => forwardStrides(view) && (view.strides.at(-1) === 1 || view.shape.at(-1) === 1);

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
  lower: (inputs, _, attrs, views) => ({
    kernel: attentionKernel,
    dtype: inputs[0]!.dtype === "f64" ? "f64" : "f32",
    params: attentionKernel.pack(paramsOf(inputs, attrs, views, views[3])),
  }),
};

const backward: Primitive = {
  name: "attentionBackward",
  kind: "opaque",
  infer: (inputs) => inputs.slice(0, 3).map(({ shape: [batch, heads, tokens, dim], dtype }) => ({ shape: [batch!, tokens!, heads!, dim!], dtype })),
  ...compositeRules(backwardPlainly),
  jvp: backwardJvp,
  vmap: (inputs, mapped, size, attrs) => splitMapped(apply(backward, mergeMapped(inputs, mapped, size, 6), attrs), size),
  accepts: (index, view) => (index === 6 ? forwardStrides(view) : index === 3 || index === 4 ? isContiguous(view) : unitLast(view)),
  lower(inputs, _, attrs, views) {
    const { offset, strides } = views[5]!; // [B, N, H, D]
    const params = { ...paramsOf(inputs, attrs, views, views[6]), doView: [offset, strides[0]!, strides[2]!, strides[1]!] as const };
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
