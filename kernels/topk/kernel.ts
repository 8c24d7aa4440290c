import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** x is [outer, n, inner], 0 <= k <= n. */
export type TopkParams = { outer: number; n: number; inner: number; k: number };

/** Indices [outer, k, inner] of the k largest along the middle axis, largest first; of equals the lower index first. NaN counts as largest. */
export const topk = kernel<TopkParams>({
  name: "topk",
  dtypes: ["f32", "f64", "i32", "u32", "u8", "bool"],
  inputs: { x: "T" },
  outputs: { index: "i32" },
  params: { outer: "u32", n: "u32", inner: "u32", k: "u32" },
  sizes: ({ outer, n, inner, k }) => ({ x: outer * n * inner, index: outer * k * inner }),
  cost: ({ outer, n, inner, k }) => ({ flops: outer * inner * n * Math.ceil(Math.log2(k + 1)), bytes: outer * inner * (n + k) * bytesPer.f32 }),
  reference({ inputs: { x }, outputs: { index } }, { outer, n, inner, k }) {
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        const at = (m: number): number => x![(i * n + m) * inner + j]!;
        const order = Array.from({ length: n }, (_, m) => m);
        order.sort((a, b) => Number(Number.isNaN(at(b))) - Number(Number.isNaN(at(a))) || Number(at(a) < at(b)) - Number(at(a) > at(b)));
        for (let rank = 0; rank < k; rank++) index![(i * k + rank) * inner + j] = order[rank]!;
      }
    }
  },
  cases: [
    { outer: 1, n: 1, inner: 1, k: 1 },
    { outer: 17, n: 65, inner: 1, k: 5 },
    { outer: 3, n: 17, inner: 65, k: 17 },
    { outer: 1, n: 197, inner: 17, k: 1 },
    { outer: 0, n: 5, inner: 3, k: 2 },
    { outer: 2, n: 5, inner: 3, k: 0 },
    { outer: 1, n: 5000, inner: 1, k: 100 },
  ],
  generate: (_, size, __, random) => Float64Array.from({ length: size }, () => Math.floor(random() * 50)),
});
