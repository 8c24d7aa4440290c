import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** x is [outer, n, inner]. */
export type ArgsortParams = { outer: number; n: number; inner: number };

/** Indices that put the middle axis in ascending order; equals keep their order, NaN comes last. */
export const argsort = kernel<ArgsortParams>({
  name: "argsort",
  dtypes: ["f32", "f64", "i32", "u32", "u8", "bool"],
  inputs: { x: "T" },
  outputs: { index: "i32" },
  params: { outer: "u32", n: "u32", inner: "u32" },
  sizes: ({ outer, n, inner }) => ({ x: outer * n * inner, index: outer * n * inner }),
  cost: ({ outer, n, inner }) => ({ flops: outer * n * inner * Math.ceil(Math.log2(n + 1)), bytes: 2 * outer * n * inner * bytesPer.f32 }),
  reference({ inputs: { x }, outputs: { index } }, { outer, n, inner }) {
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        const at = (k: number): number => x![(i * n + k) * inner + j]!;
        const order = Array.from({ length: n }, (_, k) => k);
        order.sort((a, b) => Number(Number.isNaN(at(a))) - Number(Number.isNaN(at(b))) || Number(at(a) > at(b)) - Number(at(a) < at(b)));
        order.forEach((k, rank) => {
          index![(i * n + rank) * inner + j] = k;
        });
      }
    }
  },
  cases: [
    { outer: 1, n: 1, inner: 1 },
    { outer: 17, n: 65, inner: 1 },
    { outer: 3, n: 17, inner: 65 },
    { outer: 1, n: 197, inner: 17 },
    { outer: 0, n: 5, inner: 3 },
    { outer: 2, n: 0, inner: 3 },
    { outer: 1, n: 5000, inner: 1 },
  ],
  generate: (_, size, __, random) => Float64Array.from({ length: size }, () => Math.floor(random() * 50)),
});
