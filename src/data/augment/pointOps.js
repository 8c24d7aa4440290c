// Operations that map each byte by a table. Their integers are Pillow's (ImageOps, ImageEnhance).

/** @typedef {import("./imageOps.js").Frame} Frame */

const table = new Uint8ClampedArray(256);
const histogram = new Uint32Array(256);

/** Bytes first, first + step, ... through the table. @param {Uint8Array} source @param {Uint8Array} target @param {number} first @param {number} step */
function lookUp(source, target, first, step) {
  for (let i = first; i < source.length; i += step) target[i] = table[source[i]];
}

/**
 * Every byte by a rule. The table clamps to 0 ... 255 and would round, so the rule cuts off fractions itself.
 * @param {Uint8Array} source @param {Uint8Array} target @param {(value: number) => number} rule
 */
function mapAll(source, target, rule) {
  for (let value = 0; value < 256; value++) table[value] = rule(value);
  lookUp(source, target, 0, 1);
}

/** 255 - x. @param {Uint8Array} source @param {Uint8Array} target */
export const invert = (source, target) => mapAll(source, target, (value) => 255 - value);

/** The `bits` highest bits of 8. @param {Uint8Array} source @param {Uint8Array} target @param {number} bits */
export function posterize(source, target, bits) {
  const shift = 8 - Math.min(8, bits);
  mapAll(source, target, (value) => (value >> shift) << shift);
}

/** 255 - x from a threshold on. @param {Uint8Array} source @param {Uint8Array} target @param {number} threshold */
export const solarize = (source, target, threshold) => mapAll(source, target, (value) => (value < threshold ? value : 255 - value));

/** Adds to what is below 128. @param {Uint8Array} source @param {Uint8Array} target @param {number} addition */
export const solarizeAdd = (source, target, addition) => mapAll(source, target, (value) => (value < 128 ? value + addition : value));

/**
 * grey + factor (x - grey), in f32 as Pillow's blend, clipped to 0 ... 255, the fraction cut off.
 * @param {number} grey @param {number} value @param {number} factor rounded to f32
 */
export const blend = (grey, value, factor) => Math.trunc(Math.min(255, Math.max(0, Math.fround(grey + Math.fround(factor * (value - grey))))));

/** Away from one grey level. @param {Uint8Array} source @param {Uint8Array} target @param {number} factor @param {number} grey */
export function contrast(source, target, factor, grey) {
  const rounded = Math.fround(factor);
  mapAll(source, target, (value) => blend(grey, value, rounded));
}

/** Each channel stretched to 0 ... 255. @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame */
export function autoContrast(source, target, { channels }) {
  for (let channel = 0; channel < channels; channel++) {
    let [low, high] = [255, 0];
    for (let i = channel; i < source.length; i += channels) {
      if (source[i] < low) low = source[i];
      if (source[i] > high) high = source[i];
    }
    const scale = high > low ? 255 / (high - low) : 1;
    const offset = high > low ? -low * scale : 0;
    for (let value = 0; value < 256; value++) table[value] = Math.trunc(value * scale + offset);
    lookUp(source, target, channel, channels);
  }
}

/** Each channel with its levels spread so that they are equally frequent. @param {Uint8Array} source @param {Uint8Array} target @param {Frame} frame */
export function equalize(source, target, { channels }) {
  for (let channel = 0; channel < channels; channel++) {
    histogram.fill(0);
    let last = 0;
    for (let i = channel; i < source.length; i += channels) {
      histogram[source[i]]++;
      if (source[i] > last) last = source[i];
    }
    const step = Math.floor((source.length / channels - histogram[last]) / 255);
    for (let value = 0, below = Math.floor(step / 2); value < 256; below += histogram[value++]) {
      table[value] = step === 0 ? value : Math.floor(below / step);
    }
    lookUp(source, target, channel, channels);
  }
}
