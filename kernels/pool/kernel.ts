import { kernel, type Numbers } from "../kernel.ts";

/** x is [n, h, w, c], y [n, outH, outW, c]; y[i, j] looks at the rows from i * strideH - top on, the columns from j * strideW - left on. */
export interface PoolParams {
  n: number;
  h: number;
  w: number;
  c: number;
  windowH: number;
  windowW: number;
  strideH: number;
  strideW: number;
  top: number;
  left: number;
  outH: number;
  outW: number;
}
const params = {
  n: "i32",
  h: "i32",
  w: "i32",
  c: "i32",
  windowH: "i32",
  windowW: "i32",
  strideH: "i32",
  strideW: "i32",
  top: "i32",
  left: "i32",
  outH: "i32",
  outW: "i32",
} as const;

const inputSize = (p: PoolParams): number => p.n * p.h * p.w * p.c;
const outputSize = (p: PoolParams): number => p.n * p.outH * p.outW * p.c;
const cost = (p: PoolParams): { flops: number; bytes: number } => ({
  flops: outputSize(p) * p.windowH * p.windowW,
  bytes: 4 * (inputSize(p) + outputSize(p)),
});

/** Calls `visit` for every window with its image, its place in y's plane, and the cells (places in x's plane) inside the image. */
function windows(p: PoolParams, visit: (image: number, place: number, cells: readonly number[]) => void): void {
  for (let b = 0; b < p.n; b++)
    for (let i = 0; i < p.outH; i++)
      for (let j = 0; j < p.outW; j++) {
        const cells: number[] = [];
        for (let u = 0; u < p.windowH; u++)
          for (let v = 0; v < p.windowW; v++) {
            const row = i * p.strideH - p.top + u,
              column = j * p.strideW - p.left + v;
            if (row >= 0 && row < p.h && column >= 0 && column < p.w) cells.push(row * p.w + column);
          }
        visit(b, i * p.outW + j, cells);
      }
}

const base: PoolParams = { n: 1, h: 1, w: 1, c: 1, windowH: 1, windowW: 1, strideH: 1, strideW: 1, top: 0, left: 0, outH: 1, outW: 1 };
const cases: readonly PoolParams[] = [
  base,
  { ...base, n: 2, h: 7, w: 9, c: 3, windowH: 2, windowW: 2, strideH: 2, strideW: 2, outH: 3, outW: 4 },
  { ...base, n: 2, h: 7, w: 9, c: 17, windowH: 3, windowW: 3, strideH: 2, strideW: 2, top: 1, left: 1, outH: 4, outW: 5 },
  { ...base, n: 1, h: 5, w: 6, c: 65, windowH: 3, windowW: 2, outH: 3, outW: 5 },
  { ...base, n: 1, h: 8, w: 8, c: 1, windowH: 8, windowW: 8, strideH: 8, strideW: 8 },
  { ...base, n: 0, h: 4, w: 4, c: 2, windowH: 2, windowW: 2, strideH: 2, strideW: 2, outH: 2, outW: 2 },
];

/** The largest cell of each window and its place in the h * w plane: NaN wins, the first of equals wins. Every window sees a cell. */
export const maxPool = kernel<PoolParams>({
  name: "max_pool",
  dtypes: ["f32", "f64"],
  inputs: { x: "T" },
  outputs: { y: "T", index: "i32" },
  params,
  sizes: (p) => ({ x: inputSize(p), y: outputSize(p), index: outputSize(p) }),
  cost,
  cases,
  reference({ inputs, outputs }, p) {
    const x = inputs.x!,
      { y, index } = outputs as Record<"y" | "index", Numbers>;
    windows(p, (image, place, cells) => {
      for (let c = 0; c < p.c; c++) {
        const value = (cell: number): number => x[(image * p.h * p.w + cell) * p.c + c]!;
        const best = cells.reduce((winner, cell) =>
          value(cell) > value(winner) || (Number.isNaN(value(cell)) && !Number.isNaN(value(winner))) ? cell : winner,
        );
        const at = (image * p.outH * p.outW + place) * p.c + c;
        y[at] = value(best);
        index[at] = best;
      }
    });
  },
});

/** The mean of the cells of each window that lie in the image. */
export const avgPool = kernel<PoolParams>({
  name: "avg_pool",
  dtypes: ["f32", "f64"],
  inputs: { x: "T" },
  outputs: { y: "T" },
  params,
  sizes: (p) => ({ x: inputSize(p), y: outputSize(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.windowH * p.windowW),
  reference({ inputs, outputs }, p) {
    const x = inputs.x!,
      y = outputs.y!.fill(0);
    windows(p, (image, place, cells) => {
      for (const cell of cells)
        for (let c = 0; c < p.c; c++) {
          y[(image * p.outH * p.outW + place) * p.c + c]! += x[(image * p.h * p.w + cell) * p.c + c]! / cells.length;
        }
    });
  },
});

/** The cotangent of avgPool's x. */
export const avgPoolGrad = kernel<PoolParams>({
  name: "avg_pool_grad",
  dtypes: ["f32", "f64"],
  inputs: { ct: "T" },
  outputs: { dx: "T" },
  params,
  sizes: (p) => ({ ct: outputSize(p), dx: inputSize(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.windowH * p.windowW),
  reference({ inputs, outputs }, p) {
    const ct = inputs.ct!,
      dx = outputs.dx!.fill(0);
    windows(p, (image, place, cells) => {
      for (const cell of cells)
        for (let c = 0; c < p.c; c++) {
          dx[(image * p.h * p.w + cell) * p.c + c]! += ct[(image * p.outH * p.outW + place) * p.c + c]! / cells.length;
        }
    });
  },
});
