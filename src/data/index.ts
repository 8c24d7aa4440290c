export { type Batch, type Batches, type BatchOptions, batches } from "./batches.ts";
export type { DataOptions, Split } from "./imageSet.ts";
export { cacheFolder } from "./locate.ts";
export { cifar10, type DataSet, fashionMnist, mnist } from "./sets.ts";
