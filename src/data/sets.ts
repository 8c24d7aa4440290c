import { type Tensor, tensor } from "../index.ts";
import { readCifar10 } from "./cifar10.ts";
import type { DataOptions, ImageSet } from "./imageSet.ts";
import { readFashionMnist, readMnist } from "./mnist.ts";

/** Images [N, height, width, channels] u8, labels [N] i32. */
export interface DataSet {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly classes: readonly string[];
}

/** The bytes that a loaded tensor was made from, so that batches need not read them back. */
const hostCopies = new WeakMap<Tensor, Uint8Array | Int32Array>();

export const hostCopyOf = (x: Tensor): Uint8Array | Int32Array | undefined => hostCopies.get(x);

function asTensors({ shape, images, labels, classes }: ImageSet): DataSet {
  const set = { images: tensor(images, { shape: [...shape] }), labels: tensor(labels, { shape: [shape[0]] }), classes };
  hostCopies.set(set.images, images).set(set.labels, labels);
  return set;
}

export const cifar10 = async (options: DataOptions): Promise<DataSet> => asTensors(await readCifar10({ ...options }));
export const mnist = async (options: DataOptions): Promise<DataSet> => asTensors(readMnist({ ...options }));
export const fashionMnist = async (options: DataOptions): Promise<DataSet> => asTensors(readFashionMnist({ ...options }));
