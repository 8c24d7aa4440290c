import { bytesPer, dtypes } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";
import { resolveIndex, testIndices } from "./indices.ts";

/** x is [batch, outer, n, inner], index [batch, count]; n >= 1 where count > 0. */
export type TakeParams = { batch: number; outer: number; n: number; inner: number; count: number };

/** y[b, o, i, :] = x[b, o, index[b, i], :], y [batch, outer, count, inner]. Indices from the end and outside: see resolveIndex. */
export const take = kernel<TakeParams>({
  name: "take",
  dtypes,
  inputs: { x: "T", index: "i32" },
  outputs: { y: "T" },
  params: { batch: "u32", outer: "u32", n: "u32", inner: "u32", count: "u32" },
  sizes: ({ batch, outer, n, inner, count }) => ({ x: batch * outer * n * inner, index: batch * count, y: batch * outer * count * inner }),
  cost: ({ batch, outer, inner, count }) => ({ flops: 0, bytes: 2 * batch * outer * count * inner * bytesPer.f32 }),
  reference({ inputs: { x, index }, outputs: { y } }, { batch, outer, n, inner, count }) {
    for (let b = 0; b < batch; b++) {
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < count; i++) {
          const from = ((b * outer + o) * n + resolveIndex(index![b * count + i]!, n)) * inner,
            to = ((b * outer + o) * count + i) * inner;
          for (let j = 0; j < inner; j++) y![to + j] = x![from + j]!;
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
    { batch: 0, outer: 2, n: 3, inner: 3, count: 4 },
    { batch: 1, outer: 1, n: 100, inner: 65, count: 1000 },
  ],
  generate: (name, size, { n }, random) => (name === "index" ? testIndices(size, n, random) : null),
});

/** x is [outer, n, inner], index [outer, count, inner]; n >= 1 where count > 0. */
export type TakeAlongParams = { outer: number; n: number; inner: number; count: number };

/** y[o, i, j] = x[o, index[o, i, j], j], y like index. */
export const takeAlong = kernel<TakeAlongParams>({
  name: "take_along",
  dtypes,
  inputs: { x: "T", index: "i32" },
  outputs: { y: "T" },
  params: { outer: "u32", n: "u32", inner: "u32", count: "u32" },
  sizes: ({ outer, n, inner, count }) => ({ x: outer * n * inner, index: outer * count * inner, y: outer * count * inner }),
  cost: ({ outer, inner, count }) => ({ flops: 0, bytes: 3 * outer * count * inner * bytesPer.f32 }),
  reference({ inputs: { x, index }, outputs: { y } }, { outer, n, inner, count }) {
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < count; i++) {
        for (let j = 0; j < inner; j++) {
          const at = (o * count + i) * inner + j;
          y![at] = x![(o * n + resolveIndex(index![at]!, n)) * inner + j]!;
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
  ],
  generate: (name, size, { n }, random) => (name === "index" ? testIndices(size, n, random) : null),
});
