// Inputs that both sides read: raw files of numbers drawn from a seed.
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** [shape] of normal numbers (f32), of the mean and standard deviation given. */
export const normal = (shape, { std = 1, mean = 0 } = {}) => ({ shape, dtype: "f32", std, mean });
/** [count] of classes (i32). */
export const labels = (count, classes) => ({ shape: [count], dtype: "i32", classes });

/** [size] of pieces one after another, each with its own distribution: [{ size, std, mean }]. */
export const pieces = (list) => ({ shape: [list.reduce((sum, { size }) => sum + size, 0)], dtype: "f32", list });

/** Writes inputs by name into a folder: { name: { path, shape, dtype } }. */
export function writeInputs(folder, prefix, inputs) {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, spec], i) => {
      const path = join(folder, `${prefix}.in.${name}`.replaceAll("/", "_"));
      writeFileSync(path, numbersOf(spec, i + 1));
      return [name, { path, shape: spec.shape, dtype: spec.dtype }];
    }),
  );
}

/**
 * The numbers of an input.
 * @param {any} spec @param {number} seed @returns {Float32Array | Int32Array}
 */
export function numbersOf({ shape, classes, std, mean, list }, seed) {
  const size = shape.reduce((a, b) => a * b, 1),
    random = uniform(seed);
  if (classes !== undefined) return Int32Array.from({ length: size }, () => Math.floor(random() * classes));
  const out = new Float32Array(size);
  if (list) {
    let at = 0;
    list.forEach((piece, i) => {
      out.set(numbersOf({ ...piece, shape: [piece.size] }, seed * 1000 + i), at);
      at += piece.size;
    });
    return out;
  }
  for (let i = 0; i < size; i += 2) {
    // Box and Muller 1958
    const radius = std * Math.sqrt(-2 * Math.log(1 - random())),
      angle = 2 * Math.PI * random();
    out[i] = mean + radius * Math.cos(angle);
    if (i + 1 < size) out[i + 1] = mean + radius * Math.sin(angle);
  }
  return out;
}

/** Numbers in [0, 1): splitmix32. */
function uniform(seed) {
  let state = Math.imul(seed, 0x9e3779b9);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let t = state ^ (state >>> 16);
    t = Math.imul(t, 0x21f0aaad);
    t ^= t >>> 15;
    t = Math.imul(t, 0x735a2d97);
    return ((t ^ (t >>> 15)) >>> 0) / 2 ** 32;
  };
}
