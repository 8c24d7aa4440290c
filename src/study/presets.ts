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
  /** Points of an axis of the loss landscape, on a line or on a plane (for the first seed). */
  readonly landscape: { readonly points: number; readonly dimensions: 1 | 2 };
}

export const presetNames = ["quick", "standard"] as const;
export type PresetName = (typeof presetNames)[number];

const adamw = { optimizer: "adamw", lr: 1e-3, weightDecay: 0.1, warmup: 1 } as const;
const sgd = { optimizer: "sgd", lr: 0.1, weightDecay: 5e-4, warmup: 1 } as const;

const short = { epochs: 14, batch: 50 } as const;

export const presets: Readonly<Record<PresetName, Preset>> = {
  // 1,000 images: few enough for the time, and without crops learnt well enough to be sharp. An image costs a ResNet-20 twelve times what it costs the
  // two others, so it sees them less often, in smaller batches.
  quick: {
    settings: { data: "cifar10", limit: 1000, testLimit: 500, augment: false },
    models: [
      { id: "vit", label: "ViT d64 L4 /8", settings: { ...adamw, ...short, model: "vit-ti/8", sizes: { hidden: 64, layers: 4, heads: 4 } } },
      {
        id: "mixer",
        label: "Mixer d64 L4 /8",
        settings: { ...adamw, ...short, model: "mixer-s/8", sizes: { hidden: 64, layers: 4, tokensMlp: 32, channelsMlp: 256 } },
      },
      { id: "resnet", label: "ResNet-20", settings: { ...sgd, model: "resnet-20", epochs: 3, batch: 20 } },
    ],
    rho: 0.1,
    seeds: [0, 1],
    sharpness: { images: 96, maxIterations: 20, tol: 0.02 },
    landscape: { points: 17, dimensions: 1 },
  },
  standard: {
    settings: { data: "cifar10", epochs: 10, batch: 128 },
    models: [
      { id: "vit", label: "ViT d128 L6 /4", settings: { ...adamw, model: "vit-ti/4", sizes: { hidden: 128, layers: 6, heads: 4 } } },
      {
        id: "mixer",
        label: "Mixer d128 L8 /4",
        settings: { ...adamw, model: "mixer-s/4", sizes: { hidden: 128, layers: 8, tokensMlp: 64, channelsMlp: 512 } },
      },
      { id: "resnet", label: "ResNet-20", settings: { ...sgd, model: "resnet-20" } },
    ],
    rho: 0.1,
    seeds: [0, 1],
    sharpness: { images: 1024, maxIterations: 60, tol: 1e-3 },
    landscape: { points: 15, dimensions: 2 },
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

/** What the slides show for the large models of the same families after whole trainings on ImageNet: lambda_max and top-1 accuracy in percent
 *  (Chen, Hsieh, Gong, ICLR 2022, table 1). */
export const slides = [
  { id: "vit", label: "ViT-B/16", plain: { lambdaMax: 738.8, accuracy: 74.6 }, sam: { lambdaMax: 20.9, accuracy: 79.9 } },
  { id: "mixer", label: "Mixer-B/16", plain: { lambdaMax: 1644.4, accuracy: 66.4 }, sam: { lambdaMax: 22.5, accuracy: 77.4 } },
  { id: "resnet", label: "ResNet-152", plain: { lambdaMax: 179.8, accuracy: 78.5 }, sam: { lambdaMax: 42.0, accuracy: 79.3 } },
] as const;
