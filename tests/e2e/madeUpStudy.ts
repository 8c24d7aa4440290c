import type { RowFigures } from "../../src/study/figures.ts";
import type { Preset } from "../../src/study/presets.ts";
import { plansOf } from "../../src/study/presets.ts";
import type { FinishedRow, StudyOptions, StudyResults, StudyRow } from "../../src/study/study.ts";

const preset: Preset = {
  settings: { data: "cifar10", limit: 2000, testLimit: 1000, augment: false, epochs: 6, batch: 64 },
  models: [
    { id: "vit", label: "ViT d64 L4 /8", settings: { model: "vit-ti/8", sizes: { hidden: 64, layers: 4, heads: 4 } } },
    { id: "mixer", label: "Mixer d64 L4 /8", settings: { model: "mixer-s/8", sizes: { hidden: 64, layers: 4 } } },
    { id: "resnet", label: "ResNet <20>", settings: { model: "resnet-20", optimizer: "sgd" } },
  ],
  rho: 0.1,
  seeds: [0, 1],
  sharpness: { images: 256, maxIterations: 20, tol: 0.02 },
  landscape: { points: 21, dimensions: 1 },
};

const units: Readonly<Record<string, (block: number) => string[]>> = {
  vit: (i) => [`blocks.${i}.mlp.hidden`],
  mixer: (i) => [`blocks.${i}.tokens.hidden`, `blocks.${i}.channels.hidden`],
  resnet: (i) => [`stage${i + 1}.0.relu1`, `stage${i + 1}.0.relu2`],
};

function figuresOf(id: string, sam: boolean, dimensions: 1 | 2): RowFigures {
  const steep = sam ? 3 : 9,
    axis = Array.from({ length: 21 }, (_, i) => (i - 10) / 10),
    loss = (a: number, b: number): number | null => (a * a + b * b > 1.9 ? null : 0.8 + steep * (a * a + 0.6 * b * b) + 0.4 * Math.sin(5 * a * b));
  const attention = {
    image: 32,
    side: 4,
    of: ["cat", "ship", "ship", "airplane", "frog", "automobile"].map((label, n) => ({
      label,
      pixels: Buffer.from(Uint8Array.from({ length: 32 * 32 * 3 }, (_, p) => 128 + 120 * Math.sin(p / (40 + 9 * n)))).toString("base64"),
      map: Array.from({ length: 16 }, (_, p) => (1 + Math.cos(p + n + steep)) / 34),
    })),
  };
  return {
    landscape: { axis, loss: dimensions === 1 ? axis.map((a) => loss(a, 0)) : axis.map((a) => axis.map((b) => loss(a, b))) },
    activeUnits: [0, 1, 2, 3].flatMap((i) => units[id]!(i).map((path, j) => ({ path, share: (sam ? 0.2 : 0.4) + 0.05 * i - 0.1 * j }))),
    attention: id === "vit" ? attention : null,
  };
}

const largest: Readonly<Record<string, readonly [plain: number, sam: number]>> = { vit: [333, 26], mixer: [316, 27], resnet: [813, 275] };

/** A study that nobody ran: three models, plain and SAM, two seeds; `dimensions` of the first seed's landscapes. */
export function madeUpStudy(dimensions: 1 | 2 = 1): { options: StudyOptions; results: StudyResults; finished: FinishedRow[] } {
  const options: StudyOptions = { name: "quick", preset: { ...preset, landscape: { points: 21, dimensions } }, out: "study" };
  const finished = plansOf(options.preset, undefined).map((plan): FinishedRow => {
    const { id } = plan.model,
      { sam: rho = 0, seed = 0 } = plan.settings,
      sam = rho > 0,
      epochs = 6;
    const log = Array.from({ length: epochs }, (_, i) => ({
      epoch: i + 1,
      trainLoss: 2.3 * Math.exp(-(sam ? 0.1 : 0.2) * (i + seed / 4)),
      trainAccuracy: 1 - 0.9 * Math.exp(-(sam ? 0.1 : 0.2) * i),
      testLoss: 2.2 - 0.1 * i + 0.02 * i * i,
      testAccuracy: 0.1 + 0.06 * i,
      seconds: 4,
      imagesPerSecond: 2000,
      waitedForData: 0,
    }));
    const value = largest[id]![sam ? 1 : 0] * (1 + 0.2 * seed),
      row: StudyRow = {
        model: plan.model.label,
        params: 210_314,
        optimizer: id === "resnet" ? "sgd" : "adamw",
        sam,
        rho,
        seed,
        epochs,
        images: 2000,
        trainLoss: sam ? 1.31 : 0.92,
        trainAccuracy: sam ? 0.5 : 0.66,
        testLoss: 1.68,
        testAccuracy: sam ? 0.39 : 0.41,
        lambdaMax: {
          value,
          residual: 0.01 * value,
          iterations: 14,
          converged: id !== "mixer" || seed === 0,
          images: 256,
          method: "lanczos",
          loss: "softmax",
          batchNorm: id === "resnet" ? "eval" : null,
          block: null,
        },
        seconds: 26,
        imagesPerSecond: sam ? 1043 : 2011,
      };
    return { plan, row, log, figures: figuresOf(id, sam, seed === 0 ? dimensions : 1) };
  });
  const machine = { cpu: "Some Processor, 2 cores", isa: "avx512", threads: 2, node: "v20.20.2" };
  return { options, results: { machine, preset: options.name, rows: finished.map(({ row }) => row) }, finished };
}
