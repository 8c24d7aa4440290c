// Before anything is timed: whether the sides compute the same numbers.
import { readFileSync } from "node:fs";

const unitRoundoff = 2 ** -24;

/**
 * How far apart two f32 results may be, against the largest number: `depth` stages one after another, each a sum of up to `terms` products. In one sum
 * of K terms of random signs either side is off by at most lambda sqrt(K) u |a|.|b| with near certainty for lambda = 4 (Higham and Mary 2019, theorem
 * 3.1); |a|.|b| is about 0.64 K for normal numbers, and the largest of many sums is about 4.5 sqrt(K): so both together by 8 * 0.64 / 4.5 K u, 1.14 K u.
 * Independent stages add in quadrature. Below 16 terms the functions' own errors (exp, tanh: a few u) count more.
 */
export const toleranceOf = (terms, depth = 1) => 1.14 * Math.max(terms, 16) * Math.sqrt(depth) * unitRoundoff;

const numbersIn = (path) => {
  const file = readFileSync(path);
  return new Float32Array(file.buffer, file.byteOffset, file.length / 4);
};

/**
 * The largest difference in any output that both have, against the largest number in it. Different lengths are an error. `scales` carries the largest
 * numbers from check to check: a loss that falls is compared against where it began.
 */
export function apartOf(ours, theirs, what, scales = new Map()) {
  const common = Object.keys(ours).filter((name) => name in theirs);
  if (common.length === 0) throw new Error(`${what}: the sides have no output in common`);
  return Math.max(
    ...common.map((name) => {
      const { difference, largest } = compare(numbersIn(ours[name]), numbersIn(theirs[name]), `${what}, ${name}`);
      scales.set(name, Math.max(scales.get(name) ?? 0, largest));
      return difference / scales.get(name);
    }),
  );
}

/** The largest difference, and the largest number of b. */
export function compare(a, b, what) {
  if (a.length !== b.length) throw new Error(`${what}: one side has ${a.length} numbers, the other ${b.length}`);
  let difference = 0,
    largest = 0;
  for (let i = 0; i < a.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (Number.isNaN(d)) return { difference: Number.NaN, largest: 1 };
    difference = Math.max(difference, d);
    largest = Math.max(largest, Math.abs(b[i]));
  }
  if (largest === 0) throw new Error(`${what}: all numbers are zero, so nothing is compared`);
  return { difference, largest };
}
