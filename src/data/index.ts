export type { BatchOptions } from "./batchOptions.ts";
export { type Batch, type Batches, batches } from "./batches.ts";
export type { DataOptions, Split } from "./imageSet.ts";
export { cacheFolder } from "./locate.ts";
export type { Augment } from "./prepare.ts";
export { cifar10, type DataSet, fashionMnist, mnist } from "./sets.ts";
