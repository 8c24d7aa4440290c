import { below, beta, uniform } from "./randomWords.js";

/**
 * @typedef {import("./imageOps.js").Frame} Frame
 * @typedef {import("./randomWords.js").Words} Words
 *
 * @typedef {object} Box rows top to bottom and columns left to right, the ends excluded
 * @property {number} top @property {number} bottom @property {number} left @property {number} right
 *
 * @typedef {object} Mix
 * @property {number} share of an image and of its label in the mixture; its partner has the rest
 * @property {Box | null} box where the partner is seen (CutMix); null where both are seen everywhere (mixup)
 */

/**
 * How a batch is mixed, by the rule of timm (data/mixup.py, mode "batch"): mixup (Zhang et al. 2018) with share ~ Beta(mixup, mixup), or
 * CutMix (Yun et al. 2019) with a box of sides sqrt(1 - share), share ~ Beta(cutmix, cutmix), about a uniform centre; where the frame cuts
 * the box, the share is what remains of the image. When both are on, either has probability 1/2.
 * @param {Words} next @param {{ readonly mixup: number, readonly cutmix: number }} alphas 0: not used; one of them is above 0
 * @param {{ readonly height: number, readonly width: number }} frame @returns {Mix}
 */
export function drawMix(next, { mixup, cutmix }, { height, width }) {
  const cut = mixup > 0 && cutmix > 0 ? uniform(next) < 0.5 : cutmix > 0;
  const share = beta(next, cut ? cutmix : mixup);
  if (!cut) return { share, box: null };
  const [halfHeight, halfWidth] = [height, width].map((side) => Math.floor(Math.floor(side * Math.sqrt(1 - share)) / 2));
  const [row, column] = [below(next, height), below(next, width)];
  const box = {
    top: Math.max(0, row - halfHeight),
    bottom: Math.min(height, row + halfHeight),
    left: Math.max(0, column - halfWidth),
    right: Math.min(width, column + halfWidth),
  };
  return { share: 1 - ((box.bottom - box.top) * (box.right - box.left)) / (height * width), box };
}

/**
 * Mixes each image with its partner, the batch reversed, in place.
 * @param {Float32Array} pixels [N, height, width, channels] @param {number} count N @param {Frame} frame @param {Mix} mix
 */
export function mixImages(pixels, count, { height, width, channels }, { share, box }) {
  const size = height * width * channels;
  for (let i = 0, j = count - 1; i < j; i++, j--) {
    const [one, other] = [pixels.subarray(i * size, (i + 1) * size), pixels.subarray(j * size, (j + 1) * size)];
    if (!box) {
      blendPair(one, other, share);
      continue;
    }
    for (let y = box.top; y < box.bottom; y++) {
      swap(one, other, (y * width + box.left) * channels, (y * width + box.right) * channels);
    }
  }
}

/** @param {Float32Array} one @param {Float32Array} other @param {number} share */
function blendPair(one, other, share) {
  for (let at = 0; at < one.length; at++) {
    const [x, y] = [one[at], other[at]];
    one[at] = share * x + (1 - share) * y;
    other[at] = share * y + (1 - share) * x;
  }
}

/** @param {Float32Array} one @param {Float32Array} other @param {number} from @param {number} to */
function swap(one, other, from, to) {
  for (let at = from; at < to; at++) {
    const kept = one[at];
    one[at] = other[at];
    other[at] = kept;
  }
}

/**
 * Soft targets [N, classes]: the share for an image's class, the rest for its partner's.
 * @param {Int32Array} labels [N] @param {number} classes @param {number} share @returns {Float32Array}
 */
export function softLabels(labels, classes, share) {
  const targets = new Float32Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) {
    targets[i * classes + labels[i]] += share;
    targets[i * classes + labels[labels.length - 1 - i]] += 1 - share;
  }
  return targets;
}
