import { below, uniform } from "./randomWords.js";

/**
 * @typedef {import("./imageOps.js").Choice} Choice
 * @typedef {import("./imageOps.js").Frame} Frame
 * @typedef {import("./randomWords.js").Words} Words
 * @typedef {Choice["op"]} OpName
 * @typedef {readonly [OpName, probability: number, bin: number, OpName, probability: number, bin: number]} Pair
 */

/** The policy found on CIFAR-10, 25 pairs of operations (Cubuk et al. 2019). Bins are 0 to 9; an operation without a magnitude has 0. @type {readonly Pair[]} */
export const cifarPolicy = [
  ["Invert", 0.1, 0, "Contrast", 0.2, 6],
  ["Rotate", 0.7, 2, "TranslateX", 0.3, 9],
  ["Sharpness", 0.8, 1, "Sharpness", 0.9, 3],
  ["ShearY", 0.5, 8, "TranslateY", 0.7, 9],
  ["AutoContrast", 0.5, 0, "Equalize", 0.9, 0],
  ["ShearY", 0.2, 7, "Posterize", 0.3, 7],
  ["Color", 0.4, 3, "Brightness", 0.6, 7],
  ["Sharpness", 0.3, 9, "Brightness", 0.7, 9],
  ["Equalize", 0.6, 0, "Equalize", 0.5, 0],
  ["Contrast", 0.6, 7, "Sharpness", 0.6, 5],
  ["Color", 0.7, 7, "TranslateX", 0.5, 8],
  ["Equalize", 0.3, 0, "AutoContrast", 0.4, 0],
  ["TranslateY", 0.4, 3, "Sharpness", 0.2, 6],
  ["Brightness", 0.9, 6, "Color", 0.2, 8],
  ["Solarize", 0.5, 2, "Invert", 0.0, 0],
  ["Equalize", 0.2, 0, "AutoContrast", 0.6, 0],
  ["Equalize", 0.2, 0, "Equalize", 0.6, 0],
  ["Color", 0.9, 9, "Equalize", 0.6, 0],
  ["AutoContrast", 0.8, 0, "Solarize", 0.2, 8],
  ["Brightness", 0.1, 3, "Color", 0.7, 0],
  ["Solarize", 0.4, 5, "AutoContrast", 0.9, 0],
  ["TranslateY", 0.9, 9, "TranslateY", 0.7, 9],
  ["AutoContrast", 0.9, 0, "Solarize", 0.8, 3],
  ["Equalize", 0.8, 0, "Invert", 0.1, 0],
  ["TranslateY", 0.7, 9, "AutoContrast", 0.9, 0],
];

/** @param {OpName} op @param {number} bin @param {number} sign @param {Frame} frame @returns {Choice} */
function choiceOf(op, bin, sign, { height, width }) {
  const share = bin / 9;
  switch (op) {
    case "ShearX":
    case "ShearY":
      return { op, amount: sign * 0.3 * share };
    case "TranslateX":
      return { op, amount: sign * Math.trunc((150 / 331) * width * share) };
    case "TranslateY":
      return { op, amount: sign * Math.trunc((150 / 331) * height * share) };
    case "Rotate":
      return { op, amount: sign * 30 * share };
    case "Brightness":
    case "Color":
    case "Contrast":
    case "Sharpness":
      return { op, amount: 1 + sign * 0.9 * share };
    case "Posterize":
      return { op, amount: 8 - Math.round(4 * share) };
    case "Solarize":
      return { op, amount: 255 - 255 * share };
    default:
      return { op, amount: 0 };
  }
}

/**
 * AutoAugment's policy for CIFAR-10 with the magnitudes of torchvision (transforms/autoaugment.py): one of 25 pairs, each of its operations
 * applied with its probability, the sign at random.
 * @param {Words} next @param {Frame} frame @returns {Choice[]}
 */
export function drawAutoAugment(next, frame) {
  const [op1, probability1, bin1, op2, probability2, bin2] = cifarPolicy[below(next, cifarPolicy.length)];
  const [draw1, draw2] = [uniform(next), uniform(next)];
  const [sign1, sign2] = [below(next, 2) ? 1 : -1, below(next, 2) ? 1 : -1];
  const choices = [];
  if (draw1 < probability1) choices.push(choiceOf(op1, bin1, sign1, frame));
  if (draw2 < probability2) choices.push(choiceOf(op2, bin2, sign2, frame));
  return choices;
}
