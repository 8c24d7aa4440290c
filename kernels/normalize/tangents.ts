import { kernel, type Numbers } from "../kernel.ts";

/** x is [a, k, r2], a group being a contiguous row of r2; scale is [k, r2]. Tangents have an axis of `tangents` directions in front. */
export interface NormalizeTangentParams {
  readonly eps: number;
  readonly tangents: number;
  readonly a: number;
  readonly k: number;
  readonly r2: number;
}

const params = { eps: "f64", tangents: "u32", a: "u32", k: "u32", r2: "u32" } as const;
const size = ({ a, k, r2 }: NormalizeTangentParams): number => a * k * r2;
const primalSizes = (p: NormalizeTangentParams) => ({ x: size(p), scale: p.k * p.r2, mean: p.a * p.k, variance: p.a * p.k });
const cases: NormalizeTangentParams[] = [
  [1, 1, 1, 1],
  [1, 15, 1, 17],
  [2, 7, 1, 65],
  [1, 5, 1, 192],
  [3, 300, 1, 8],
  [1, 200, 1, 128],
  [2, 3, 5, 7],
  [1, 0, 1, 3],
].map(([tangents, a, k, r2]) => ({ eps: 1e-6, tangents: tangents!, a: a!, k: k!, r2: r2! }));
const generate = (name: string, count: number, _: NormalizeTangentParams, random: () => number): Numbers | null =>
  name === "variance" ? Float64Array.from({ length: count }, () => 0.5 + random()) : null;

/** The mean of f over a row. */
const average = (n: number, f: (c: number) => number): number => {
  let sum = 0;
  for (let c = 0; c < n; c++) sum += f(c);
  return sum / n;
};

/**
 * The tangents of y, mean and variance. With hat = (x - mean) r, r = 1 / sqrt(variance + eps) and M the mean over a row:
 * tmean = M(tx), tvariance = 2 M(hat tx) / r, ty = r (tx - M(tx) - hat M(hat tx)) scale + hat tscale + tbias.
 */
export const normalizeTangent = kernel<NormalizeTangentParams>({
  name: "normalize_tangent",
  dtypes: ["f32"],
  inputs: { x: "T", scale: "T", mean: "T", variance: "T", tx: "T", tscale: "T", tbias: "T" },
  outputs: { ty: "T", tmean: "T", tvariance: "T" },
  params,
  sizes: (p) => ({
    ...primalSizes(p),
    tx: p.tangents * size(p),
    tscale: p.tangents * p.k * p.r2,
    tbias: p.tangents * p.k * p.r2,
    ty: p.tangents * size(p),
    tmean: p.tangents * p.a * p.k,
    tvariance: p.tangents * p.a * p.k,
  }),
  cost: (p) => ({ flops: 13 * p.tangents * size(p), bytes: (4 + 8 * p.tangents) * size(p) }),
  reference({ inputs: { x, scale, mean, variance, tx, tscale, tbias }, outputs: { ty, tmean, tvariance } }, { eps, tangents, a, k, r2 }) {
    for (let t = 0; t < tangents; t++) {
      for (let row = 0; row < a * k; row++) {
        const r = 1 / Math.sqrt(variance![row]! + eps),
          channel = (row % k) * r2,
          moved = (t * a * k + row) * r2;
        const hat = (c: number): number => (x![row * r2 + c]! - mean![row]!) * r;
        const flat = average(r2, (c) => tx![moved + c]!),
          slope = average(r2, (c) => hat(c) * tx![moved + c]!);
        tmean![t * a * k + row] = flat;
        tvariance![t * a * k + row] = (2 * slope) / r;
        for (let c = 0; c < r2; c++) {
          const own = t * k * r2 + channel + c;
          ty![moved + c] = r * (tx![moved + c]! - flat - hat(c) * slope) * scale![channel + c]! + hat(c) * tscale![own]! + tbias![own]!;
        }
      }
    }
  },
  cases,
  generate,
  terms: (p) => p.r2 + 16,
});

/**
 * The tangents of dx, dscale and dbias. With g = scale dy, w = r^2 tvariance / 2 and primes for tangents:
 * hat' = r (tx - tmean) - w hat; g' = tscale dy + scale tdy; tdscale = sum(tdy hat + dy hat'); tdbias = sum(tdy);
 * tdx = r (g' - M(g') - hat' M(g hat) - hat M(g' hat + g hat') - w (g - M(g) - hat M(g hat))).
 */
export const normalizeBackwardTangent = kernel<NormalizeTangentParams>({
  name: "normalize_backward_tangent",
  dtypes: ["f32"],
  inputs: {
    ...{ x: "T", scale: "T", mean: "T", variance: "T", dy: "T" },
    ...{ tx: "T", tscale: "T", tmean: "T", tvariance: "T", tdy: "T" },
  },
  outputs: { tdx: "T", tdscale: "T", tdbias: "T" },
  params,
  sizes: (p) => ({
    ...primalSizes(p),
    dy: size(p),
    tx: p.tangents * size(p),
    tscale: p.tangents * p.k * p.r2,
    tmean: p.tangents * p.a * p.k,
    tvariance: p.tangents * p.a * p.k,
    tdy: p.tangents * size(p),
    tdx: p.tangents * size(p),
    tdscale: p.tangents * p.k * p.r2,
    tdbias: p.tangents * p.k * p.r2,
  }),
  cost: (p) => ({ flops: 40 * p.tangents * size(p), bytes: (8 + 12 * p.tangents) * size(p) }),
  reference({ inputs, outputs: { tdx, tdscale, tdbias } }, { eps, tangents, a, k, r2 }) {
    const { x, scale, mean, variance, dy, tx, tscale, tmean, tvariance, tdy } = inputs as Record<string, Numbers>;
    tdscale!.fill(0);
    tdbias!.fill(0);
    for (let t = 0; t < tangents; t++) {
      for (let row = 0; row < a * k; row++) {
        const r = 1 / Math.sqrt(variance![row]! + eps),
          at = row * r2,
          channel = (row % k) * r2,
          own = t * k * r2 + channel,
          moved = (t * a * k + row) * r2;
        const w = (r * r * tvariance![t * a * k + row]!) / 2;
        const hat = (c: number): number => (x![at + c]! - mean![row]!) * r;
        const that = (c: number): number => (tx![moved + c]! - tmean![t * a * k + row]!) * r - w * hat(c);
        const g = (c: number): number => scale![channel + c]! * dy![at + c]!;
        const tg = (c: number): number => tscale![own + c]! * dy![at + c]! + scale![channel + c]! * tdy![moved + c]!;
        const flat = average(r2, g),
          slope = average(r2, (c) => g(c) * hat(c)),
          tflat = average(r2, tg),
          tslope = average(r2, (c) => tg(c) * hat(c) + g(c) * that(c));
        for (let c = 0; c < r2; c++) {
          tdscale![own + c]! += tdy![moved + c]! * hat(c) + dy![at + c]! * that(c);
          tdbias![own + c]! += tdy![moved + c]!;
          tdx![moved + c] = r * (tg(c) - tflat - that(c) * slope - hat(c) * tslope - w * (g(c) - flat - hat(c) * slope));
        }
      }
    }
  },
  cases,
  generate,
  terms: (p) => 3 * (p.a + p.r2) + 16,
});
