import type { TrainConfig } from "../train/index.ts";

export interface StudyModel {
  readonly id: string;
  readonly label: string;
  readonly settings: Partial<TrainConfig>;
}

export interface Preset {
  /** What all rows have in common. */
  readonly settings: Partial<TrainConfig>;
  readonly models: readonly StudyModel[];
  /** The radius of SAM in the rows that use it. */
  readonly rho: number;
  readonly seeds: readonly number[];
  readonly sharpness: { readonly images: number; readonly maxIterations: number; readonly tol: number };
}

export const presetNames = ["quick", "standard"] as const;
export type PresetName = (typeof presetNames)[number];

const transformer = { optimizer: "adamw", lr: 1e-3, weightDecay: 0.1, warmup: 1 } as const;

export const presets: Readonly<Record<PresetName, Preset>> = {
  // 3.4 TFLOP in all, so two minutes or so where a large matmul gets 55 GFLOP/s. Without crops the few images are learnt well enough to be sharp.
  quick: {
    settings: { data: "cifar10", limit: 2000, testLimit: 1000, augment: false, epochs: 10, batch: 64 },
    models: [{ id: "vit", label: "ViT d64 L4 /8", settings: { ...transformer, model: "vit-ti/8", sizes: { hidden: 64, layers: 4, heads: 4 } } }],
    rho: 0.1,
    seeds: [0, 1],
    sharpness: { images: 256, maxIterations: 20, tol: 0.02 },
  },
  standard: {
    settings: { data: "cifar10", epochs: 10, batch: 128 },
    models: [{ id: "vit", label: "ViT d128 L6 /4", settings: { ...transformer, model: "vit-ti/4", sizes: { hidden: 128, layers: 6, heads: 4 } } }],
    rho: 0.1,
    seeds: [0, 1],
    sharpness: { images: 1024, maxIterations: 60, tol: 1e-3 },
  },
};

export interface Plan {
  readonly id: string;
  readonly model: StudyModel;
  readonly settings: Partial<TrainConfig>;
}

/** The rows of a study: for each seed each model, without SAM and with it. */
export function plansOf({ settings, models, rho, seeds }: Preset, dataDir: string | undefined): Plan[] {
  return seeds.flatMap((seed) =>
    models.flatMap((model) =>
      [0, rho].map((sam) => ({
        id: `${model.id}${sam > 0 ? "-sam" : ""}-seed${seed}`,
        model,
        settings: { ...settings, ...model.settings, sam, seed, ...(dataDir === undefined ? {} : { dataDir }) },
      })),
    ),
  );
}

/** What the slides show for large models on ImageNet, after whole trainings. */
export const slides = [
  { label: "ViT-B/16", plain: 738.8, sam: 20.9 },
  { label: "Mixer-B/16", plain: 1644.4, sam: 22.5 },
  { label: "ResNet-152", plain: 179.8, sam: 42.0 },
] as const;
