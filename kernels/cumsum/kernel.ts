import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** x is [outer, n, inner]; reverse 1 sums from the end. */
export type CumsumParams = { outer: number; n: number; inner: number; reverse: number };

/** Sums of the elements up to each one (itself included) along the middle axis. */
export const cumsum = kernel<CumsumParams>({
  name: "cumsum",
  dtypes: ["f32", "f64", "i32", "u32"],
  inputs: { x: "T" },
  outputs: { y: "T" },
  params: { outer: "u32", n: "u32", inner: "u32", reverse: "u32" },
  sizes: ({ outer, n, inner }) => ({ x: outer * n * inner, y: outer * n * inner }),
  cost: ({ outer, n, inner }) => ({ flops: outer * n * inner, bytes: 2 * outer * n * inner * bytesPer.f32 }),
  reference({ inputs: { x }, outputs: { y } }, { outer, n, inner, reverse }, dtype) {
    const wrap = dtype === "i32" ? (v: number) => v | 0 : dtype === "u32" ? (v: number) => v >>> 0 : (v: number) => v;
    for (let i = 0; i < outer; i++) {
      for (let j = 0; j < inner; j++) {
        let sum = 0;
        for (let step = 0; step < n; step++) {
          const at = (i * n + (reverse ? n - 1 - step : step)) * inner + j;
          y![at] = sum = wrap(sum + x![at]!);
        }
      }
    }
  },
  cases: [0, 1].flatMap((reverse) => [
    { outer: 1, n: 1, inner: 1, reverse },
    { outer: 17, n: 65, inner: 1, reverse },
    { outer: 3, n: 17, inner: 65, reverse },
    { outer: 1, n: 197, inner: 17, reverse },
    { outer: 0, n: 5, inner: 3, reverse },
    { outer: 2, n: 0, inner: 3, reverse },
    { outer: 1, n: 40000, inner: 1, reverse },
  ]),
  terms: ({ n }) => n,
});
