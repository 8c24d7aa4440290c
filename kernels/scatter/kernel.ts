import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";
import { resolveIndex, testIndices } from "../take/indices.ts";
import type { TakeAlongParams, TakeParams } from "../take/kernel.ts";

const wrapped = (dtype: string, value: number): number => (dtype === "i32" ? value | 0 : dtype === "u32" ? value >>> 0 : value);

/**
 * y = x, then y[b, o, index[b, i], :] += updates[b, o, i, :] in the order of i: the transpose of `take`, with the same shapes and the
 * same meaning of indices. x [batch, outer, n, inner], index [batch, count], updates [batch, outer, count, inner].
 */
export const scatterAdd = kernel<TakeParams>({
  name: "scatter_add",
  dtypes: ["f32", "f64", "i32", "u32"],
  inputs: { x: "T", index: "i32", updates: "T" },
  outputs: { y: "T" },
  params: { batch: "u32", outer: "u32", n: "u32", inner: "u32", count: "u32" },
  sizes: ({ batch, outer, n, inner, count }) => ({
    x: batch * outer * n * inner,
    index: batch * count,
    updates: batch * outer * count * inner,
    y: batch * outer * n * inner,
  }),
  cost: ({ batch, outer, n, inner, count }) => ({
    flops: batch * outer * count * inner,
    bytes: 2 * batch * outer * (n + count) * inner * bytesPer.f32,
  }),
  reference({ inputs: { x, index, updates }, outputs: { y } }, { batch, outer, n, inner, count }, dtype) {
    y!.set(x!);
    for (let b = 0; b < batch; b++) {
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < count; i++) {
          const to = ((b * outer + o) * n + resolveIndex(index![b * count + i]!, n)) * inner,
            from = ((b * outer + o) * count + i) * inner;
          for (let j = 0; j < inner; j++) y![to + j] = wrapped(dtype, y![to + j]! + updates![from + j]!);
        }
      }
    }
  },
  cases: [
    { batch: 1, outer: 1, n: 1, inner: 1, count: 1 },
    { batch: 1, outer: 1, n: 65, inner: 197, count: 17 },
    { batch: 1, outer: 17, n: 65, inner: 1, count: 197 },
    { batch: 3, outer: 17, n: 5, inner: 4, count: 9 },
    { batch: 2, outer: 1, n: 17, inner: 65, count: 3 },
    { batch: 1, outer: 2, n: 0, inner: 3, count: 0 },
    { batch: 1, outer: 2, n: 5, inner: 3, count: 0 },
    { batch: 0, outer: 2, n: 3, inner: 3, count: 4 },
    { batch: 1, outer: 1, n: 100, inner: 17, count: 1000 },
  ],
  generate: (name, size, { n }, random) => (name === "index" ? testIndices(size, n, random) : null),
  terms: ({ count }) => 1 + count, // indices outside meet at the ends
});

/** y = x, then y[o, index[o, i, j], j] += updates[o, i, j] in the order of i: the transpose of `take_along`. */
export const scatterAlong = kernel<TakeAlongParams>({
  name: "scatter_along",
  dtypes: ["f32", "f64", "i32", "u32"],
  inputs: { x: "T", index: "i32", updates: "T" },
  outputs: { y: "T" },
  params: { outer: "u32", n: "u32", inner: "u32", count: "u32" },
  sizes: ({ outer, n, inner, count }) => ({
    x: outer * n * inner,
    index: outer * count * inner,
    updates: outer * count * inner,
    y: outer * n * inner,
  }),
  cost: ({ outer, n, inner, count }) => ({ flops: outer * count * inner, bytes: outer * inner * (2 * n + 3 * count) * bytesPer.f32 }),
  reference({ inputs: { x, index, updates }, outputs: { y } }, { outer, n, inner, count }, dtype) {
    y!.set(x!);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        for (let j = 0; j < inner; j++) {
          const from = (o * count + i) * inner + j,
            to = (o * n + resolveIndex(index![from]!, n)) * inner + j;
          y![to] = wrapped(dtype, y![to]! + updates![from]!);
        }
      }
    }
  },
  cases: [
    { outer: 1, n: 1, inner: 1, count: 1 },
    { outer: 17, n: 65, inner: 1, count: 1 },
    { outer: 3, n: 17, inner: 65, count: 197 },
    { outer: 197, n: 5, inner: 1, count: 17 },
    { outer: 0, n: 5, inner: 3, count: 2 },
    { outer: 2, n: 0, inner: 3, count: 0 },
    { outer: 2, n: 4, inner: 3, count: 0 },
  ],
  generate: (name, size, { n }, random) => (name === "index" ? testIndices(size, n, random) : null),
  terms: ({ count }) => 1 + count, // indices outside meet at the ends
});
