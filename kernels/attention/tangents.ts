import { kernel, type KernelIO, type Numbers } from "../kernel.ts";
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
  outputView,
  packedView,
  params,
  rowCount,
  score,
} from "./heads.ts";

/** Where a tensor of logical shape [tangents, batch, heads, tokens, dim] lies, in elements; the last stride is 1. */
export type TangentView = readonly [offset: number, tangent: number, batch: number, head: number, token: number];

/** Bits of `given`: which tangents are there. The others are zero: their buffers are not read and may hold anything. */
export const tangentBits = { q: 1, k: 2, v: 4, o: 8, lse: 16, do: 32 } as const;

export interface AttentionTangentParams extends AttentionParams {
  readonly tangents: number;
  readonly given: number;
  readonly tqView: TangentView;
  readonly tkView: TangentView;
  readonly tvView: TangentView;
}
export interface AttentionBackwardTangentParams extends AttentionTangentParams {
  readonly doView: HeadView;
  readonly tdoView: TangentView;
  readonly tdqView: TangentView;
  readonly tdkView: TangentView;
  readonly tdvView: TangentView;
  /** 1: tdk and tdv lie in tdq's buffer. */
  readonly joined: number;
}

const tangentParams = { ...params, tangents: "u32", given: "u32", tqView: "i32[5]", tkView: "i32[5]", tvView: "i32[5]" } as const;

const has = (p: AttentionTangentParams, name: keyof typeof tangentBits): boolean => (p.given & tangentBits[name]) !== 0;
const count = (p: AttentionTangentParams, ...names: (keyof typeof tangentBits)[]): number => names.filter((name) => has(p, name)).length;
/** The view of one tangent. */
const viewOf = ([offset, tangent, ...view]: TangentView, t: number): HeadView => [offset + t * tangent, ...view];
const spanOf = (p: AttentionTangentParams, view: TangentView, tokens: number): number =>
  p.tangents === 0 || headSpan(p, viewOf(view, 0), tokens) === 0 ? 0 : headSpan(p, viewOf(view, p.tangents - 1), tokens);
const span = (p: AttentionTangentParams, name: keyof typeof tangentBits, view: TangentView, tokens: number): number =>
  has(p, name) ? spanOf(p, view, tokens) : 0;
const tangentSizes = (p: AttentionTangentParams) => ({
  ...inputSizes(p),
  lse: rowCount(p),
  tq: span(p, "q", p.tqView, p.queries),
  tk: span(p, "k", p.tkView, p.keys),
  tv: span(p, "v", p.tvView, p.keys),
});

/** S' of a pair. */
function slope({ inputs: { q, k, tq, tk } }: KernelIO, p: AttentionTangentParams, t: number, b: number, h: number, i: number, j: number): number {
  const byQueries = has(p, "q") ? dot(p.dim, tq!, headAt(viewOf(p.tqView, t), b, h, i), k!, headAt(p.kView, b, h, j)) : 0;
  const byKeys = has(p, "k") ? dot(p.dim, q!, headAt(p.qView, b, h, i), tk!, headAt(viewOf(p.tkView, t), b, h, j)) : 0;
  return p.scale * (byQueries + byKeys);
}
/** P = exp(S - lse) of a row; zero where the query does not see the key. */
function weightsOf(io: KernelIO, p: AttentionParams, b: number, h: number, i: number): number[] {
  const row = io.inputs["lse"]![(b * p.heads + h) * p.queries + i]!;
  return Array.from({ length: p.keys }, (_, j) => {
    const s = row === -Infinity ? undefined : score(io, p, b, h, i, j);
    return s === undefined ? 0 : Math.exp(s - row);
  });
}
const sum = (list: readonly number[]): number => list.reduce((total, x) => total + x, 0);

/** Tangents of every kind, of contiguous [tangents, batch, heads, tokens, dim] that lie a little apart; some are missing. */
function withTangents(p: AttentionParams, index: number, all: number): AttentionTangentParams {
  const apart = (tokens: number): TangentView => {
    const one = p.batch * p.heads * tokens * p.dim;
    return [3, one + 5, p.heads * tokens * p.dim, tokens * p.dim, p.dim];
  };
  const missing = [0, 0, 0, 1, 2, 0, 4, 8, 3, 16, 7, 32][index] ?? 0;
  return { ...p, tangents: [1, 3, 2][index % 3]!, given: all & ~missing, tqView: apart(p.queries), tkView: apart(p.keys), tvView: apart(p.keys) };
}
const generate = (name: string, size: number, p: AttentionParams, random: () => number): Numbers | null =>
  name === "lse" ? Float64Array.from({ length: size }, () => Math.log(p.keys) + 1 + random()) : generateMask(name, size, p, random);

