import { below, uniform } from "./randomWords.js";

/** @typedef {import("./mixing.js").Box} Box */

/** The middle of 0 ... 255, which is 0 once pixels are normalised to -1 ... 1. */
const erased = 127.5;
const [leastArea, mostArea] = [0.02, 1 / 3];
const logAspect = Math.log(1 / 0.3);

/**
 * What is erased of an image, by the rule of timm (data/random_erasing.py; Zhong et al. 2020): with some probability a box of U(0.02, 1/3) of
 * the area and an aspect (height / width) log-uniform in 0.3 ... 1 / 0.3; up to 10 attempts until it fits.
 * @param {import("./randomWords.js").Words} next @param {number} probability @param {{ readonly height: number, readonly width: number }} frame
 * @returns {Box | null}
 */
export function drawErasing(next, probability, { height, width }) {
  if (uniform(next) >= probability) return null;
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = (leastArea + (mostArea - leastArea) * uniform(next)) * height * width;
    const aspect = Math.exp((2 * uniform(next) - 1) * logAspect);
    const [rows, columns] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (rows >= height || columns >= width) continue;
    const [top, left] = [below(next, height - rows + 1), below(next, width - columns + 1)];
    return { top, bottom: top + rows, left, right: left + columns };
  }
  return null;
}

/** Erases a box of one image in place. @param {Float32Array} image @param {{ readonly width: number, readonly channels: number }} frame @param {Box} box */
export function erase(image, { width, channels }, { top, bottom, left, right }) {
  for (let y = top; y < bottom; y++) image.fill(erased, (y * width + left) * channels, (y * width + right) * channels);
}
