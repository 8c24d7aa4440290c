import { fail } from "../core/errors.ts";

/** A finite number from `least` on (with `open`: above it) and below `below`, or ERR_ARGUMENT. */
export function checkNumber(op: string, what: string, value: unknown, { least = 0, open = false, below = Number.POSITIVE_INFINITY } = {}): number {
  const number = value as number;
  const fits = typeof value === "number" && Number.isFinite(number) && (open ? number > least : number >= least) && number < below;
  if (fits) return number;
  const range = `${open ? "above" : "from"} ${least}${below < Number.POSITIVE_INFINITY ? ` and below ${below}` : " on"}`;
  return fail("ERR_ARGUMENT", op, `${what} must be a finite number ${range}, got ${String(value)}`);
}

export function checkCount(op: string, what: string, value: unknown, least: number): number {
  if (Number.isInteger(value) && (value as number) >= least) return value as number;
  return fail("ERR_ARGUMENT", op, `${what} must be a whole number from ${least} on, got ${String(value)}`);
}
