// The operations of RandAugment and AutoAugment on one image of bytes, [height, width, channels] with 1 or 3 channels.
// Colours are computed as Pillow does. big_vision's TensorFlow versions are the same rules; single units differ where these round otherwise.
// Rotate, Shear and Translate take the nearest pixel, coordinates being those of pixel centres, and fill with 128.

import { autoContrast, blend, contrast, equalize, invert, posterize, solarize, solarizeAdd } from "./pointOps.js";

/** @typedef {{ readonly height: number, readonly width: number, readonly channels: number }} Frame */

/**
 * @typedef {object} Choice an operation with what was drawn for it
 * @property {OpName} op
 * @property {number} amount degrees (Rotate), pixels (Translate, Cutout: half a side), bits (Posterize), a threshold (Solarize), a factor; 0 where there is none
 * @property {number} [grey] the level that Contrast moves away from; without it the mean level of the image
 * @property {readonly [row: number, column: number]} [centre] of Cutout
 * @property {number} [halfWidth] of Cutout, when it is not the amount
 *
 * @typedef {keyof typeof operations} OpName
 */

const fill = 128;

/** Luma of ITU-R 601 in 16-bit fixed point, as Pillow's mode L. @param {Uint8Array} image @param {number} at @param {number} channels */
function luma(image, at, channels) {
  if (channels === 1) return image[at];
  return (image[at] * 19595 + image[at + 1] * 38470 + image[at + 2] * 7471 + 0x8000) >> 16;
}

/** The mean luma, rounded. @param {Uint8Array} image @param {Frame} frame */
function meanLuma(image, { channels }) {
  let sum = 0;
  for (let at = 0; at < image.length; at += channels) sum += luma(image, at, channels);
  return Math.floor((sum * channels) / image.length + 0.5);
}

/** Away from the grey of each pixel. @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame @param {number} factor */
function color(source, target, { channels }, factor) {
  const rounded = Math.fround(factor);
  for (let at = 0; at < source.length; at += channels) {
    const grey = luma(source, at, channels);
    for (let channel = 0; channel < channels; channel++) target[at + channel] = blend(grey, source[at + channel], rounded);
  }
}

/**
 * Away from the image smoothed by [[1, 1, 1], [1, 5, 1], [1, 1, 1]] / 13; the outermost pixels stay.
 * @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame @param {number} factor
 */
function sharpness(source, target, { height, width, channels }, factor) {
  const rounded = Math.fround(factor);
  const row = width * channels;
  target.set(source);
  for (let y = 1; y < height - 1; y++) {
    for (let at = y * row + channels; at < (y + 1) * row - channels; at++) {
      let sum = 4 * source[at];
      for (let above = at - row - channels, i = 0; i < 3; i++, above += channels)
        sum += source[above] + source[above + row] + source[above + 2 * row];
      target[at] = blend(Math.floor((2 * sum + 13) / 26), source[at], rounded);
    }
  }
}

/**
 * target(x, y) = source(a x + b y + c, d x + e y + f), the nearest pixel.
 * @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame
 * @param {number} a @param {number} b @param {number} c @param {number} d @param {number} e @param {number} f
 */
function warp(source, target, { height, width, channels }, a, b, c, d, e, f) {
  for (let y = 0, out = 0; y < height; y++) {
    for (let x = 0; x < width; x++, out += channels) {
      const fromX = Math.floor(a * x + b * y + c + 0.5);
      const fromY = Math.floor(d * x + e * y + f + 0.5);
      const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
      const from = (fromY * width + fromX) * channels;
      for (let channel = 0; channel < channels; channel++) target[out + channel] = inside ? source[from + channel] : fill;
    }
  }
}

/** About the middle, against the clock. @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame @param {number} degrees */
function rotate(source, target, frame, degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [middleX, middleY] = [(frame.width - 1) / 2, (frame.height - 1) / 2];
  const [c, f] = [middleX - cos * middleX + sin * middleY, middleY - sin * middleX - cos * middleY];
  warp(source, target, frame, cos, -sin, c, sin, cos, f);
}

/**
 * A grey rectangle about a centre, clipped to the frame (DeVries and Taylor 2017).
 * @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame @param {Choice} choice
 */
function cutout(source, target, { height, width, channels }, { amount, halfWidth = amount, centre: [row, column] = [0, 0] }) {
  target.set(source);
  const [left, right] = [Math.max(0, column - halfWidth), Math.min(width, column + halfWidth)];
  for (let y = Math.max(0, row - amount); y < Math.min(height, row + amount); y++) {
    if (left < right) target.fill(fill, (y * width + left) * channels, (y * width + right) * channels);
  }
}

/** @type {(run: (source: Uint8Array, target: Uint8Array, frame: Frame, choice: Choice) => void) => typeof run} */
const operation = (run) => run;

const operations = {
  AutoContrast: operation(autoContrast),
  Equalize: operation(equalize),
  Invert: operation(invert),
  Rotate: operation((source, target, frame, { amount }) => rotate(source, target, frame, amount)),
  Posterize: operation((source, target, _, { amount }) => posterize(source, target, amount)),
  Solarize: operation((source, target, _, { amount }) => solarize(source, target, amount)),
  SolarizeAdd: operation((source, target, _, { amount }) => solarizeAdd(source, target, amount)),
  Color: operation((source, target, frame, { amount }) => color(source, target, frame, amount)),
  Contrast: operation((source, target, frame, { amount, grey }) => contrast(source, target, amount, grey ?? meanLuma(source, frame))),
  Brightness: operation((source, target, _, { amount }) => contrast(source, target, amount, 0)),
  Sharpness: operation((source, target, frame, { amount }) => sharpness(source, target, frame, amount)),
  ShearX: operation((source, target, frame, { amount }) => warp(source, target, frame, 1, amount, 0, 0, 1, 0)),
  ShearY: operation((source, target, frame, { amount }) => warp(source, target, frame, 1, 0, 0, amount, 1, 0)),
  TranslateX: operation((source, target, frame, { amount }) => warp(source, target, frame, 1, 0, -amount, 0, 1, 0)),
  TranslateY: operation((source, target, frame, { amount }) => warp(source, target, frame, 1, 0, 0, 0, 1, -amount)),
  Cutout: operation(cutout),
};

/** Writes the image that an operation makes of `source` to all of `target`. @param {Choice} choice @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame */
export const applyOp = (choice, source, target, frame) => operations[choice.op](source, target, frame, choice);

/**
 * One operation after the other.
 * @param {readonly Choice[]} choices @param {Uint8Array} source @param {readonly [Uint8Array, Uint8Array]} scratch each as large as the image
 * @param {Frame} frame @returns {Uint8Array} the last image: one of scratch, or source where nothing was chosen
 */
export function applyAll(choices, source, [first, second], frame) {
  let image = source;
  for (const choice of choices) {
    const target = image === first ? second : first;
    applyOp(choice, image, target, frame);
    image = target;
  }
  return image;
}
