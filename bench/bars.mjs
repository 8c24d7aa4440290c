// The bars: what must be reached, what is aimed at, and what was measured. A ratio is our time by the peer's.
import { matmulShapes } from "./cases/kernels.mjs";
import { networks } from "./cases/networks.mjs";
import { geometricMean } from "./statistics.mjs";

const present = (values) => values.filter((value) => Number.isFinite(value));
const worst = (values) => (present(values).length ? Math.max(...present(values)) : null);
const least = (values) => (present(values).length ? Math.min(...present(values)) : null);

/** Reads a run's results: times of entries, ratios of them. */
function reader({ parts }) {
  const rows = new Map(["kernels", "models", "curvature"].flatMap((part) => parts[part]?.rows ?? []).map((row) => [row.id, row]));
  const time = (id, entry) => rows.get(id)?.times[entry] ?? Number.NaN;
  const against = (side, id, task) => time(id, `own:${task}`) / time(id, `${side}:${task}`);
  return { rows, time, against, torch: (id, task) => against("torch", id, task), parts };
}

const matmulRatios = (r) => present(matmulShapes.flatMap((s) => ["forward", "dgrad", "wgrad"].map((task) => r.torch(`matmul-${s.join("-")}`, task))));
const ids = networks.map(({ id }) => id);
const curvature = (f) => (r) => worst(ids.map((id) => f((task) => r.time(`curvature-${id}`, `own:${task}`))));

const ratio = (name, must, aim, from) => ({ name, must, aim, unit: "x", better: "lower", from });
const torch = (name, must, aim, id, task) => ratio(`${name} / PyTorch`, must, aim, (r) => r.torch(id, task));
const times = (name, side, id, task) => ({
  name: `${name}: times faster than ${side === "jaxjs" ? "jax-js" : "tfjs (wasm)"}`,
  must: 10,
  aim: 10,
  unit: "x",
  better: "higher",
  from: (r) => 1 / r.against(side, id, task),
});
const absolute = (name, must, aim, unit, from) => ({ name, must, aim, unit, better: "lower", from });

