import { bytesPer } from "../../src/core/dtype.ts";
import { kernel } from "../kernel.ts";

/** y[i] = i. */
export const iota = kernel<{ n: number }>({
  name: "iota",
  dtypes: ["f32", "f64", "i32", "u32"],
  inputs: {},
  outputs: { y: "T" },
  params: { n: "u32" },
  sizes: ({ n }) => ({ y: n }),
  cost: ({ n }) => ({ flops: 0, bytes: bytesPer.f32 * n }),
  reference({ outputs: { y } }, { n }) {
    for (let i = 0; i < n; i++) y![i] = i;
  },
  cases: [{ n: 0 }, { n: 1 }, { n: 65 }, { n: 20000 }],
});
