// Makes batches off the JS thread: chooses the images of each batch, crops, flips and gathers them. Same seed, same bytes.
import { parentPort } from "node:worker_threads";

/**
 * @typedef {object} Rows bytes of shared memory, `stride` of them an entry
 * @property {Uint8Array} bytes
 * @property {number} stride
 *
 * @typedef {object} Pass
 * @property {Rows} images
 * @property {Rows} labels
 * @property {number} count
 * @property {number} size
 * @property {readonly [number, number] | null} seed null: in order
 * @property {{ pad: number, flip: boolean, height: number, width: number, pixelBytes: number } | null} augment
 *
 * @typedef {{ open: Pass, id: number } | { batch: number, id: number } | { close: true, id: number }} Request
 * @typedef {{ id: number, batch: number, images: Uint8Array, labels: Uint8Array }} Reply
 */

/** @type {Map<number, Pass & { order: Uint32Array | null }>} */
const passes = new Map();

// sfc32 by C. Doty-Humphrey: a stream of 32-bit words for each (seed, stream).
/** @param {readonly [number, number]} seed @param {number} stream */
function randomWords([seedLow, seedHigh], stream) {
  let [a, b, c, counter] = [seedLow | 0, seedHigh | 0, stream | 0, 1];
  const next = () => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A whole number below `bound`. @param {() => number} next @param {number} bound */
const below = (next, bound) => Math.floor((next() / 2 ** 32) * bound);

/** Fisher and Yates. @param {number} count @param {readonly [number, number]} seed */
function permutation(count, seed) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = randomWords(seed, 0);
  for (let i = count - 1; i > 0; i--) {
    const j = below(next, i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}

/**
 * One image moved by (down, right) within its frame, black coming in, and mirrored.
 * @param {Uint8Array} source @param {Uint8Array} target @param {NonNullable<Pass["augment"]>} frame
 * @param {number} down @param {number} right @param {boolean} mirrored
 */
function moved(source, target, { height, width, pixelBytes }, down, right, mirrored) {
  const rowBytes = width * pixelBytes;
  const shown = width - Math.abs(right);
  if (shown <= 0) return;
  const from = Math.max(0, -right);
  const to = mirrored ? width - Math.max(0, right) - shown : Math.max(0, right);
  for (let y = Math.max(0, down); y < Math.min(height, height + down); y++) {
    const row = source.subarray((y - down) * rowBytes, (y - down + 1) * rowBytes);
    const out = target.subarray(y * rowBytes, (y + 1) * rowBytes);
    if (!mirrored) {
      out.set(row.subarray(from * pixelBytes, (from + shown) * pixelBytes), to * pixelBytes);
      continue;
    }
    for (let x = 0; x < shown; x++) {
      const start = (from + shown - 1 - x) * pixelBytes;
      for (let byte = 0; byte < pixelBytes; byte++) out[(to + x) * pixelBytes + byte] = row[start + byte];
    }
  }
}

/** @param {Pass & { order: Uint32Array | null }} pass @param {number} batch */
function gather({ images, labels, count, size, seed, augment, order }, batch) {
  const first = batch * size;
  const filled = Math.min(size, count - first);
  const outImages = new Uint8Array(filled * images.stride);
  const outLabels = new Uint8Array(filled * labels.stride);
  const next = seed && augment ? randomWords(seed, batch + 1) : null;
  for (let i = 0; i < filled; i++) {
    const index = order ? order[first + i] : first + i;
    const source = images.bytes.subarray(index * images.stride, (index + 1) * images.stride);
    if (next && augment) {
      const { pad, flip } = augment;
      const down = below(next, 2 * pad + 1) - pad;
      const right = below(next, 2 * pad + 1) - pad;
      const mirrored = below(next, 2) === 1 && flip;
      moved(source, outImages.subarray(i * images.stride, (i + 1) * images.stride), augment, down, right, mirrored);
    } else {
      outImages.set(source, i * images.stride);
    }
    outLabels.set(labels.bytes.subarray(index * labels.stride, (index + 1) * labels.stride), i * labels.stride);
  }
  return { images: outImages, labels: outLabels };
}

parentPort?.on("message", (/** @type {Request} */ request) => {
  if ("open" in request) {
    const { count, seed } = request.open;
    passes.set(request.id, { ...request.open, order: seed ? permutation(count, seed) : null });
  } else if ("close" in request) {
    passes.delete(request.id);
  } else {
    const pass = passes.get(request.id);
    if (!pass) return;
    const { images, labels } = gather(pass, request.batch);
    parentPort?.postMessage({ id: request.id, batch: request.batch, images, labels }, [images.buffer, labels.buffer]);
  }
});
