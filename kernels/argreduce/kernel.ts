import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** x is [outer, n, inner], n >= 1. mode 0: largest, 1: smallest. */
export type ArgreduceParams = { outer: number; n: number; inner: number; mode: number };

/** Index [outer, inner] of the largest or smallest element along the middle axis: the first of equals; NaN wins. */
export const argreduce = kernel<ArgreduceParams>({
  name: "argreduce",
  dtypes: ["f32", "f64", "i32", "u32", "u8", "bool"],
  inputs: { x: "T" },
  outputs: { index: "i32" },
  params: { outer: "u32", n: "u32", inner: "u32", mode: "u32" },
  sizes: ({ outer, n, inner }) => ({ x: outer * n * inner, index: outer * inner }),
  cost: ({ outer, n, inner }) => ({ flops: outer * n * inner, bytes: outer * inner * (n + 1) * bytesPer.f32 }),
  reference({ inputs: { x }, outputs: { index } }, { outer, n, inner, mode }) {
    const better = mode === 0 ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        const at = (k: number): number => x![(i * n + k) * inner + j]!;
        let best = 0;
        for (let k = 1; k < n; k++) {
          if (Number.isNaN(at(best))) break;
          if (Number.isNaN(at(k)) || better(at(k), at(best))) best = k;
        }
        index![i * inner + j] = best;
      }
    }
  },
  cases: [0, 1].flatMap((mode) => [
    { outer: 1, n: 1, inner: 1, mode },
    { outer: 17, n: 65, inner: 1, mode },
    { outer: 3, n: 17, inner: 65, mode },
    { outer: 1, n: 197, inner: 17, mode },
    { outer: 65, n: 1, inner: 1, mode },
    { outer: 0, n: 5, inner: 3, mode },
    { outer: 1, n: 40000, inner: 1, mode },
  ]),
  // Few different numbers, so that there are equals.
  generate: (_, size, __, random) => Float64Array.from({ length: size }, () => Math.floor(random() * 50)),
});
