import { bytesPer, dtypes } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** Input i is [outer, lengths[i], inner]. */
export type ConcatParams = { outer: number; inner: number; lengths: readonly number[] };

const total = (lengths: readonly number[]): number => lengths.reduce((sum, n) => sum + n, 0);

/** The inputs one after another along the middle axis: y [outer, sum of lengths, inner]. The inputs are the "extra" ones. */
export const concat = kernel<ConcatParams>({
  name: "concat",
  dtypes,
  inputs: {},
  outputs: { y: "T" },
  extra: ({ lengths }) => ({ inputs: lengths.map(() => "T"), outputs: [] }),
  params: { outer: "u32", inner: "u32", lengths: "i32[]" },
  sizes: ({ outer, inner, lengths }) => ({ y: outer * inner * total(lengths) }),
  extraSizes: ({ outer, inner, lengths }) => ({ inputs: lengths.map((n) => outer * n * inner), outputs: [] }),
  cost: ({ outer, inner, lengths }) => ({ flops: 0, bytes: 2 * outer * inner * total(lengths) * bytesPer.f32 }),
  reference({ extraInputs, outputs: { y } }, { outer, inner, lengths }) {
    let at = 0;
    for (let o = 0; o < outer; o++) {
      lengths.forEach((n, i) => {
        for (let j = 0; j < n * inner; j++) y![at++] = extraInputs[i]![o * n * inner + j]!;
      });
    }
  },
  cases: [
    { outer: 1, inner: 1, lengths: [1] },
    { outer: 17, inner: 65, lengths: [1, 64] },
    { outer: 197, inner: 1, lengths: [3, 1, 1, 17] },
    { outer: 1, inner: 17, lengths: [65, 0, 197] },
    { outer: 0, inner: 3, lengths: [1, 2] },
    { outer: 2, inner: 3, lengths: [0, 0] },
    { outer: 8, inner: 192, lengths: [1, 16] },
  ],
});
