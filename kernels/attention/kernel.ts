import { kernel } from "../kernel.ts";
import {
  type AttentionParams,
  axpy,
  cases,
  cost,
  dot,
  eachHead,
  generateMask,
  headAt,
  headSpan,
  type HeadView,
  inputSizes,
  outputSize,
  params,
  rowCount,
  score,
} from "./heads.ts";

export type { AttentionParams, HeadView, MaskView } from "./heads.ts";
export * from "./tangents.ts";

export interface AttentionBackwardParams extends AttentionParams {
  readonly doView: HeadView;
}

/** o = softmax(scale * q k^T + mask) v; lse = log of the softmax's denominator. o is [batch, queries, heads, dim], lse [batch, heads, queries]. */
export const attention = kernel<AttentionParams>({
  name: "attention",
  dtypes: ["f32", "f64"],
  inputs: { q: "T", k: "T", v: "T", "mask?": "T" },
  outputs: { o: "T", lse: "T" },
  params,
  sizes: (p) => ({ ...inputSizes(p), o: outputSize(p, p.queries), lse: rowCount(p) }),
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
        const at = ((b * p.queries + i) * p.heads + h) * p.dim;
        scores.forEach((s, j) => {
          if (s !== undefined) axpy(p.dim, Math.exp(s - top) / total, v!, headAt(p.vView, b, h, j), o!, at);
        });
      }
    });
  },
  cases,
  generate: generateMask,
  terms: (p) => p.keys + p.dim + 16,
});

/** Gradients of q, k and v, each [batch, tokens, heads, dim], from o and lse of the forward pass and `do`, the cotangent of o. */
export const attentionBackward = kernel<AttentionBackwardParams>({
  name: "attention_backward",
  dtypes: ["f32", "f64"],
  inputs: { q: "T", k: "T", v: "T", o: "T", lse: "T", do: "T", "mask?": "T" },
  outputs: { dq: "T", dk: "T", dv: "T" },
  params: { ...params, doView: "i32[4]" },
  sizes: (p) => ({
    ...inputSizes(p),
    o: outputSize(p, p.queries),
    lse: rowCount(p),
    do: headSpan(p, p.doView, p.queries),
    dq: outputSize(p, p.queries),
    dk: outputSize(p, p.keys),
    dv: outputSize(p, p.keys),
  }),
  cost: (p) => cost(p, 5, 4),
  reference(io, p) {
    const { q, k, v, o, lse, do: ct } = io.inputs,
      { dq, dk, dv } = io.outputs;
    for (const x of [dq, dk, dv]) x?.fill(0); // empty ones are absent
    eachHead(p, (b, h) => {
      for (let i = 0; i < p.queries; i++) {
        const row = lse![(b * p.heads + h) * p.queries + i]!,
          at = ((b * p.queries + i) * p.heads + h) * p.dim,
          ctAt = headAt(p.doView, b, h, i);
        if (row === -Infinity) continue;
        const delta = dot(p.dim, ct!, ctAt, o!, at);
        for (let j = 0; j < p.keys; j++) {
          const s = score(io, p, b, h, i, j);
          if (s === undefined) continue;
          const weight = Math.exp(s - row),
            keyAt = ((b * p.keys + j) * p.heads + h) * p.dim;
          const slope = weight === 0 ? 0 : p.scale * weight * (dot(p.dim, ct!, ctAt, v!, headAt(p.vView, b, h, j)) - delta);
          axpy(p.dim, weight, ct!, ctAt, dv!, keyAt);
          axpy(p.dim, slope, k!, headAt(p.kView, b, h, j), dq!, at);
          axpy(p.dim, slope, q!, headAt(p.qView, b, h, i), dk!, keyAt);
        }
      }
    });
  },
  cases: cases.map((p) => ({ ...p, doView: [0, p.queries * p.heads * p.dim, p.dim, p.heads * p.dim] })),
  generate: (name, size, p, random) =>
    name === "lse" ? Float64Array.from({ length: size }, () => Math.log(p.keys) + 1 + random()) : generateMask(name, size, p, random),
  terms: (p) => p.keys + p.queries + p.dim + 16,
});
