import { fail } from "../core/errors.ts";

/** One number for each image axis, [h, w]. */
export type Pair = readonly [number, number];
/** "same": ceil(size / stride) windows, the odd pixel at the end; "valid": none; or [[top, bottom], [left, right]], in pixels. */
export type Padding = "same" | "valid" | readonly [Pair, Pair];

/** How windows slide along one axis: `low` padded cells before, `out` windows. */
export interface Sliding {
  readonly low: number;
  readonly out: number;
}

const isCount = (value: unknown, least: number): boolean => Number.isInteger(value) && (value as number) >= least;

/** A whole number from 1 on, or one for each of the two axes. */
export function checkPair(op: string, what: string, value: unknown): Pair {
  const pair = Array.isArray(value) ? value : [value, value];
  if (pair.length !== 2 || !pair.every((each) => isCount(each, 1)))
    fail("ERR_ARGUMENT", op, `${what} must be a whole number from 1 on or a pair [h, w] of them, got ${JSON.stringify(value)}`);
  return pair as unknown as Pair;
}

/** Windows of size `window` along the two image axes `size`. "same": ceil(size / stride) windows, the odd pad at the end. */
export function slide(op: string, size: Pair, window: Pair, stride: Pair, padding: unknown): readonly [Sliding, Sliding] {
  const named = padding === "same" || padding === "valid";
  const pairs =
    Array.isArray(padding) &&
    padding.length === 2 &&
    padding.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((each) => isCount(each, 0)));
  if (!named && !pairs) fail("ERR_ARGUMENT", op, `padding must be "same", "valid" or [[top, bottom], [left, right]], got ${JSON.stringify(padding)}`);
  const along = (axis: 0 | 1): Sliding => {
    const n = size[axis],
      k = window[axis],
      step = stride[axis];
    if (padding === "same") {
      const out = Math.ceil(n / step);
      return { low: Math.floor(Math.max(0, (out - 1) * step + k - n) / 2), out };
    }
    const [low, high] = padding === "valid" ? [0, 0] : (padding as [Pair, Pair])[axis];
    if (n + low + high < k) fail("ERR_SHAPE", op, `a window of ${k} does not fit an image axis of ${n} padded by ${low} and ${high}`);
    return { low, out: Math.floor((n + low + high - k) / step) + 1 };
  };
  return [along(0), along(1)];
}
