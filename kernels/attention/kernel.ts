import { kernel, type KernelIO, type Numbers } from "../kernel.ts";

/** Where a tensor of logical shape [batch, heads, tokens, dim] lies, in elements; the last stride is 1. */
export type HeadView = readonly [offset: number, batch: number, head: number, token: number];
/** The same for a mask of logical shape [batch, heads, queries, keys]; broadcast axes have stride 0. */
export type MaskView = readonly [offset: number, batch: number, head: number, query: number, key: number];

export interface AttentionParams {
  readonly scale: number;
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
  /** 1: query i sees keys up to i + keys - queries. */
  readonly causal: number;
  /** 1: there is a mask, which is added; -inf hides a key. */
  readonly masked: number;
  readonly qView: HeadView;
  readonly kView: HeadView;
  readonly vView: HeadView;
  readonly maskView: MaskView;
}
export interface AttentionBackwardParams extends AttentionParams {
  readonly doView: HeadView;
}

const params = {
  scale: "f64",
  batch: "u32",
  heads: "u32",
  queries: "u32",
  keys: "u32",
  dim: "u32",
  causal: "u32",
  masked: "u32",
  qView: "i32[4]",
  kView: "i32[4]",
  vView: "i32[4]",
  maskView: "i32[5]",
} as const;

const headSpan = (p: AttentionParams, view: HeadView, tokens: number): number =>
  p.batch * p.heads * tokens * p.dim === 0 ? 0 : view[0] + (p.batch - 1) * view[1] + (p.heads - 1) * view[2] + (tokens - 1) * view[3] + p.dim;
const maskSpan = ({ batch, heads, queries, keys, maskView: m }: AttentionParams): number =>
  batch * heads * queries * keys === 0 ? 0 : m[0] + (batch - 1) * m[1] + (heads - 1) * m[2] + (queries - 1) * m[3] + (keys - 1) * m[4] + 1;

const inputSizes = (p: AttentionParams) => ({
  q: headSpan(p, p.qView, p.queries),
  k: headSpan(p, p.kView, p.keys),
  v: headSpan(p, p.vView, p.keys),
  mask: p.masked ? maskSpan(p) : 0,
});
const outputSize = (p: AttentionParams, tokens: number): number => p.batch * tokens * p.heads * p.dim;
const rowCount = (p: AttentionParams): number => p.batch * p.heads * p.queries;

/** Visible (query, key) pairs of one head. */
function visiblePairs({ queries, keys, causal }: AttentionParams): number {
  if (!causal) return queries * keys;
  let pairs = 0;
  for (let i = 0; i < queries; i++) pairs += Math.max(0, Math.min(keys, i + keys - queries + 1));
  return pairs;
}
/** `products`: matrix products over the visible pairs; each costs 2 * dim per pair. */
const cost = (p: AttentionParams, products: number, tensors: number) => ({
  flops: 2 * products * p.batch * p.heads * visiblePairs(p) * p.dim,
  bytes: 4 * tensors * p.batch * p.heads * (p.queries + p.keys) * p.dim,
});

/** Score of a pair, or undefined where the query does not see the key. */
function score({ inputs: { q, k, mask } }: KernelIO, p: AttentionParams, b: number, h: number, i: number, j: number): number | undefined {
  if (p.causal && j > i + p.keys - p.queries) return undefined;
  const added = p.masked ? mask![maskAt(p.maskView, b, h, i, j)]! : 0;
  if (added === -Infinity) return undefined;
  return p.scale * dot(p.dim, q!, headAt(p.qView, b, h, i), k!, headAt(p.kView, b, h, j)) + added;
}
const headAt = (view: HeadView, b: number, h: number, token: number): number => view[0] + b * view[1] + h * view[2] + token * view[3];
const maskAt = (view: MaskView, b: number, h: number, i: number, j: number): number =>
  view[0] + b * view[1] + h * view[2] + i * view[3] + j * view[4];

function dot(dim: number, a: Numbers, aAt: number, b: Numbers, bAt: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) sum += a[aAt + d]! * b[bAt + d]!;
  return sum;
}
/** A weight of zero adds nothing, whatever it weighs: what hidden keys hold does not matter. */
function axpy(dim: number, factor: number, x: Numbers, xAt: number, y: Numbers, yAt: number): void {
  if (factor === 0) return;
  for (let d = 0; d < dim; d++) y[yAt + d]! += factor * x[xAt + d]!;
}
function eachHead(p: AttentionParams, visit: (b: number, h: number) => void): void {
  for (let b = 0; b < p.batch; b++) for (let h = 0; h < p.heads; h++) visit(b, h);
}

/** Views of q, k and v inside one packed [batch, tokens, 3, heads, dim]. */
function packed(batch: number, heads: number, tokens: number, dim: number, more: Partial<AttentionParams> = {}): AttentionParams {
  const view = (part: number): HeadView => [part * heads * dim, tokens * 3 * heads * dim, dim, 3 * heads * dim];
  return { ...separate(batch, heads, tokens, tokens, dim), qView: view(0), kView: view(1), vView: view(2), ...more };
}
/** Contiguous [batch, heads, tokens, dim] each. */
function separate(batch: number, heads: number, queries: number, keys: number, dim: number, more: Partial<AttentionParams> = {}): AttentionParams {
  const view = (tokens: number): HeadView => [0, heads * tokens * dim, tokens * dim, dim];
  return {
    scale: 1 / Math.sqrt(dim),
    batch,
    heads,
    queries,
    keys,
    dim,
    causal: 0,
    masked: 0,
    qView: view(queries),
    kView: view(keys),
    vView: view(keys),
    maskView: [0, 0, 0, 0, 0],
    ...more,
  };
}
const mask = (...maskView: MaskView): Partial<AttentionParams> => ({ masked: 1, maskView });

const cases: AttentionParams[] = [
  separate(1, 1, 1, 1, 1),
  packed(2, 3, 17, 8),
  packed(1, 2, 65, 64),
  packed(1, 1, 197, 64),
  separate(1, 2, 65, 197, 17),
  separate(2, 1, 17, 5, 3, { causal: 1 }),
  packed(1, 2, 65, 16, { causal: 1, scale: 0.3 }),
  separate(1, 1, 33, 197, 32, { causal: 1 }),
  packed(2, 2, 17, 24, mask(0, 0, 0, 17, 1)),
  separate(2, 3, 5, 65, 40, mask(0, 65, 0, 0, 1)),
  packed(1, 2, 65, 65, { causal: 1, ...mask(0, 0, 65 * 65, 65, 1) }),
  separate(1, 1, 3, 130, 256),
  separate(1, 1, 300, 300, 20),
  separate(0, 2, 5, 5, 4),
];
/** A quarter of the mask hides, the rest is added. */
const generateMask = (name: string, size: number, _: AttentionParams, random: () => number): Numbers | null =>
  name === "mask" ? Float64Array.from({ length: size }, () => (random() < 0.25 ? -Infinity : 2 * random() - 1)) : null;

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
