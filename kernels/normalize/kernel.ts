import { kernel, type Numbers } from "../kernel.ts";

export * from "./tangents.ts";

/** x is [a, r1, k, r2]; statistics are over (r1, r2) for each (a, k); scale and bias are [k, r2]. */
export interface NormalizeParams {
  readonly eps: number;
  readonly a: number;
  readonly r1: number;
  readonly k: number;
  readonly r2: number;
}

const params = { eps: "f64", a: "u32", r1: "u32", k: "u32", r2: "u32" } as const;
const size = ({ a, r1, k, r2 }: NormalizeParams): number => a * r1 * k * r2;

/** Calls `visit(element, channel)` for the elements of one group; a channel is an index of scale and bias. */
function eachInGroup({ r1, k, r2 }: NormalizeParams, group: number, visit: (element: number, channel: number) => void): void {
  const a = Math.floor(group / k),
    g = group % k;
  for (let r = 0; r < r1; r++) for (let c = 0; c < r2; c++) visit(((a * r1 + r) * k + g) * r2 + c, g * r2 + c);
}

const made = (list: readonly (readonly [number, number, number, number])[], eps: number): NormalizeParams[] =>
  list.map(([a, r1, k, r2]) => ({ eps, a, r1, k, r2 }));
const cases: NormalizeParams[] = [
  ...made(
    [
      [1, 1, 1, 1],
      [15, 1, 1, 17],
      [7, 1, 1, 65],
      [5, 1, 1, 192],
      [3, 1, 1, 197],
      [300, 1, 1, 8],
      [0, 1, 1, 3],
    ],
    1e-6,
  ), // layerNorm
  ...made(
    [
      [2, 15, 3, 2],
      [3, 1, 5, 7],
      [1, 600, 2, 32],
      [2, 49, 1, 17],
    ],
    1e-5,
  ), // groupNorm
  ...made(
    [
      [1, 1, 3, 1],
      [1, 30, 6, 1],
      [1, 1000, 16, 1],
      [1, 700, 65, 1],
    ],
    1e-5,
  ), // batchNorm
];

/** y = (x - mean) / sqrt(variance + eps) * scale + bias; the variance is the biased one. */
export const normalize = kernel<NormalizeParams>({
  name: "normalize",
  dtypes: ["f32", "f64"],
  inputs: { x: "T", scale: "T", bias: "T" },
  outputs: { y: "T", mean: "T", variance: "T" },
  params,
  sizes: (p) => ({ x: size(p), scale: p.k * p.r2, bias: p.k * p.r2, y: size(p), mean: p.a * p.k, variance: p.a * p.k }),
  cost: (p) => ({ flops: 8 * size(p), bytes: 8 * size(p) }),
  reference({ inputs: { x, scale, bias }, outputs: { y, mean, variance } }, p) {
    const n = p.r1 * p.r2;
    for (let group = 0; group < p.a * p.k; group++) {
      let sum = 0,
        squares = 0;
      eachInGroup(p, group, (i) => {
        sum += x![i]!;
      });
      const center = sum / n;
      eachInGroup(p, group, (i) => {
        squares += (x![i]! - center) ** 2;
      });
      const rstd = 1 / Math.sqrt(squares / n + p.eps);
      eachInGroup(p, group, (i, c) => {
        y![i] = (x![i]! - center) * rstd * scale![c]! + bias![c]!;
      });
      mean![group] = center;
      variance![group] = squares / n;
    }
  },
  cases,
  terms: (p) => p.r1 * p.r2 + 16,
});

/** Gradients of x, scale and bias; dy is the cotangent of y. */
export const normalizeBackward = kernel<NormalizeParams>({
  name: "normalize_backward",
  dtypes: ["f32", "f64"],
  inputs: { x: "T", scale: "T", mean: "T", variance: "T", dy: "T" },
  outputs: { dx: "T", dscale: "T", dbias: "T" },
  params,
  sizes: (p) => ({
    x: size(p),
    scale: p.k * p.r2,
    mean: p.a * p.k,
    variance: p.a * p.k,
    dy: size(p),
    dx: size(p),
    dscale: p.k * p.r2,
    dbias: p.k * p.r2,
  }),
  cost: (p) => ({ flops: 14 * size(p), bytes: 12 * size(p) }),
  reference({ inputs: { x, scale, mean, variance, dy }, outputs: { dx, dscale, dbias } }, p) {
    const n = p.r1 * p.r2;
    dscale!.fill(0);
    dbias!.fill(0);
    for (let group = 0; group < p.a * p.k; group++) {
      const rstd = 1 / Math.sqrt(variance![group]! + p.eps);
      const hat = (i: number): number => (x![i]! - mean![group]!) * rstd;
      const first = (group % p.k) * p.r2,
        scales = new Float64Array(p.r2),
        biases = new Float64Array(p.r2);
      eachInGroup(p, group, (i, c) => {
        scales[c - first]! += dy![i]! * hat(i);
        biases[c - first]! += dy![i]!;
      });
      let flat = 0,
        slope = 0; // means of scale * dy, and of scale * dy * hat
      for (let c = 0; c < p.r2; c++) {
        flat += (scale![first + c]! * biases[c]!) / n;
        slope += (scale![first + c]! * scales[c]!) / n;
        dscale![first + c]! += scales[c]!;
        dbias![first + c]! += biases[c]!;
      }
      eachInGroup(p, group, (i, c) => {
        dx![i] = rstd * (scale![c]! * dy![i]! - flat - hat(i) * slope);
      });
    }
  },
  cases,
  generate: (name, count, _, random): Numbers | null => (name === "variance" ? Float64Array.from({ length: count }, () => 0.5 + random()) : null),
  terms: (p) => p.a * p.r1 + p.r1 * p.r2 + 16,
});
