import { fail } from "../core/errors.ts";

/** What a model is trained on, or tested on. */
export type Split = "train" | "test";

/** What loaders of data sets take. */
export interface DataOptions {
  /** Which part of the set. */
  split: Split;
  /** Only the first so many images. */
  limit?: number;
  /** A folder with the files; without it the npm package is looked for. */
  dir?: string;
}

/** Images in the memory of the process, NHWC. The bytes are shared, so that the worker which makes batches reads them in place. */
export interface ImageSet {
  readonly shape: readonly [count: number, height: number, width: number, channels: number];
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

export function emptyImageSet(shape: ImageSet["shape"], classes: readonly string[]): ImageSet {
  const [count, height, width, channels] = shape;
  return {
    shape,
    images: new Uint8Array(new SharedArrayBuffer(count * height * width * channels)),
    labels: new Int32Array(new SharedArrayBuffer(4 * count)),
    classes,
  };
}

/** The number of images to take of `available`. */
export function countWithin(op: string, available: number, limit: number | undefined): number {
  if (limit === undefined) return available;
  if (!Number.isInteger(limit) || limit < 1) fail("ERR_ARGUMENT", op, `limit must be a positive integer, got ${limit}`);
  return Math.min(limit, available);
}

/** A file that is not what it should be: names it, and the place in it. */
export function badFile(op: string, path: string, problem: string, cause?: unknown): never {
  return fail("ERR_FORMAT", op, `${path}: ${problem}`, { cause });
}
