import type { KernelIO, Numbers } from "../kernel.ts";

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

export const params = {
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

export const headSpan = (p: AttentionParams, view: HeadView, tokens: number): number =>
  p.batch * p.heads * tokens * p.dim === 0 ? 0 : view[0] + (p.batch - 1) * view[1] + (p.heads - 1) * view[2] + (tokens - 1) * view[3] + p.dim;
const maskSpan = ({ batch, heads, queries, keys, maskView: m }: AttentionParams): number =>
  batch * heads * queries * keys === 0 ? 0 : m[0] + (batch - 1) * m[1] + (heads - 1) * m[2] + (queries - 1) * m[3] + (keys - 1) * m[4] + 1;

export const inputSizes = (p: AttentionParams) => ({
  q: headSpan(p, p.qView, p.queries),
  k: headSpan(p, p.kView, p.keys),
  v: headSpan(p, p.vView, p.keys),
  mask: p.masked ? maskSpan(p) : 0,
});
/** A contiguous [batch, tokens, heads, dim]. */
export const outputView = ({ heads, dim }: AttentionParams, tokens: number): HeadView => [0, tokens * heads * dim, dim, heads * dim];
/** A contiguous [batch, heads, tokens, dim]. */
export const headsFirst = ({ heads, dim }: AttentionParams, tokens: number): HeadView => [0, heads * tokens * dim, tokens * dim, dim];
export const outputSize = (p: AttentionParams, tokens: number): number => p.batch * tokens * p.heads * p.dim;
export const rowCount = (p: AttentionParams): number => p.batch * p.heads * p.queries;

/** Visible (query, key) pairs of one head. */
function visiblePairs({ queries, keys, causal }: AttentionParams): number {
  if (!causal) return queries * keys;
  let pairs = 0;
  for (let i = 0; i < queries; i++) pairs += Math.max(0, Math.min(keys, i + keys - queries + 1));
  return pairs;
}
/** `products`: matrix products over the visible pairs; each costs 2 * dim per pair. */
export const cost = (p: AttentionParams, products: number, tensors: number) => ({
  flops: 2 * products * p.batch * p.heads * visiblePairs(p) * p.dim,
  bytes: 4 * tensors * p.batch * p.heads * (p.queries + p.keys) * p.dim,
});

/** Score of a pair, or undefined where the query does not see the key. */
export function score({ inputs: { q, k, mask } }: KernelIO, p: AttentionParams, b: number, h: number, i: number, j: number): number | undefined {
  if (p.causal && j > i + p.keys - p.queries) return undefined;
  const added = p.masked ? mask![maskAt(p.maskView, b, h, i, j)]! : 0;
  if (added === -Infinity) return undefined;
  return p.scale * dot(p.dim, q!, headAt(p.qView, b, h, i), k!, headAt(p.kView, b, h, j)) + added;
}
export const headAt = (view: HeadView, b: number, h: number, token: number): number => view[0] + b * view[1] + h * view[2] + token * view[3];
const maskAt = (view: MaskView, b: number, h: number, i: number, j: number): number =>
  view[0] + b * view[1] + h * view[2] + i * view[3] + j * view[4];

export function dot(dim: number, a: Numbers, aAt: number, b: Numbers, bAt: number): number {
  let sum = 0;
  for (let d = 0; d < dim; d++) sum += a[aAt + d]! * b[bAt + d]!;
  return sum;
}
/** A weight of zero adds nothing, whatever it weighs: what hidden keys hold does not matter. */
export function axpy(dim: number, factor: number, x: Numbers, xAt: number, y: Numbers, yAt: number): void {
  if (factor === 0) return;
  for (let d = 0; d < dim; d++) y[yAt + d]! += factor * x[xAt + d]!;
}
export function eachHead(p: AttentionParams, visit: (b: number, h: number) => void): void {
  for (let b = 0; b < p.batch; b++) for (let h = 0; h < p.heads; h++) visit(b, h);
}

/** One of three tensors inside a packed [batch, tokens, 3, heads, dim]. */
export const packedView = ({ heads, dim }: { heads: number; dim: number }, tokens: number, part: number): HeadView => [
  part * heads * dim,
  tokens * 3 * heads * dim,
  dim,
  3 * heads * dim,
];
function packed(batch: number, heads: number, tokens: number, dim: number, more: Partial<AttentionParams> = {}): AttentionParams {
  const view = (part: number): HeadView => packedView({ heads, dim }, tokens, part);
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

export const cases: AttentionParams[] = [
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
export const generateMask = (name: string, size: number, _: AttentionParams, random: () => number): Numbers | null =>
  name === "mask" ? Float64Array.from({ length: size }, () => (random() < 0.25 ? -Infinity : 2 * random() - 1)) : null;
