import { fail } from "../core/errors.ts";
import { cifar10, type DataSet, fashionMnist, fraction, images, mnist } from "../data/index.ts";
import { create, type Model } from "../models/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";

/** Size and classes of what a data set holds; null: the folder says. */
const sources = {
  cifar10: { load: cifar10, image: 32, channels: 3, classes: 10 },
  mnist: { load: mnist, image: 28, channels: 1, classes: 10 },
  "fashion-mnist": { load: fashionMnist, image: 28, channels: 1, classes: 10 },
  images: { load: null, image: null, channels: 3, classes: null },
} as const;

/** What loadData calls on its way. */
export interface LoadHooks {
  /** Images decoded so far, of all, where they lie in a folder. */
  readonly onLoad?: (done: number, images: number) => void;
  /** An image that cannot be decoded was left out. */
  readonly onSkip?: (path: string, reason: string) => void;
}

/** The images of a split, as a run with this configuration sees them; `limit` replaces the run's own. */
export async function loadData(
  config: TrainConfig,
  split: "train" | "test",
  limit = (split === "test" ? config.testLimit : null) ?? config.limit,
  { onLoad, onSkip }: LoadHooks = {},
): Promise<DataSet> {
  const { data, dataDir, imageSize: size, broken } = config,
    common = { split, limit: limit ?? undefined },
    { load } = sources[data];
  const set = load
    ? await load({ ...common, dir: dataDir ?? undefined })
    : await images({ ...common, dir: dataDir!, size, broken, onImage: onLoad, onSkip });
  if (split === "test" || config.fraction === 1) return set;
  const part = fraction(set, config.fraction);
  for (const x of [set.images, set.labels]) x.dispose();
  return part;
}

/** The network of a configuration, for the classes of its data. */
export function networkOf(config: TrainConfig, classes?: number): Model {
  const { model, sizes, norm, dropout, dropPath, checkpoint, data, imageSize } = config,
    { image, channels, classes: known } = sources[data];
  const forData = { image: image ?? imageSize, channels, classes: known ?? classes ?? fail("ERR_ARGUMENT", "fit", "the classes are not known") };
  return create(model, { ...forData, dropout, dropPath, checkpoint, ...(norm !== null && { norm }), ...sizes });
}

/** Pixels 0 ... 255 to -1 ... 1. */
export const normalize = (pixels: Tensor): Tensor => pixels.cast("f32").div(127.5).sub(1);
