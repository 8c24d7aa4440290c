import { kernel, type Numbers } from "../kernel.ts";

/** The target of a row is (1 - smoothing) at its label and smoothing / classes everywhere. A label outside of the classes gives NaN. */
export interface CrossEntropyParams {
  readonly smoothing: number;
  readonly rows: number;
  readonly classes: number;
}

const params = { smoothing: "f64", rows: "u32", classes: "u32" } as const;
const cases: CrossEntropyParams[] = [
  [0, 1, 1],
  [0, 17, 10],
  [0.1, 17, 10],
  [0, 3, 65],
  [0.1, 5, 1000],
  [0, 300, 7],
  [0, 0, 3],
].map(([smoothing, rows, classes]) => ({
  smoothing: smoothing!,
  rows: rows!,
  classes: classes!,
}));
const labels = (name: string, size: number, { classes }: CrossEntropyParams, random: () => number): Numbers | null =>
  name === "labels" ? Float64Array.from({ length: size }, () => Math.floor(random() * classes)) : null;

/** loss = lse - sum(target * logits), lse = log(sum(exp(logits))), one of each a row. */
export const crossEntropy = kernel<CrossEntropyParams>({
  name: "cross_entropy",
  dtypes: ["f32", "f64"],
  inputs: { logits: "T", labels: "i32" },
  outputs: { loss: "T", lse: "T" },
  params,
  sizes: ({ rows, classes }) => ({ logits: rows * classes, labels: rows, loss: rows, lse: rows }),
  cost: ({ rows, classes }) => ({ flops: 20 * rows * classes, bytes: 4 * rows * classes }),
  reference({ inputs: { logits, labels }, outputs: { loss, lse } }, { smoothing, rows, classes }) {
    for (let r = 0; r < rows; r++) {
      const row = logits!.subarray(r * classes, (r + 1) * classes),
        top = row.reduce((a, b) => Math.max(a, b), -Infinity),
        shift = Number.isFinite(top) ? top : 0;
      const label = labels![r]!,
        total = row.reduce((sum, z) => sum + Math.exp(z - shift), 0);
      lse![r] = shift + Math.log(total);
      const picked = label >= 0 && label < classes ? row[label]! : NaN;
      const even = smoothing > 0 ? (smoothing / classes) * row.reduce((sum, z) => sum + (z - lse![r]!), 0) : 0;
      loss![r] = (1 - smoothing) * (lse![r]! - picked) - even;
    }
  },
  cases,
  generate: labels,
  terms: (p) => p.classes + 16,
});

/** dlogits = (exp(logits - lse) - target) * ct, ct being the cotangent of a row's loss. */
export const crossEntropyBackward = kernel<CrossEntropyParams>({
  name: "cross_entropy_backward",
  dtypes: ["f32", "f64"],
  inputs: { logits: "T", labels: "i32", lse: "T", ct: "T" },
  outputs: { dlogits: "T" },
  params,
  sizes: ({ rows, classes }) => ({ logits: rows * classes, labels: rows, lse: rows, ct: rows, dlogits: rows * classes }),
  cost: ({ rows, classes }) => ({ flops: 18 * rows * classes, bytes: 8 * rows * classes }),
  reference({ inputs: { logits, labels, lse, ct }, outputs: { dlogits } }, { smoothing, rows, classes }) {
    for (let r = 0; r < rows; r++) {
      const label = labels![r]!,
        known = label >= 0 && label < classes;
      for (let c = 0; c < classes; c++) {
        const target = known ? (c === label ? 1 - smoothing : 0) + smoothing / classes : NaN;
        dlogits![r * classes + c] = (Math.exp(logits![r * classes + c]! - lse![r]!) - target) * ct![r]!;
      }
    }
  },
  cases,
  generate: labels,
});
