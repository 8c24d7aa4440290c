import { fail } from "../core/errors.ts";
import { isTensor, type Tensor, tensor } from "../index.ts";
import { type Augment, preparePass, type Rows } from "./prepare.ts";
import { hostCopyOf } from "./sets.ts";

export interface BatchOptions {
  size: number;
  /** Chooses the order and the augmentation of a pass: st.random.foldIn(key, epoch). Without a key the order is kept. */
  key?: Tensor;
  /** Random crops after 4 pixels of padding, and mirroring; or how much of each. */
  augment?: boolean | Partial<Augment>;
  /** Leave out the last batch when it is smaller. */
  dropLast?: boolean;
}

export interface Batch {
  readonly images: Tensor;
  readonly labels: Tensor;
}

/** The batches of one pass, in an order and with crops that depend on the key alone. */
export interface Batches extends AsyncIterable<Batch> {
  /** Batches in a pass. */
  readonly length: number;
  /** Milliseconds that consumers have waited for a batch so far. */
  readonly waitedMs: number;
}

/** Batches of a data set, prepared ahead on a thread of their own. */
export function batches(set: { images: Tensor; labels: Tensor }, options: BatchOptions): Batches {
  const { images, labels } = checkSet(set);
  const { size, key, augment, dropLast } = checkOptions(options, images);
  const count = images.shape[0]!;
  const length = dropLast ? Math.floor(count / size) : Math.ceil(count / size);
  let waitedMs = 0;

  async function* pass(): AsyncGenerator<Batch, void, void> {
    const [imageData, labelData] = [await sharedData(images), await sharedData(labels)];
    const [imageShape, labelShape] = [images.shape.slice(1), labels.shape.slice(1)];
    const [height, width] = imageShape;
    const imageRows = rowsOf(imageData, count);
    const prepared = preparePass({
      images: imageRows,
      labels: rowsOf(labelData, count),
      count,
      size,
      batches: length,
      seed: key ? await seedOf(key) : null,
      augment: augment && { ...augment, height: height!, width: width!, pixelBytes: imageRows.stride / (height! * width!) },
    });
    try {
      for (;;) {
        const began = performance.now();
        const { done, value } = await prepared.next();
        waitedMs += performance.now() - began;
        if (done) return;
        const filled = value.images.length / imageRows.stride;
        yield {
          images: tensor(likeData(imageData, value.images), { shape: [filled, ...imageShape] }),
          labels: tensor(likeData(labelData, value.labels), { shape: [filled, ...labelShape] }),
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

const sharedCopies = new WeakMap<Tensor, HostData>();

/** A tensor's numbers in memory that the worker shares. */
async function sharedData(x: Tensor): Promise<HostData> {
  const known = hostCopyOf(x) ?? sharedCopies.get(x);
  if (known) return known;
  const data: HostData = await x.data();
  const shared = likeData(data, new Uint8Array(new SharedArrayBuffer(data.byteLength)));
  shared.set(data);
  sharedCopies.set(x, shared);
  return shared;
}

/** Bytes as an array of the same kind as `data`. */
function likeData(data: HostData, bytes: Uint8Array): HostData {
  const Kind = data.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => HostData;
  return new Kind(bytes.buffer, bytes.byteOffset, bytes.byteLength / data.BYTES_PER_ELEMENT);
}

function rowsOf(data: HostData, count: number): Rows {
  return { bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength), stride: data.byteLength / count };
}

async function seedOf(key: Tensor): Promise<readonly [number, number]> {
  const [low, high] = await key.data();
  return [low!, high!];
}

function checkSet(set: { images: Tensor; labels: Tensor }): { images: Tensor; labels: Tensor } {
  const { images, labels } = set ?? {};
  if (!isTensor(images) || !isTensor(labels))
    return fail("ERR_ARGUMENT", "batches", "expected a set { images, labels } of tensors, as data.cifar10() gives");
  if (images.ndim < 1 || labels.ndim < 1 || images.shape[0] !== labels.shape[0] || images.shape[0] === 0) {
    fail(
      "ERR_SHAPE",
      "batches",
      `images and labels must have the same first axis, of at least 1, got [${images.shape.join(", ")}] and [${labels.shape.join(", ")}]`,
    );
  }
  return { images, labels };
}

function checkOptions(options: BatchOptions, images: Tensor): { size: number; key: Tensor | undefined; augment: Augment | null; dropLast: boolean } {
  const { size, key, augment = false, dropLast = false } = options ?? {};
  if (!Number.isInteger(size) || size < 1) fail("ERR_ARGUMENT", "batches", `size must be a positive integer, got ${size}`);
  if (dropLast && size > images.shape[0]!) fail("ERR_ARGUMENT", "batches", `size ${size} with dropLast leaves no batch of ${images.shape[0]} images`);
  if (key !== undefined && (!isTensor(key) || key.dtype !== "u32" || key.shape.join() !== "2")) {
    fail("ERR_ARGUMENT", "batches", "key must be a key of st.random.key(seed)");
  }
  if (!augment) return { size, key, augment: null, dropLast };
  const { pad = 4, flip = true } = augment === true ? {} : augment;
  if (!key) fail("ERR_ARGUMENT", "batches", "augment needs a key to draw crops from (pass { key: st.random.key(seed) })");
  if (!Number.isInteger(pad) || pad < 0) fail("ERR_ARGUMENT", "batches", `augment.pad must be a whole number of pixels, got ${pad}`);
  if (images.ndim !== 4) fail("ERR_SHAPE", "batches", `augment needs images [N, height, width, channels], got [${images.shape.join(", ")}]`);
  return { size, key, augment: { pad, flip }, dropLast };
}
