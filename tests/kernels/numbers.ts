import { bytesPer, decode, type DType, encode, isFloat, storageArray, type TypedArray } from "../../src/core/dtype.ts";

/** Random numbers in [0, 1) that depend on the seed only. */
export function randomFrom(seed: string): () => number {
  let state = 0;
  for (const char of seed) state = (Math.imul(state, 31) + char.charCodeAt(0)) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Test numbers of a dtype: floats in [-1, 1), small whole numbers, false and true. */
export function ordinary(dtype: DType, size: number, random: () => number): Float64Array {
  return Float64Array.from({ length: size }, () => {
    const r = random();
    if (isFloat(dtype)) return 2 * r - 1;
    return dtype === "bool" ? Math.round(r) : dtype === "i32" ? Math.floor(17 * r) - 8 : Math.floor(9 * r);
  });
}

/** The numbers after rounding to the dtype. */
export const rounded = (dtype: DType, numbers: ArrayLike<number>): Float64Array => Float64Array.from(decode(dtype, encode(dtype, numbers)));

export const bytesOf = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
export function fromBytes(dtype: DType, bytes: Uint8Array, length: number): TypedArray {
  return new storageArray[dtype](bytes.buffer as ArrayBuffer, bytes.byteOffset, length);
}

const epsilon: Partial<Record<DType, number>> = { f64: 2 ** -52, f32: 2 ** -23, f16: 2 ** -10, bf16: 2 ** -7 };
const smallest: Partial<Record<DType, number>> = { f64: 2 ** -1022, f32: 2 ** -126, f16: 2 ** -24, bf16: 2 ** -126 };
const kind = (x: number): string => (Number.isNaN(x) ? "NaN" : Number.isFinite(x) ? "finite" : String(x));

/** The first place where `actual` is no good result for `expected`, in words; undefined when all are good.
 *  `terms` counts rounding steps: an error is at most 2 eps sqrt(terms) of the value or of a typical value; null compares the kinds (NaN, infinite, finite) only. */
export function difference(dtype: DType, actual: TypedArray, expected: Float64Array, terms: number | null): string | undefined {
  if (!isFloat(dtype)) {
    const exact = encode(dtype, expected),
      at = exact.findIndex((x, i) => x !== actual[i]);
    return at < 0 ? undefined : `element ${at} of ${exact.length} is ${actual[at]}, expected ${exact[at]}`;
  }
  const got = decode(dtype, actual),
    reference = rounded(dtype, expected);
  let squares = 0,
    finite = 0;
  for (const x of reference) if (Number.isFinite(x)) [squares, finite] = [squares + x * x, finite + 1];
  const typical = Math.sqrt(squares / Math.max(1, finite));
  let worst = 1,
    where: string | undefined;
  for (let i = 0; i < reference.length; i++) {
    const a = got[i]!,
      e = expected[i]!;
    if (kind(a) !== kind(reference[i]!)) return `element ${i} of ${got.length} is ${a}, expected ${reference[i]}`;
    if (terms === null || !Number.isFinite(reference[i]!)) continue;
    const bound = 2 * epsilon[dtype]! * Math.sqrt(terms) * Math.max(Math.abs(e), typical) + smallest[dtype]!,
      ratio = Math.abs(a - e) / bound;
    if (ratio > worst)
      [worst, where] = [ratio, `element ${i} of ${got.length} is ${a}, expected ${e}: the error is ${ratio.toPrecision(3)} times the bound`];
  }
  return where;
}

export const byteLength = (dtype: DType, length: number): number => bytesPer[dtype] * length;
