import { below } from "./randomWords.js";

/**
 * @typedef {import("./imageOps.js").Choice} Choice
 * @typedef {import("./imageOps.js").Frame} Frame
 * @typedef {import("./randomWords.js").Words} Words
 */

/** The 16 operations, each as likely. @type {readonly Choice["op"][]} */
export const randAugmentOps = [
  "AutoContrast",
  "Equalize",
  "Invert",
  "Rotate",
  "Posterize",
  "Solarize",
  "Color",
  "Contrast",
  "Brightness",
  "Sharpness",
  "ShearX",
  "ShearY",
  "TranslateX",
  "TranslateY",
  "Cutout",
  "SolarizeAdd",
];

/** The side in pixels that the constants of Translate and Cutout are for. */
const referenceSide = 224;
/** Contrast's grey level: the number of pixels / 256, as the TPU code had it, where the mean was meant; at 224 x 224 pixels. */
const referenceGrey = 196;

/** @param {Words} next */
const sign = (next) => (below(next, 2) ? 1 : -1);

/** @param {Choice["op"]} op @param {number} level magnitude / 10 @param {Frame} frame @param {Words} next @returns {Choice} */
function choiceOf(op, level, { height, width }, next) {
  switch (op) {
    case "Rotate":
      return { op, amount: sign(next) * 30 * level };
    case "Posterize":
      return { op, amount: Math.trunc(4 * level) };
    case "Solarize":
      return { op, amount: Math.trunc(256 * level) };
    case "SolarizeAdd":
      return { op, amount: Math.trunc(110 * level) };
    case "Contrast":
      return { op, amount: 1.8 * level + 0.1, grey: referenceGrey };
    case "Color":
    case "Brightness":
    case "Sharpness":
      return { op, amount: 1.8 * level + 0.1 };
    case "ShearX":
    case "ShearY":
      return { op, amount: sign(next) * 0.3 * level };
    case "TranslateX":
      return { op, amount: (sign(next) * 100 * level * width) / referenceSide };
    case "TranslateY":
      return { op, amount: (sign(next) * 100 * level * height) / referenceSide };
    case "Cutout": {
      const [amount, halfWidth] = [height, width].map((side) => Math.trunc((40 * level * side) / referenceSide));
      return { op, amount, halfWidth, centre: [below(next, height), below(next, width)] };
    }
    default:
      return { op, amount: 0 };
  }
}

/**
 * RandAugment (Cubuk et al. 2020) as big_vision has it (pp/archive/autoaugment.py, from tensorflow/tpu): `layers` operations drawn with
 * replacement, always applied, all at one magnitude. Two things follow what the TPU code did at 224 x 224 pixels: the pixels of Translate and
 * Cutout grow with the side of the image, and Contrast moves away from the level 196, not from the mean (later versions of big_vision do).
 * @param {Words} next @param {{ readonly layers: number, readonly magnitude: number }} options magnitude: 0 to 30, 10 is the unit
 * @param {Frame} frame @returns {Choice[]}
 */
export function drawRandAugment(next, { layers, magnitude }, frame) {
  return Array.from({ length: layers }, () => choiceOf(randAugmentOps[below(next, randAugmentOps.length)], magnitude / 10, frame, next));
}
