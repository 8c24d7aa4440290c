import { kernel, type Numbers } from "../kernel.ts";

/** images are [n, rows * patch, columns * patch, c], the kernel [patch, patch, c, d], y [n, rows * columns, d]. */
export interface PatchEmbedParams {
  n: number;
  rows: number;
  columns: number;
  patch: number;
  c: number;
  d: number;
}
const params = { n: "i32", rows: "i32", columns: "i32", patch: "i32", c: "i32", d: "i32" } as const;

const tokens = (p: PatchEmbedParams): number => p.n * p.rows * p.columns;
const depth = (p: PatchEmbedParams): number => p.patch * p.patch * p.c;
const cost = (p: PatchEmbedParams): { flops: number; bytes: number } => ({
  flops: 2 * tokens(p) * depth(p) * p.d,
  bytes: 4 * (tokens(p) * (depth(p) + p.d) + depth(p) * p.d),
});

/** Calls `visit` with the flat places of every product image * kernel that y sums. */
function products(p: PatchEmbedParams, visit: (image: number, kernel: number, y: number) => void): void {
  const width = p.columns * p.patch * p.c;
  for (let t = 0; t < tokens(p); t++) {
    const column = t % p.columns,
      row = (t - column) / p.columns; // row counts through the batch
    for (let u = 0; u < p.patch; u++)
      for (let v = 0; v < p.patch * p.c; v++) {
        const image = (row * p.patch + u) * width + column * p.patch * p.c + v,
          kernel = (u * p.patch * p.c + v) * p.d;
        for (let j = 0; j < p.d; j++) visit(image, kernel + j, t * p.d + j);
      }
  }
}

const cases: readonly PatchEmbedParams[] = [
  { n: 1, rows: 1, columns: 1, patch: 1, c: 1, d: 1 },
  { n: 2, rows: 2, columns: 3, patch: 2, c: 3, d: 4 },
  { n: 3, rows: 8, columns: 8, patch: 4, c: 3, d: 65 },
  { n: 1, rows: 5, columns: 3, patch: 7, c: 3, d: 17 },
  { n: 0, rows: 2, columns: 2, patch: 2, c: 3, d: 4 },
  { n: 2, rows: 3, columns: 2, patch: 16, c: 3, d: 33 },
];

export const patchEmbed = kernel<PatchEmbedParams>({
  name: "patchEmbed",
  dtypes: ["f32", "f64"],
  inputs: { images: "T", kernel: "T" },
  outputs: { y: "T" },
  params,
  sizes: (p) => ({ images: tokens(p) * depth(p), kernel: depth(p) * p.d, y: tokens(p) * p.d }),
  cost,
  cases,
  terms: (p) => Math.max(8, depth(p)),
  reference({ inputs, outputs }, p) {
    const { images, kernel } = inputs as Record<"images" | "kernel", Numbers>,
      y = outputs.y!.fill(0);
    products(p, (atImage, atKernel, atY) => {
      y[atY]! += images[atImage]! * kernel[atKernel]!;
    });
  },
});

/** The cotangent of the kernel. */
export const patchEmbedKernelGrad = kernel<PatchEmbedParams>({
  name: "patchEmbed_kernel_grad",
  dtypes: ["f32", "f64"],
  inputs: { images: "T", ct: "T" },
  outputs: { dkernel: "T" },
  params,
  sizes: (p) => ({ images: tokens(p) * depth(p), ct: tokens(p) * p.d, dkernel: depth(p) * p.d }),
  cost,
  cases,
  terms: (p) => Math.max(8, tokens(p)),
  reference({ inputs, outputs }, p) {
    const { images, ct } = inputs as Record<"images" | "ct", Numbers>,
      dkernel = outputs.dkernel!.fill(0);
    products(p, (atImage, atKernel, atY) => {
      dkernel[atKernel]! += images[atImage]! * ct[atY]!;
    });
  },
});

/** The cotangent of the images. */
export const patchEmbedImageGrad = kernel<PatchEmbedParams>({
  name: "patchEmbed_image_grad",
  dtypes: ["f32", "f64"],
  inputs: { ct: "T", kernel: "T" },
  outputs: { dimages: "T" },
  params,
  sizes: (p) => ({ ct: tokens(p) * p.d, kernel: depth(p) * p.d, dimages: tokens(p) * depth(p) }),
  cost,
  cases,
  terms: (p) => Math.max(8, p.d),
  reference({ inputs, outputs }, p) {
    const { ct, kernel } = inputs as Record<"ct" | "kernel", Numbers>,
      dimages = outputs.dimages!.fill(0);
    products(p, (atImage, atKernel, atY) => {
      dimages[atImage]! += ct[atY]! * kernel[atKernel]!;
    });
  },
});
