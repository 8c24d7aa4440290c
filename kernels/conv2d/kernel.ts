import { kernel, type Numbers } from "../kernel.ts";

/** x is [n, h, w, c], the filter [kH, kW, c / groups, f], y [n, outH, outW, f]; y[i, j] looks at x[i * strideH - top + p, j * strideW - left + q]. */
export interface Conv2dParams {
  n: number;
  h: number;
  w: number;
  c: number;
  kH: number;
  kW: number;
  f: number;
  groups: number;
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
  kH: "i32",
  kW: "i32",
  f: "i32",
  groups: "i32",
  strideH: "i32",
  strideW: "i32",
  top: "i32",
  left: "i32",
  outH: "i32",
  outW: "i32",
} as const;

const imageSize = (p: Conv2dParams): number => p.n * p.h * p.w * p.c;
const filterSize = (p: Conv2dParams): number => p.kH * p.kW * (p.c / p.groups) * p.f;
const resultSize = (p: Conv2dParams): number => p.n * p.outH * p.outW * p.f;
const cost = (p: Conv2dParams): { flops: number; bytes: number } => ({
  flops: 2 * p.n * p.outH * p.outW * filterSize(p),
  bytes: 4 * (imageSize(p) + filterSize(p) + resultSize(p)),
});

/** Calls `visit` with the flat places of every product x * w that y sums. Padding takes part in no product. */
function products(p: Conv2dParams, visit: (x: number, w: number, y: number) => void): void {
  const inGroup = p.c / p.groups,
    outGroup = p.f / p.groups;
  for (let b = 0; b < p.n; b++)
    for (let i = 0; i < p.outH; i++)
      for (let j = 0; j < p.outW; j++) {
        for (let u = 0; u < p.kH; u++)
          for (let v = 0; v < p.kW; v++) {
            const row = i * p.strideH - p.top + u,
              column = j * p.strideW - p.left + v;
            if (row < 0 || row >= p.h || column < 0 || column >= p.w) continue;
            const x = ((b * p.h + row) * p.w + column) * p.c,
              w = (u * p.kW + v) * inGroup,
              y = ((b * p.outH + i) * p.outW + j) * p.f;
            for (let o = 0; o < p.f; o++)
              for (let c = 0; c < inGroup; c++) visit(x + Math.floor(o / outGroup) * inGroup + c, (w + c) * p.f + o, y + o);
          }
      }
}

const base: Conv2dParams = { n: 1, h: 1, w: 1, c: 1, kH: 1, kW: 1, f: 1, groups: 1, strideH: 1, strideW: 1, top: 0, left: 0, outH: 1, outW: 1 };
const square = (n: number, size: number, c: number, f: number, kernel: number, stride: number, pad: number, groups = 1): Conv2dParams => {
  const out = Math.floor((size + 2 * pad - kernel) / stride) + 1;
  return {
    ...base,
    n,
    h: size,
    w: size,
    c,
    f,
    kH: kernel,
    kW: kernel,
    groups,
    strideH: stride,
    strideW: stride,
    top: pad,
    left: pad,
    outH: out,
    outW: out,
  };
};
const cases: readonly Conv2dParams[] = [
  base,
  square(2, 8, 16, 16, 3, 1, 1),
  square(1, 17, 3, 17, 7, 2, 3),
  square(3, 9, 65, 17, 1, 1, 0),
  square(2, 8, 16, 32, 1, 2, 0),
  square(2, 16, 16, 32, 3, 2, 1),
  square(2, 9, 6, 6, 3, 1, 1, 6),
  square(1, 9, 6, 12, 3, 2, 1, 6),
  square(2, 7, 8, 12, 3, 1, 1, 2),
  square(1, 6, 64, 64, 3, 1, 1, 2),
  square(0, 4, 2, 5, 3, 1, 1),
  square(2, 16, 64, 64, 3, 1, 1),
  square(1, 5, 3, 4, 5, 1, 4),
  // By Winograd's filtering (f32): odd sizes, paddings, blocks of channels and of tiles.
  square(1, 13, 16, 32, 3, 1, 1),
  square(3, 9, 48, 16, 3, 1, 0),
  square(1, 12, 16, 16, 3, 1, 2),
  square(4, 6, 144, 16, 3, 1, 1),
  square(2, 10, 16, 80, 3, 1, 1),
  { ...base, n: 1, h: 11, w: 18, c: 32, kH: 3, kW: 3, f: 48, top: 0, left: 2, outH: 10, outW: 17 },
  { ...base, n: 2, h: 7, w: 5, c: 3, kH: 3, kW: 2, f: 4, strideH: 2, strideW: 1, top: 1, left: 0, outH: 4, outW: 5 },
  { ...base, n: 2, h: 6, w: 7, c: 3, kH: 3, kW: 3, f: 2, strideH: 2, strideW: 2, top: 1, left: 2, outH: 2, outW: 4 },
  { ...base, n: 1, h: 5, w: 6, c: 2, kH: 2, kW: 2, f: 3, strideH: 3, strideW: 4, outH: 2, outW: 2 },
];

export const conv2d = kernel<Conv2dParams>({
  name: "conv2d",
  dtypes: ["f32", "f64"],
  inputs: { x: "T", w: "T" },
  outputs: { y: "T" },
  params,
  sizes: (p) => ({ x: imageSize(p), w: filterSize(p), y: resultSize(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.kH * p.kW * (p.c / p.groups)),
  reference({ inputs, outputs }, p) {
    const { x, w } = inputs as Record<"x" | "w", Numbers>,
      y = outputs.y!.fill(0);
    products(p, (atX, atW, atY) => {
      y[atY]! += x[atX]! * w[atW]!;
    });
  },
});

/** The cotangent of x. */
export const conv2dInputGrad = kernel<Conv2dParams>({
  name: "conv2d_input_grad",
  dtypes: ["f32", "f64"],
  inputs: { ct: "T", w: "T" },
  outputs: { dx: "T" },
  params,
  sizes: (p) => ({ ct: resultSize(p), w: filterSize(p), dx: imageSize(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.kH * p.kW * (p.f / p.groups)),
  reference({ inputs, outputs }, p) {
    const { ct, w } = inputs as Record<"ct" | "w", Numbers>,
      dx = outputs.dx!.fill(0);
    products(p, (atX, atW, atY) => {
      dx[atX]! += ct[atY]! * w[atW]!;
    });
  },
});

/** The cotangent of w. */
export const conv2dWeightGrad = kernel<Conv2dParams>({
  name: "conv2d_weight_grad",
  dtypes: ["f32", "f64"],
  inputs: { x: "T", ct: "T" },
  outputs: { dw: "T" },
  params,
  sizes: (p) => ({ x: imageSize(p), ct: resultSize(p), dw: filterSize(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.n * p.outH * p.outW),
  reference({ inputs, outputs }, p) {
    const { x, ct } = inputs as Record<"x" | "ct", Numbers>,
      dw = outputs.dw!.fill(0);
    products(p, (atX, atW, atY) => {
      dw[atW]! += x[atX]! * ct[atY]!;
    });
  },
});