/**
 * The tangents of o and lse: with P = exp(S - lse) and S' = scale (q' k^T + q k'^T), to = (P * (S' - tlse)) v + P v' and tlse = rowsum(P * S').
 * to is [tangents, batch, queries, heads, dim], tlse [tangents, batch, heads, queries].
 */
export const attentionTangent = kernel<AttentionTangentParams>({
  name: "attention_tangent",
  dtypes: ["f32", "f64"],
  inputs: { q: "T", k: "T", v: "T", lse: "T", "tq?": "T", "tk?": "T", "tv?": "T", "mask?": "T" },
  outputs: { to: "T", tlse: "T" },
  params: tangentParams,
  sizes: (p) => ({ ...tangentSizes(p), to: p.tangents * outputSize(p, p.queries), tlse: p.tangents * rowCount(p) }),
  cost: (p) => cost(p, 1 + p.tangents * (count(p, "q", "k", "v") + (count(p, "q", "k") > 0 ? 1 : 0)), 1.5 + 2 * p.tangents),
  reference(io, p) {
    const { v, tv } = io.inputs,
      { to, tlse } = io.outputs,
      moves = count(p, "q", "k") > 0;
    for (const x of [to, tlse]) x?.fill(0); // empty ones are absent
    eachHead(p, (b, h) => {
      for (let i = 0; i < p.queries; i++) {
        const weights = weightsOf(io, p, b, h, i);
        for (let t = 0; t < p.tangents; t++) {
          const slopes = weights.map((weight, j) => (weight === 0 ? 0 : slope(io, p, t, b, h, i, j))),
            shift = moves ? sum(weights.map((weight, j) => weight * slopes[j]!)) : 0;
          const at = (((t * p.batch + b) * p.queries + i) * p.heads + h) * p.dim;
          tlse![((t * p.batch + b) * p.heads + h) * p.queries + i] = shift;
          weights.forEach((weight, j) => {
            if (weight === 0) return;
            if (moves) axpy(p.dim, weight * (slopes[j]! - shift), v!, headAt(p.vView, b, h, j), to!, at);
            if (has(p, "v")) axpy(p.dim, weight, tv!, headAt(viewOf(p.tvView, t), b, h, j), to!, at);
          });
        }
      }
    });
  },
  cases: cases.map((p, i) => withTangents(p, i, 7)),
  generate,
  terms: (p) => 3 * (p.keys + p.dim) + 16,
});

const sizesOfGradients = (p: AttentionBackwardTangentParams) => {
  const sizes = [spanOf(p, p.tdqView, p.queries), spanOf(p, p.tdkView, p.keys), spanOf(p, p.tdvView, p.keys)] as const;
  return p.joined ? { tdq: Math.max(...sizes), tdk: 0, tdv: 0 } : { tdq: sizes[0], tdk: sizes[1], tdv: sizes[2] };
};
/** Packed in one buffer, where there are as many keys as queries, or apart. */
function viewsOfGradients(p: AttentionParams, index: number) {
  const joined = index % 3 === 1 && p.queries === p.keys,
    tokensOf = (part: number): number => (part === 0 ? p.queries : p.keys);
  const tangent = (part: number): number => (joined ? 3 : 1) * outputSize(p, tokensOf(part));
  const view = (part: number): TangentView => {
    const [offset, ...strides] = joined ? packedView(p, p.queries, part) : outputView(p, tokensOf(part));
    return [offset, tangent(part), ...strides];
  };
  return { tdqView: view(0), tdkView: view(1), tdvView: view(2), joined: Number(joined) };
}

/**
 * The tangents of dq, dk and dv. With D = rowsum(do * o) and dS = P * (do v^T - D):
 * P' = P * (S' - lse'); dS' = (S' - lse') * dS + P * (do' v^T + do v'^T - D');
 * tdv = P'^T do + P^T do'; tdk = scale (dS'^T q + dS^T q'); tdq = scale (dS' k + dS k').
 */
