export type { BatchOptions } from "./batchOptions.ts";
export { type Batch, type Batches, batches } from "./batches.ts";
export { fraction } from "./fraction.ts";
export type { ImagesOptions } from "./images.ts";
export type { DataOptions, Split } from "./imageSet.ts";
export { cacheFolder } from "./locate.ts";
export type { Augment } from "./prepare.ts";
export { cifar10, type DataSet, fashionMnist, images, mnist } from "./sets.ts";
