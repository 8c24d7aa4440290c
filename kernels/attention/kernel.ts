import { kernel } from "../kernel.ts";
import {
  type AttentionParams,
  axpy,
  cases,
  cost,
  dot,
  eachHead,
  generateMask,
  headsFirst,
  packedView,
  headAt,
  headSpan,
  type HeadView,
  inputSizes,
  outputView,
  params,
  rowCount,
  score,
} from "./heads.ts";

export type { AttentionParams, HeadView, MaskView } from "./heads.ts";
export * from "./tangents.ts";

export interface AttentionForwardParams extends AttentionParams {
  readonly oView: HeadView;
}
export interface AttentionBackwardParams extends AttentionParams {
  readonly doView: HeadView;
  readonly oView: HeadView;
  readonly dqView: HeadView;
  readonly dkView: HeadView;
  readonly dvView: HeadView;
  /** 1: dk and dv lie in dq's buffer. */
  readonly joined: number;
}

/** o = softmax(scale * q k^T + mask) v; lse = log of the softmax's denominator, [batch, heads, queries]. */
export const attention = kernel<AttentionForwardParams>({
  name: "attention",
  dtypes: ["f32", "f64"],
  inputs: { q: "T", k: "T", v: "T", "mask?": "T" },
  outputs: { o: "T", lse: "T" },
  params: { ...params, oView: "i32[4]" },
  sizes: (p) => ({ ...inputSizes(p), o: headSpan(p, p.oView, p.queries), lse: rowCount(p) }),
  cost: (p) => cost(p, 2, 2),
  reference(io, p) {
    const { v } = io.inputs,
      { o, lse } = io.outputs;
    o!.fill(0);
    eachHead(p, (b, h) => {
      for (let i = 0; i < p.queries; i++) {
        const scores = Array.from({ length: p.keys }, (_, j) => score(io, p, b, h, i, j));
        const seen = scores.filter((s) => s !== undefined),
          top = Math.max(-Infinity, ...seen),
          shift = Number.isFinite(top) ? top : 0;
        let total = 0;
        for (const s of seen) total += Math.exp(s - shift);
        lse![(b * p.heads + h) * p.queries + i] = shift + Math.log(total);
        if (top === -Infinity) continue;
        const at = headAt(p.oView, b, h, i);
        scores.forEach((s, j) => {
          if (s !== undefined) axpy(p.dim, Math.exp(s - top) / total, v!, headAt(p.vView, b, h, j), o!, at);
        });
      }
    });
  },
  cases: cases.map((p, i) => ({ ...p, oView: (i % 3 === 2 ? headsFirst : outputView)(p, p.queries) })),
  generate: generateMask,
  terms: (p) => p.keys + p.dim + 16,
});

const sizesOfGradients = (p: AttentionBackwardParams) =>
  p.joined
    ? { dq: Math.max(headSpan(p, p.dqView, p.queries), headSpan(p, p.dkView, p.keys), headSpan(p, p.dvView, p.keys)), dk: 0, dv: 0 }
    : { dq: headSpan(p, p.dqView, p.queries), dk: headSpan(p, p.dkView, p.keys), dv: headSpan(p, p.dvView, p.keys) };
/** Three ways of lying: packed in one buffer, where there are as many keys as queries; apart, heads first or tokens first. */
function viewsOfGradients(p: AttentionParams, index: number) {
  const joined = index % 3 === 1 && p.queries === p.keys,
    view = joined
      ? (part: number) => packedView(p, p.queries, part)
      : (part: number) => (index % 3 === 2 ? headsFirst : outputView)(p, part === 0 ? p.queries : p.keys);
  return { dqView: view(0), dkView: view(1), dvView: view(2), joined: Number(joined) };
}

/** Gradients of q, k and v from o and lse of the forward pass and `do`, the cotangent of o. */
export const attentionBackward = kernel<AttentionBackwardParams>({
  name: "attention_backward",
  dtypes: ["f32", "f64"],
  inputs: { q: "T", k: "T", v: "T", o: "T", lse: "T", do: "T", "mask?": "T" },
  outputs: { dq: "T", "dk?": "T", "dv?": "T" },
  params: { ...params, doView: "i32[4]", oView: "i32[4]", dqView: "i32[4]", dkView: "i32[4]", dvView: "i32[4]", joined: "u32" },
  sizes: (p) => ({
    ...inputSizes(p),
    o: headSpan(p, p.oView, p.queries),
    lse: rowCount(p),
    do: headSpan(p, p.doView, p.queries),
    ...sizesOfGradients(p),
  }),
  cost: (p) => cost(p, 5, 4),
  reference(io, p) {
    const { q, k, v, o, lse, do: ct } = io.inputs,
      { dq, dk, dv } = p.joined ? { dq: io.outputs["dq"], dk: io.outputs["dq"], dv: io.outputs["dq"] } : io.outputs;
    for (const x of [dq, dk, dv]) x?.fill(0); // empty ones are absent
    eachHead(p, (b, h) => {
      for (let i = 0; i < p.queries; i++) {
        const row = lse![(b * p.heads + h) * p.queries + i]!,
          qAt = headAt(p.qView, b, h, i),
          dqAt = headAt(p.dqView, b, h, i),
          ctAt = headAt(p.doView, b, h, i);
        if (row === -Infinity) continue;
        const delta = dot(p.dim, ct!, ctAt, o!, headAt(p.oView, b, h, i));
        for (let j = 0; j < p.keys; j++) {
          const s = score(io, p, b, h, i, j);
          if (s === undefined) continue;
          const weight = Math.exp(s - row);
          const slope = weight === 0 ? 0 : p.scale * weight * (dot(p.dim, ct!, ctAt, v!, headAt(p.vView, b, h, j)) - delta);
          axpy(p.dim, weight, ct!, ctAt, dv!, headAt(p.dvView, b, h, j));
          axpy(p.dim, slope, k!, headAt(p.kView, b, h, j), dq!, dqAt);
          axpy(p.dim, slope, q!, qAt, dk!, headAt(p.dkView, b, h, j));
        }
      }
    });
  },
  cases: cases.map((p, i) => ({
    ...p,
    doView: outputView(p, p.queries),
    oView: (i % 3 === 2 ? headsFirst : outputView)(p, p.queries),
    ...viewsOfGradients(p, i),
  })),
  generate: (name, size, p, random) =>
    name === "lse" ? Float64Array.from({ length: size }, () => Math.log(p.keys) + 1 + random()) : generateMask(name, size, p, random),
  terms: (p) => p.keys + p.queries + 3 * p.dim + 16, // scores, do v^T and rowsum(do * o) are sums over dim, each
});
