import { constants } from "node:buffer";
import { readFile } from "node:fs/promises";
import { totalmem } from "node:os";
import { checkOneOf, fail } from "../core/errors.ts";
import { listImages } from "./imageFolder.ts";
import { badFile, type DataOptions, emptyImageSet, type ImageSet } from "./imageSet.ts";
import { loadSharp } from "./png.ts";

const op = "images";
/** Files read and decoded at a time. */
const inFlight = 8;

/** What images takes. */
export interface ImagesOptions extends DataOptions {
  /** The folder with the images: <dir>/<split>/<class>/<image> or <dir>/<class>/<image>. */
  dir: string;
  /** The side that images get, in pixels. */
  size: number;
  /** What an image does that cannot be decoded: it ends the loading, or it is left out (default "fail"). */
  broken?: "fail" | "skip";
  /** An image was left out, and why. */
  onSkip?: (path: string, reason: string) => void;
  /** Images decoded or left out so far, of all. */
  onImage?: (done: number, all: number) => void;
}

/** Decodes the images of a folder to memory that batches share. */
export async function readImages(options: ImagesOptions): Promise<ImageSet & { readonly skipped: number }> {
  const { dir, split, size, limit, broken = "fail", onSkip, onImage } = options;
  if (!Number.isInteger(size) || size < 1) fail("ERR_ARGUMENT", op, `size must be a positive whole number of pixels, got ${size}`);
  checkOneOf(op, "broken", broken, ["fail", "skip"]);
  const { classes, files } = listImages(dir, split, limit);
  const decode = await decoder(files[0]!.path, size);
  const stride = size * size * 3;
  const set = roomFor(files.length, size, classes);
  const isBroken = new Uint8Array(files.length);
  let [next, done] = [0, 0];

  async function takeTurns(): Promise<void> {
    while (next < files.length) {
      const index = next++;
      const { path, label } = files[index]!;
      try {
        set.images.set(await decode(path), index * stride);
      } catch (cause) {
        const reason = (cause as Error).message;
        if (broken === "fail") {
          next = files.length;
          badFile(op, path, `expected a whole image: ${reason} (or pass { broken: "skip" })`, cause);
        }
        isBroken[index] = 1;
        onSkip?.(path, reason);
      }
      set.labels[index] = label;
      onImage?.(++done, files.length);
    }
  }
  await Promise.all(Array.from({ length: Math.min(inFlight, files.length) }, takeTurns));
  return without(set, isBroken, dir);
}

/** Reads a file and gives size x size RGB bytes. */
async function decoder(first: string, size: number): Promise<(path: string) => Promise<Uint8Array>> {
  const sharp = await loadSharp(op, first);
  return async (path) => {
    const { data, info } = await sharp(await readFile(path))
      .resize(size, size, { fit: "cover", position: "centre" })
      .removeAlpha()
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`it has ${info.channels} channels`);
    return data;
  };
}

function roomFor(count: number, size: number, classes: readonly string[]): ImageSet {
  const bytes = count * size * size * 3;
  const room = Math.min(Math.min(totalmem(), process.constrainedMemory() || Infinity) / 2, constants.MAX_LENGTH);
  if (bytes > room) {
    const [asked, there] = [bytes, room].map((value) => `${(value / 2 ** 30).toFixed(1)} GiB`);
    const limit = Math.floor(room / (size * size * 3));
    const wayOut = limit > 0 ? `{ limit: ${limit} }, or a smaller size` : "a smaller size";
    fail("ERR_OUT_OF_MEMORY", op, `${count} images of ${size} x ${size} pixels take ${asked}, and a set may have ${there} here (pass ${wayOut})`);
  }
  return emptyImageSet([count, size, size, 3], classes);
}

/** The set without its broken images, in the same memory. */
function without(set: ImageSet, isBroken: Uint8Array, dir: string): ImageSet & { readonly skipped: number } {
  const [count, height, width, channels] = set.shape;
  const stride = height * width * channels;
  let kept = 0;
  for (let i = 0; i < count; i++) {
    if (isBroken[i]) continue;
    if (kept < i) {
      set.images.copyWithin(kept * stride, i * stride, (i + 1) * stride);
      set.labels[kept] = set.labels[i]!;
    }
    kept++;
  }
  if (kept === 0) badFile(op, dir, `none of ${count} images can be decoded`);
  return {
    shape: [kept, height, width, channels],
    images: set.images.subarray(0, kept * stride),
    labels: set.labels.subarray(0, kept),
    classes: set.classes,
    skipped: count - kept,
  };
}
