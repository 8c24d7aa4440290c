// One batch of a pass. What is drawn depends on (seed, batch, place in the batch) alone, never on pixels or on the thread.

import { drawAutoAugment } from "./autoAugment.js";
import { cropped, drawCrop } from "./cropFlip.js";
import { drawErasing, erase } from "./erasing.js";
import { applyAll } from "./imageOps.js";
import { drawMix, mixImages, softLabels } from "./mixing.js";
import { drawRandAugment } from "./randAugment.js";
import { permutation, randomWords, streamOf } from "./randomWords.js";

/**
 * @typedef {import("../prepare.ts").PassOptions} PassOptions
 * @typedef {import("../prepare.ts").PreparedBatch} PreparedBatch
 * @typedef {NonNullable<PassOptions["augment"]>} Augment
 * @typedef {import("./randomWords.js").Seed} Seed
 *
 * @typedef {PassOptions & { readonly order: Uint32Array | null, readonly scratch: readonly [Uint8Array, Uint8Array] }} Pass
 */

/** @param {PassOptions} options @returns {Pass} */
export function openPass(options) {
  const { count, seed, images } = options;
  return {
    ...options,
    order: seed ? permutation(count, seed) : null,
    scratch: [new Uint8Array(images.stride), new Uint8Array(images.stride)],
  };
}

/**
 * @param {Pass} pass @param {number} batch
 * @returns {PreparedBatch} with mixing or erasing, images are f32; with mixing, labels are f32 targets; else both are as they were
 */
export function makeBatch(pass, batch) {
  const { images, labels, count, size, seed, augment, order } = pass;
  const first = batch * size;
  const filled = Math.min(size, count - first);
  const outImages = new Uint8Array(filled * images.stride);
  const outLabels = new Uint8Array(filled * labels.stride);
  const draws = seed && augment ? drawsOf(seed, batch) : null;
  for (let i = 0; i < filled; i++) {
    const index = order ? order[first + i] : first + i;
    const source = images.bytes.subarray(index * images.stride, (index + 1) * images.stride);
    const target = outImages.subarray(i * images.stride, (i + 1) * images.stride);
    if (draws && augment) cropped(policed(pass, augment, draws.policy, source), target, augment, drawCrop(draws.crop, augment));
    else target.set(source);
    outLabels.set(labels.bytes.subarray(index * labels.stride, (index + 1) * labels.stride), i * labels.stride);
  }
  const made = { images: outImages, labels: outLabels };
  return draws && augment && (augment.mixup || augment.cutmix || augment.erasing) ? softened(pass, augment, draws, made, filled) : made;
}

/** The words of each purpose. @param {Seed} seed @param {number} batch */
const drawsOf = (seed, batch) => ({
  crop: randomWords(seed, streamOf("crop", batch)),
  policy: randomWords(seed, streamOf("policy", batch)),
  mixing: randomWords(seed, streamOf("mixing", batch)),
  erasing: randomWords(seed, streamOf("erasing", batch)),
});

/** @param {Augment} augment */
const frameOf = ({ height, width, pixelBytes }) => ({ height, width, channels: pixelBytes });

/** The image as RandAugment or AutoAugment changes it. @param {Pass} pass @param {Augment} augment @param {() => number} next @param {Uint8Array} source */
function policed({ scratch }, augment, next, source) {
  const frame = frameOf(augment);
  if (augment.randAugment) return applyAll(drawRandAugment(next, augment.randAugment, frame), source, scratch, frame);
  if (augment.autoAugment) return applyAll(drawAutoAugment(next, frame), source, scratch, frame);
  return source;
}

/**
 * mixup or CutMix, then erasing, on f32 pixels of 0 ... 255.
 * @param {Pass} pass @param {Augment} augment @param {ReturnType<typeof drawsOf>} draws @param {PreparedBatch} made @param {number} filled
 * @returns {PreparedBatch}
 */
function softened({ classes }, augment, draws, made, filled) {
  const frame = frameOf(augment);
  const pixels = new Float32Array(made.images);
  let labels = made.labels;
  if (augment.mixup || augment.cutmix) {
    const mix = drawMix(draws.mixing, augment, frame);
    mixImages(pixels, filled, frame, mix);
    labels = bytesOf(softLabels(new Int32Array(labels.buffer), classes, mix.share));
  }
  const stride = pixels.length / filled;
  for (let i = 0; i < filled; i++) {
    const box = augment.erasing ? drawErasing(draws.erasing, augment.erasing, frame) : null;
    if (box) erase(pixels.subarray(i * stride, (i + 1) * stride), frame, box);
  }
  return { images: bytesOf(pixels), labels };
}

/** @param {Float32Array} values freshly allocated */
const bytesOf = (values) => new Uint8Array(/** @type {ArrayBuffer} */ (values.buffer));