export const attentionBackwardTangent = kernel<AttentionBackwardTangentParams>({
  name: "attention_backward_tangent",
  dtypes: ["f32", "f64"],
  inputs: {
    ...{ q: "T", k: "T", v: "T", o: "T", lse: "T", do: "T" },
    ...{ "tq?": "T", "tk?": "T", "tv?": "T", "to?": "T", "tlse?": "T", "tdo?": "T", "mask?": "T" },
  },
  outputs: { tdq: "T", "tdk?": "T", "tdv?": "T" },
  params: { ...tangentParams, doView: "i32[4]", tdoView: "i32[5]", tdqView: "i32[5]", tdkView: "i32[5]", tdvView: "i32[5]", joined: "u32" },
  sizes: (p) => ({
    ...tangentSizes(p),
    o: outputSize(p, p.queries),
    do: headSpan(p, p.doView, p.queries),
    to: has(p, "o") ? p.tangents * outputSize(p, p.queries) : 0,
    tlse: has(p, "lse") ? p.tangents * rowCount(p) : 0,
    tdo: span(p, "do", p.tdoView, p.queries),
    ...sizesOfGradients(p),
  }),
  cost: (p) => cost(p, 2 + p.tangents * (3 + 2 * count(p, "q", "k", "do") + count(p, "v")), 2.5 + 4 * p.tangents),
  reference(io, p) {
    const { q, k, v, o, do: ct, tq, tk, tv, to, tlse, tdo } = io.inputs,
      { tdq, tdk, tdv } = p.joined ? { tdq: io.outputs["tdq"], tdk: io.outputs["tdq"], tdv: io.outputs["tdq"] } : io.outputs;
    for (const x of [tdq, tdk, tdv]) x?.fill(0); // empty ones are absent
    eachHead(p, (b, h) => {
      for (let i = 0; i < p.queries; i++) {
        const weights = weightsOf(io, p, b, h, i),
          row = (b * p.heads + h) * p.queries + i,
          outAt = ((b * p.queries + i) * p.heads + h) * p.dim,
          ctAt = headAt(p.doView, b, h, i),
          qAt = headAt(p.qView, b, h, i);
        const delta = dot(p.dim, ct!, ctAt, o!, outAt);
        for (let t = 0; t < p.tangents; t++) {
          const tqAt = headAt(viewOf(p.tqView, t), b, h, i),
            tdoAt = headAt(viewOf(p.tdoView, t), b, h, i),
            tdqAt = headAt(viewOf(p.tdqView, t), b, h, i);
          const byCt = has(p, "do") ? dot(p.dim, tdo!, tdoAt, o!, outAt) : 0,
            byOut = has(p, "o") ? dot(p.dim, ct!, ctAt, to!, t * outputSize(p, p.queries) + outAt) : 0,
            lseTangent = has(p, "lse") ? tlse![t * rowCount(p) + row]! : 0;
          weights.forEach((weight, j) => {
            if (weight === 0) return;
            const kAt = headAt(p.kView, b, h, j),
              vAt = headAt(p.vView, b, h, j),
              tdkAt = headAt(viewOf(p.tdkView, t), b, h, j),
              tdvAt = headAt(viewOf(p.tdvView, t), b, h, j);
            const tkAt = headAt(viewOf(p.tkView, t), b, h, j),
              tvAt = headAt(viewOf(p.tvView, t), b, h, j);
            const shifted = slope(io, p, t, b, h, i, j) - lseTangent;
            const products = (has(p, "do") ? dot(p.dim, tdo!, tdoAt, v!, vAt) : 0) + (has(p, "v") ? dot(p.dim, ct!, ctAt, tv!, tvAt) : 0);
            const dscore = weight * (dot(p.dim, ct!, ctAt, v!, vAt) - delta),
              tscore = shifted * dscore + weight * (products - (byCt + byOut));
            axpy(p.dim, weight * shifted, ct!, ctAt, tdv!, tdvAt);
            axpy(p.dim, p.scale * tscore, k!, kAt, tdq!, tdqAt);
            axpy(p.dim, p.scale * tscore, q!, qAt, tdk!, tdkAt);
            if (has(p, "do")) axpy(p.dim, weight, tdo!, tdoAt, tdv!, tdvAt);
            if (has(p, "k")) axpy(p.dim, p.scale * dscore, tk!, tkAt, tdq!, tdqAt);
            if (has(p, "q")) axpy(p.dim, p.scale * dscore, tq!, tqAt, tdk!, tdkAt);
          });
        }
      }
    });
  },
  cases: cases.map((p, i) => ({
    ...withTangents(p, i, 63),
    ...viewsOfGradients(p, i),
    doView: [0, p.queries * p.heads * p.dim, p.dim, p.heads * p.dim],
    tdoView: [1, outputSize(p, p.queries) + 2, p.queries * p.heads * p.dim, p.dim, p.heads * p.dim],
  })),
  generate,
  terms: (p) => 3 * (p.keys + p.queries + p.dim) + 16,
});
