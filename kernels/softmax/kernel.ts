import { kernel } from "../kernel.ts";

export interface RowsParams {
  readonly rows: number;
  readonly length: number;
}

const params = { rows: "u32", length: "u32" } as const;
const cases: RowsParams[] = [
  [1, 1],
  [3, 10],
  [17, 65],
  [5, 197],
  [2, 1000],
  [2, 5003],
  [0, 3],
].map(([rows, length]) => ({ rows: rows!, length: length! }));

/** Calls `visit(first, end)` with the elements of each row. */
function eachRow({ rows, length }: RowsParams, visit: (first: number, end: number, row: number) => void): void {
  for (let r = 0; r < rows; r++) visit(r * length, (r + 1) * length, r);
}
/** log(sum(exp(x))) of elements first..end, shifted by the largest one where it is finite. */
function rowLogSumExp(x: Float64Array, first: number, end: number): number {
  let top = -Infinity,
    sum = 0;
  for (let i = first; i < end; i++) top = Math.max(top, x[i]!);
  const shift = Number.isFinite(top) ? top : 0;
  for (let i = first; i < end; i++) sum += Math.exp(x[i]! - shift);
  return shift + Math.log(sum);
}

/** y = exp(x) / sum(exp(x)), along rows. */
export const softmax = kernel<RowsParams>({
  name: "softmax",
  dtypes: ["f32", "f64"],
  inputs: { x: "T" },
  outputs: { y: "T" },
  params,
  sizes: ({ rows, length }) => ({ x: rows * length, y: rows * length }),
  cost: ({ rows, length }) => ({ flops: 20 * rows * length, bytes: 8 * rows * length }),
  reference({ inputs: { x }, outputs: { y } }, p) {
    eachRow(p, (first, end) => {
      const lse = rowLogSumExp(x!, first, end);
      for (let i = first; i < end; i++) y![i] = Math.exp(x![i]! - lse);
    });
  },
  cases,
  terms: (p) => p.length + 16,
});

/** y = x - log(sum(exp(x))), along rows. */
export const logSoftmax = kernel<RowsParams>({
  name: "log_softmax",
  dtypes: ["f32", "f64"],
  inputs: { x: "T" },
  outputs: { y: "T" },
  params,
  sizes: ({ rows, length }) => ({ x: rows * length, y: rows * length }),
  cost: ({ rows, length }) => ({ flops: 20 * rows * length, bytes: 8 * rows * length }),
  reference({ inputs: { x }, outputs: { y } }, p) {
    eachRow(p, (first, end) => {
      const lse = rowLogSumExp(x!, first, end);
      for (let i = first; i < end; i++) y![i] = x![i]! - lse;
    });
  },
  cases,
  terms: (p) => p.length + 16,
});

/** y = log(sum(exp(x))), one number a row. */
export const logSumExp = kernel<RowsParams>({
  name: "log_sum_exp",
  dtypes: ["f32", "f64"],
  inputs: { x: "T" },
  outputs: { y: "T" },
  params,
  sizes: ({ rows, length }) => ({ x: rows * length, y: rows }),
  cost: ({ rows, length }) => ({ flops: 20 * rows * length, bytes: 4 * rows * length }),
  reference({ inputs: { x }, outputs: { y } }, p) {
    eachRow(p, (first, end, row) => {
      y![row] = rowLogSumExp(x!, first, end);
    });
  },
  cases: [...cases, { rows: 2, length: 0 }],
  terms: (p) => p.length + 16,
});
