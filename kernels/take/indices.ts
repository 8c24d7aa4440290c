/** Where an index points along an axis of n: negative ones count from the end, and what is still outside goes to the nearest end. */
export const resolveIndex = (index: number, n: number): number => Math.min(Math.max(index < 0 ? index + n : index, 0), n - 1);

/** Test indices: in range, from the end, and outside. */
export const testIndices = (size: number, n: number, random: () => number): Float64Array =>
  Float64Array.from({ length: size }, () => Math.floor((random() * 3 - 1.25) * n));