export const bars = [
  ratio("matmul with dgrad and wgrad / PyTorch, geometric mean", 0.95, 0.86, (r) => {
    const ratios = matmulRatios(r);
    return ratios.length ? geometricMean(ratios) : null;
  }),
  ratio("matmul with dgrad and wgrad / PyTorch, worst", 1.05, 0.95, (r) => worst(matmulRatios(r))),
  torch("batched 192 x (65 x 64 x 65)", 0.85, 0.65, "matmul-192-65-64-65", "forward"),
  torch("attention, 65 tokens, forward", 0.55, 0.34, "attention-65", "forward"),
  torch("attention, 65 tokens, forward and backward", 0.55, 0.38, "attention-65", "both"),
  torch("attention, 197 tokens, forward", 0.85, 0.65, "attention-197", "forward"),
  torch("attention, 197 tokens, forward and backward", 0.82, 0.62, "attention-197", "both"),
  torch("attention, 1024 tokens, forward", 0.95, 0.8, "attention-1024", "forward"),
  torch("attention, 1024 tokens, forward and backward", 0.92, 0.78, "attention-1024", "both"),
  torch("training step, ViT-Ti/4", 0.82, 0.7, "vit-ti", "step"),
  torch("training step, ViT d128", 0.68, 0.54, "vit-d128", "step"),
  torch("training step, Mixer d128", 0.7, 0.56, "mixer-d128", "step"),
  torch("training step, ResNet-20", 1, 0.78, "resnet-20", "step"),
  torch("training step, wide ResNet", 1, 0.72, "resnet-wide", "step"),
  ratio("SAM step / two plain steps of ours, worst", 1, 0.97, (r) => worst(ids.map((id) => r.time(id, "own:sam") / (2 * r.time(id, "own:step"))))),
  { name: "SAM's perturbation, share of copy bandwidth", must: 0.8, aim: 0.9, unit: "x", better: "higher", from: perturbShare },
  torch("Hessian-vector product, ViT-Ti/4", 0.66, 0.52, "curvature-vit-ti", "hvp"),
  torch("Hessian-vector product, ViT d128", 0.56, 0.44, "curvature-vit-d128", "hvp"),
  torch("Hessian-vector product, Mixer d128", 0.56, 0.44, "curvature-mixer-d128", "hvp"),
  torch("Hessian-vector product, ResNet-20", 0.55, 0.4, "curvature-resnet-20", "hvp"),
  torch("the same with the primal pass kept, ViT-Ti/4", 0.64, 0.5, "curvature-vit-ti", "kept"),
  torch("the same with the primal pass kept, ViT d128", 0.55, 0.42, "curvature-vit-d128", "kept"),
  torch("the same with the primal pass kept, Mixer d128", 0.55, 0.42, "curvature-mixer-d128", "kept"),
  torch("the same with the primal pass kept, ResNet-20", 0.55, 0.38, "curvature-resnet-20", "kept"),
  ratio(
    "Hessian-vector product / gradient, ours, worst",
    3.1,
    2.75,
    curvature((t) => t("hvp") / t("gradient")),
  ),
  ratio(
    "kept product / gradient, ours, worst",
    2.3,
    2.05,
    curvature((t) => t("kept") / t("gradient")),
  ),
  ratio(
    "8 products at once / 8 single ones, ours, worst",
    0.88,
    0.8,
    curvature((t) => t("batched8") / t("singles8")),
  ),
  ratio("peak memory of a step / PyTorch's, worst", 0.65, 0.5, ({ parts }) => worst((parts.memory?.rows ?? []).map(({ own, torch }) => own / torch))),
  {
    name: "training step, 1 to 2 threads, least speed-up",
    must: 1.85,
    aim: 1.95,
    unit: "x",
    better: "higher",
    from: (r) => least(ids.map((id) => r.time(id, "own1:step") / r.time(id, "own:step"))),
  },
  absolute("longest gap of the event loop while training", 10, 3, "ms", ({ parts }) => parts.latency?.gapMs),
  absolute("import and first result", 120, 60, "ms", ({ parts }) => parts.latency?.firstResultMs),
  absolute("compiled sum of two 4-vectors, call to result", 60, 25, "us", ({ parts }) => parts.latency?.tinyCallUs),
  absolute("1,000 chained scalar operations, eager", 15, 5, "ms", ({ parts }) => parts.latency?.chainMs),
  absolute("addon", 3, 3, "MB", ({ parts }) => parts.latency?.addonMb),
  times("attention, 197 tokens", "jaxjs", "attention-197", "forward"),
  times("attention, 197 tokens", "tfjs", "attention-197", "forward"),
  times("training step of a perceptron", "jaxjs", "mlp", "step"),
  times("training step of a perceptron", "tfjs", "mlp", "step"),
  times("8 Hessian-vector products of a perceptron", "jaxjs", "mlp", "hvp8"),
  ratio("matmul 1024 x 1024 x 1024 / onnxruntime-node", 1, 1, (r) => r.against("onnxruntime", "matmul-1024-1024-1024", "forward")),
  ratio("attention, 197 tokens, forward / onnxruntime-node", 1, 1, (r) => r.against("onnxruntime", "attention-197", "forward")),
  absolute("neighbouring sizes, farthest from the smooth fit", 0.15, 0.15, "x", ({ parts }) =>
    worst((parts.growth?.cliffs ?? []).map((c) => c.farthest)),
  ),
];

function perturbShare(r) {
  const row = r.rows.get("perturb"),
    copy = r.parts.kernels?.peak?.gbs;
  return row && copy ? row.bytes.forward / row.times["own:forward"] / 1e6 / copy : null;
}

/** The table: { name, must, aim, unit, better, measured: number | null, met: boolean | null }. */
export function barsOf(results) {
  const r = reader(results);
  return bars.map(({ from, ...bar }) => {
    const found = from(r),
      measured = Number.isFinite(found) ? found : null,
      met = measured === null ? null : bar.better === "lower" ? measured <= bar.must : measured >= bar.must;
    return { ...bar, measured, met };
  });
}
