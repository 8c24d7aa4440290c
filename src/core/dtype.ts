import { fail, nearest } from "./errors.ts";

/** All dtypes. */
export const dtypes = ["f64", "f32", "f16", "bf16", "i32", "u32", "u8", "bool"] as const;
/** What the elements of a tensor are: floats of 64, 32 and 16 bits (IEEE half, bfloat16), integers with and without sign, bytes, truth values. */
export type DType = (typeof dtypes)[number];

/** Bytes of one element. */
export const bytesPer: Record<DType, number> = { f64: 8, f32: 4, f16: 2, bf16: 2, i32: 4, u32: 4, u8: 1, bool: 1 };

/** Whether a dtype is f64, f32, f16 or bf16. */
export const isFloat = (dtype: DType): boolean => dtype === "f64" || dtype === "f32" || dtype === "f16" || dtype === "bf16";
/** Whether a dtype is i32, u32 or u8. */
export const isInteger = (dtype: DType): boolean => dtype === "i32" || dtype === "u32" || dtype === "u8";

/** The float that integers become in `mean`, `exp`, `div`: i32 -> f32, floats stay. */
export const toFloat = (dtype: DType): DType => (isFloat(dtype) ? dtype : "f32");

/** Throws ERR_DTYPE unless `dtype` is one; offers the nearest spelling. */
export function checkDType(op: string, dtype: unknown): DType {
  if ((dtypes as readonly unknown[]).includes(dtype)) return dtype as DType;
  const near = typeof dtype === "string" ? nearest(dtype, dtypes) : undefined;
  return fail("ERR_DTYPE", op, `dtype must be one of ${dtypes.join(", ")}, got ${JSON.stringify(dtype)}${near ? ` (did you mean "${near}"?)` : ""}`);
}

// The lattice of JAX without 64-bit integers: bool < u8 < i32, u32 < f16, bf16 < f32 < f64.
const joins: Record<string, DType> = { "u32,i32": "f32", "i32,u32": "f32", "f16,bf16": "f32", "bf16,f16": "f32" };
const rank: Record<DType, number> = { bool: 0, u8: 1, i32: 2, u32: 2, f16: 3, bf16: 3, f32: 4, f64: 5 };

/** The dtype of an operation on two arrays. */
export function promote(a: DType, b: DType): DType {
  return joins[`${a},${b}`] ?? (rank[a] >= rank[b] ? a : b);
}

/** The dtype of a JS number beside an array: numbers are weak, so f16 + 2.5 is f16 and i32 * 1.5 is f32. */
export function promoteWeak(dtype: DType, value: number | boolean): DType {
  if (typeof value === "boolean") return dtype;
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return "f32";
  return dtype === "bool" ? "i32" : dtype;
}

/** The typed arrays that tensors are made from and read as; f16 and bf16 are stored as their bits in Uint16Array. */
export type TypedArray = Float64Array | Float32Array | Uint16Array | Int32Array | Uint32Array | Uint8Array;

/** The JS array that stores a dtype; f16 and bf16 are stored as their bits. */
export const storageArray = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
  bool: Uint8Array,
} as const;

const scratch = new DataView(new ArrayBuffer(8));

/** Bfloat16 bits of a number, to nearest even. */
export function f32ToBf16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff; // to nearest, ties to even
}
/** The number of bfloat16 bits. */
export function bf16ToF32(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

/** IEEE half bits of a number, to nearest even (through f32, as hardware does). */
export function f32ToF16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0),
    sign = (bits >>> 16) & 0x8000,
    exponent = (bits >>> 23) & 0xff;
  let mantissa = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (mantissa ? 0x200 : 0);
  const e = exponent - 112;
  if (e >= 31) return sign | 0x7c00;
  if (e <= 0) {
    if (e < -10) return sign;
    mantissa |= 0x800000;
    const shift = 14 - e,
      half = 1 << (shift - 1),
      rest = mantissa & ((1 << shift) - 1);
    const base = mantissa >>> shift;
    return sign | (base + (rest > half || (rest === half && base & 1) ? 1 : 0));
  }
  const base = (e << 10) | (mantissa >>> 13),
    rest = mantissa & 0x1fff;
  return sign | (base + (rest > 0x1000 || (rest === 0x1000 && base & 1) ? 1 : 0));
}
/** The number of IEEE half bits. */
export function f16ToF32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1,
    exponent = (bits >>> 10) & 31,
    mantissa = bits & 0x3ff;
  if (exponent === 31) return mantissa ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1 + mantissa / 1024) * 2 ** (exponent - 15));
}

/** Numbers of a stored array: f16 and bf16 bits become f32, bool stays 0 and 1. */
export function decode(dtype: DType, stored: TypedArray): TypedArray {
  if (dtype !== "f16" && dtype !== "bf16") return stored;
  const convert = dtype === "f16" ? f16ToF32 : bf16ToF32;
  return Float32Array.from(stored, (bits) => convert(bits));
}
/** The stored form of numbers; integers wrap, bool becomes 0 and 1. */
export function encode(dtype: DType, numbers: ArrayLike<number | boolean>): TypedArray {
  if (dtype === "f16" || dtype === "bf16") {
    const convert = dtype === "f16" ? f32ToF16 : f32ToBf16;
    return Uint16Array.from(numbers as ArrayLike<number>, (v) => convert(Number(v)));
  }
  if (dtype === "bool") return Uint8Array.from(numbers as ArrayLike<number>, (v) => (v ? 1 : 0));
  const out = new storageArray[dtype](numbers.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(numbers[i]);
  return out;
}
