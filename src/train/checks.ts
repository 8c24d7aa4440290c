import { nearest } from "../core/errors.ts";

/** True, or in words what was expected: "a number above 0". */
export type Check = (value: unknown) => true | string;

export const whole =
  (least: number, most = Number.MAX_SAFE_INTEGER): Check =>
  (x) =>
    (Number.isSafeInteger(x) && (x as number) >= least && (x as number) <= most) ||
    `a whole number from ${least}${most < Number.MAX_SAFE_INTEGER ? ` to ${most}` : " on"}`;
const number =
  (words: string, holds: (x: number) => boolean): Check =>
  (x) =>
    (typeof x === "number" && Number.isFinite(x) && holds(x)) || `a number ${words}`;
export const positive = number("above 0", (x) => x > 0);
export const nonNegative = number("from 0 on", (x) => x >= 0);
/** A share that is dropped, smoothed, kept of the old: not all. */
export const share = number("from 0 on and below 1", (x) => x >= 0 && x < 1);
export const probability = number("from 0 to 1", (x) => x >= 0 && x <= 1);
export const partOfAll = number("above 0 and at most 1", (x) => x > 0 && x <= 1);
export const oneOf =
  (names: readonly string[]): Check =>
  (x) => {
    if (names.includes(x as string)) return true;
    const near = typeof x === "string" ? nearest(x, names) : undefined;
    return `one of ${names.join(", ")}${near ? ` (did you mean "${near}"?)` : ""}`;
  };
export const orNull =
  (check: Check): Check =>
  (x) =>
    x === null || check(x);
export const text: Check = (x) => (typeof x === "string" && x !== "") || "a text";
export const truth: Check = (x) => typeof x === "boolean" || "true or false";
export const sizes: Check = (x) =>
  (typeof x === "object" && x !== null && !Array.isArray(x) && Object.values(x).every((n) => Number.isSafeInteger(n) && (n as number) > 0)) ||
  "an object of whole numbers above 0";
