import { fail } from "../core/errors.ts";
import { type Tensor, tensor } from "../index.ts";
import { type BatchOptions, checkOptions, checkSet } from "./batchOptions.ts";
import { preparePass, type Rows } from "./prepare.ts";
import { hostCopyOf } from "./sets.ts";

/** Some images of a set. */
export interface Batch {
  /** [size, height, width, channels]. */
  readonly images: Tensor;
  /** [size], or [size, classes] with mixup or CutMix. */
  readonly labels: Tensor;
}

/** The batches of one pass, in an order and with an augmentation that depend on the key alone. */
export interface Batches extends AsyncIterable<Batch> {
  /** Batches in a pass. */
  readonly length: number;
  /** Milliseconds that consumers have waited for a batch so far. */
  readonly waitedMs: number;
}

/**
 * Batches of a data set, prepared ahead on threads of their own.
 *
 * Images [N, ...] and labels [N, ...] keep their dtypes, but: with mixup, CutMix or erasing images are f32 pixels of 0 to 255 (what is erased
 * is 127.5, the 0 of pixels normalised to -1 ... 1), and with mixup or CutMix labels are f32 targets [N, classes], each row summing to 1.
 * The order of the work: RandAugment or AutoAugment on bytes; crop and mirror; mixup or CutMix; erasing.
 *
 * Throws ERR_ARGUMENT and ERR_SHAPE for options and sets that do not fit, ERR_DTYPE where bytes or i32 classes are needed. A pass rejects with
 * ERR_ARGUMENT for a label that is no class, and with ERR_STATE when a thread stops.
 */
export function batches(set: { images: Tensor; labels: Tensor }, options: BatchOptions): Batches {
  const { images, labels } = checkSet(set);
  const { size, key, augment, dropLast, workers, classes } = checkOptions(options, images, labels);
  const count = images.shape[0]!;
  const length = dropLast ? Math.floor(count / size) : Math.ceil(count / size);
  const mixed = augment !== null && (augment.mixup > 0 || augment.cutmix > 0);
  const real = augment !== null && (mixed || augment.erasing > 0);
  let waitedMs = 0;

  async function* pass(): AsyncGenerator<Batch, void, void> {
    const [imageData, labelData] = [await sharedData(images), await sharedData(labels)];
    if (classes !== undefined) checkLabels(labelData, classes);
    const [imageShape, labelShape] = [images.shape.slice(1), mixed ? [classes!] : labels.shape.slice(1)];
    const [height, width] = imageShape;
    const imageRows = rowsOf(imageData, count);
    const prepared = preparePass(
      {
        images: imageRows,
        labels: rowsOf(labelData, count),
        count,
        size,
        batches: length,
        seed: key ? await seedOf(key) : null,
        augment: augment && { ...augment, height: height!, width: width!, pixelBytes: imageRows.stride / (height! * width!) },
        classes: classes ?? 0,
      },
      workers,
    );
    const [imageKind, labelKind] = [real ? Float32Array : kindOf(imageData), mixed ? Float32Array : kindOf(labelData)];
    try {
      for (let batch = 0; ; batch++) {
        const began = performance.now();
        const { done, value } = await prepared.next();
        waitedMs += performance.now() - began;
        if (done) return;
        const filled = Math.min(size, count - batch * size);
        yield {
          images: tensor(viewOf(value.images, imageKind), { shape: [filled, ...imageShape] }),
          labels: tensor(viewOf(value.labels, labelKind), { shape: [filled, ...labelShape] }),
        };
      }
    } finally {
      await prepared.return();
    }
  }

  return {
    length,
    get waitedMs() {
      return waitedMs;
    },
    [Symbol.asyncIterator]: pass,
  };
}

type HostData = Uint8Array | Int32Array | Uint32Array | Float32Array | Float64Array;
type Kind = new (buffer: ArrayBufferLike, offset: number, length: number) => HostData;

const sharedCopies = new WeakMap<Tensor, HostData>();

/** A tensor's numbers in memory that the threads share. */
async function sharedData(x: Tensor): Promise<HostData> {
  const known = hostCopyOf(x) ?? sharedCopies.get(x);
  if (known) return known;
  const data: HostData = await x.data();
  const shared = viewOf(new Uint8Array(new SharedArrayBuffer(data.byteLength)), kindOf(data));
  shared.set(data);
  sharedCopies.set(x, shared);
  return shared;
}

const kindOf = (data: HostData): Kind => data.constructor as Kind;

function viewOf(bytes: Uint8Array, Kind: Kind): HostData {
  const width = (Kind as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
  return new Kind(bytes.buffer, bytes.byteOffset, bytes.byteLength / width);
}

function rowsOf(data: HostData, count: number): Rows {
  return { bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), stride: data.byteLength / count };
}

async function seedOf(key: Tensor): Promise<readonly [number, number]> {
  const [low, high] = await key.data();
  return [low!, high!];
}

function checkLabels(labels: HostData, classes: number): void {
  const wrong = labels.findIndex((label: number) => label < 0 || label >= classes);
  if (wrong >= 0) fail("ERR_ARGUMENT", "batches", `expected labels from 0 to ${classes - 1}, got ${labels[wrong]} at index ${wrong}`);
}
