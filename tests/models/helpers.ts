import { expect } from "vitest";
import * as st from "../../src/index.ts";

export { st };
export type Numbers = ArrayLike<number>;

/** Repeatable numbers in about -1..1, no two alike. */
export const numbers = (seed: number, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => Math.sin(1.7 * seed + 12.9898 * (i + 1)));
export const f64 = (seed: number, ...shape: number[]): st.Tensor =>
  st.tensor(
    numbers(
      seed,
      shape.reduce((a, b) => a * b, 1),
    ),
    { shape },
  );
export const vector = (...values: number[]): st.Tensor => st.tensor(Float64Array.from(values));

export const isTensor = (x: unknown): x is st.Tensor => typeof x === "object" && x !== null && "shape" in x && "dtype" in x;
/** Leaves with object keys in sorted order. */
export function leavesOf<L = st.Tensor>(tree: unknown): L[] {
  if (isTensor(tree)) return [tree as L];
  if (typeof tree !== "object" || tree === null) return [];
  return Object.keys(tree)
    .sort((a, b) => (Array.isArray(tree) ? Number(a) - Number(b) : a < b ? -1 : 1))
    .flatMap((key) => leavesOf<L>((tree as any)[key]));
}
export async function flatNumbers(tree: unknown): Promise<number[]> {
  const parts = await Promise.all(leavesOf(tree).map((leaf) => leaf.data()));
  return parts.flatMap((part) => Array.from(part as Numbers));
}

export const norm = (x: Numbers): number => Math.hypot(...Array.from(x));

/** Every |got - wanted| is at most tol times the larger of |wanted| and the root mean square. */
export function expectClose(got: Numbers, wanted: Numbers, tol: number, what = "values"): void {
  expect(got.length, `${what}: how many`).toBe(wanted.length);
  const rms = Math.sqrt(Array.from(wanted).reduce((s, v) => s + v * v, 0) / Math.max(1, wanted.length));
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(got[i]! - wanted[i]!) / Math.max(Math.abs(wanted[i]!), rms, Number.MIN_VALUE);
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  }
  expect(worst, `${what}: largest relative error`).toBeLessThanOrEqual(tol);
}

export async function expectCode(code: string, call: () => unknown): Promise<Error> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(st.SteppeError);
    expect((error as st.SteppeError).code).toBe(code);
    return error as Error;
  }
  throw new Error(`${code} was expected, nothing was thrown`);
}
