import { o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import type { Attrs, Maybe } from "../graph/primitive.ts";
import { addMaybe } from "../graph/rules.ts";
import { shares } from "./common.ts";

// Attention, its gradient and their tangents in plain operations, over the full matrix of scores.

export interface AttentionAttrs {
  readonly scale: number;
  readonly causal: boolean;
}
export const attrsOf = (attrs: Attrs): AttentionAttrs => attrs as unknown as AttentionAttrs;

/** [.., H, N, D] <-> [.., N, H, D], in which results lie: a model's next reshape to [B, N, H * D] then copies nothing. */
export const swapHeads = (x: Value): Value => o.swapAxes(x, -3, -2);
const swapMaybe = (x: Maybe): Maybe => x && swapHeads(x);
const mulMaybe = (a: Maybe, b: Maybe): Maybe => (a && b ? o.mul(a, b) : null);
export const matmulMaybe = (a: Maybe, b: Maybe): Maybe => (a && b ? o.matmul(a, b) : null);
export const turned = (x: Maybe): Maybe => x && o.mT(x);
/** A number for each query beside scores. */
export const beside = (perQuery: Value): Value => o.expandDims(perQuery, -1);
export const rowSum = (x: Value): Value => o.sum(x, { axis: -1 });

/** S = scale q k^T + mask [B, H, N, M]; -inf where a query does not see. */
export function scoresOf(q: Value, k: Value, mask: Value | undefined, { scale, causal }: AttentionAttrs): Value {
  let scores = o.mul(o.matmul(q, o.mT(k)), scale);
  if (mask) scores = o.where(o.equal(mask, -Infinity), -Infinity, o.add(scores, mask));
  if (!causal) return scores;
  const queries = q.shape[2]!,
    keys = k.shape[2]!;
  const visible = o.lessEqual(o.iota("i32", keys), o.add(o.expandDims(o.iota("i32", queries), 1), keys - queries));
  return o.where(visible, scores, -Infinity);
}
/** The tangent of S where it is finite; tangents may have more axes in front. */
function scoresTangent([dq, dk, , dmask]: readonly Maybe[], q: Value, k: Value, scale: number): Maybe {
  const products = addMaybe(matmulMaybe(dq ?? null, o.mT(k)), matmulMaybe(q, turned(dk ?? null)));
  return addMaybe(products && o.mul(products, scale), dmask ? o.broadcastTo(dmask, [...q.shape.slice(0, 3), k.shape[2]!]) : null);
}

export function attentionPlainly([q, k, v, mask]: readonly Value[], attrs: Attrs): readonly Value[] {
  const scores = scoresOf(q!, k!, mask, attrsOf(attrs)),
    lse = o.logSumExp(scores, { axis: -1 });
  return [swapHeads(o.matmul(shares(scores, lse), v!)), lse];
}

/** From tangents of q, k, v and the mask those of O and lse: dP = P * (dS - rowsum(P * dS)); dO = dP V + P dV. */
export function tangentPlainly(tangents: readonly Maybe[], [q, k, v, lse, mask]: readonly Value[], attrs: Attrs): Maybe[] {
  const weights = shares(scoresOf(q!, k!, mask, attrsOf(attrs)), lse!);
  const dscores = scoresTangent(tangents, q!, k!, attrsOf(attrs).scale),
    weighted = mulMaybe(weights, dscores);
  const dlse = weighted && rowSum(weighted),
    dweights = weighted && o.sub(weighted, o.mul(weights, beside(dlse!)));
  return [swapMaybe(addMaybe(matmulMaybe(dweights, v!), matmulMaybe(weights, tangents[2] ?? null))), dlse];
}

/** P * (dO V^T - rowsum(dO * O)) */
export const scoresCotangent = (weights: Value, ct: Value, v: Value, out: Value): Value =>
  o.mul(weights, o.sub(o.matmul(ct, o.mT(v)), beside(rowSum(o.mul(ct, out)))));

/** inputs q, k, v [B, H, tokens, D], O [B, N, H, D], lse [B, H, N], dO [B, N, H, D], mask?; outputs dQ, dK, dV [B, tokens, H, D] */
export function backwardPlainly([q, k, v, out, lse, ct, mask]: readonly Value[], attrs: Attrs): readonly Value[] {
  const weights = shares(scoresOf(q!, k!, mask, attrsOf(attrs)), lse!),
    dout = swapHeads(ct!);
  const dscores = o.mul(scoresCotangent(weights, dout, v!, swapHeads(out!)), attrsOf(attrs).scale);
  return [o.matmul(dscores, k!), o.matmul(o.mT(dscores), q!), o.matmul(o.mT(weights), dout)].map(swapHeads);
}

/**
 * From tangents of the inputs those of dQ, dK and dV. With Z = dP - rowsum(dO * O) and dS = P * Z (primes are tangents):
 * P' = P * (S' - lse'); Z' = dO' V^T + dO V'^T - rowsum(dO' * O + dO * O'); dS' = P' * Z + P * Z';
 * dQ' = scale (dS' K + dS K'); dK' = scale (dS'^T Q + dS^T Q'); dV' = P'^T dO + P^T dO'.
 */
export function backwardTangentPlainly(tangents: readonly Maybe[], inputs: readonly Value[], attrs: Attrs): Maybe[] {
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
