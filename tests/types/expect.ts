import type { DType, Tensor } from "../../src/index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for a tensor of exactly this shape (and dtype). */
export function is<S extends readonly number[], D extends DType = never>() {
  return <T extends Tensor>(
    x: T &
      (Same<T["shape"], S> extends true ? unknown : { wrongShape: T["shape"] }) &
      ([D] extends [never] ? unknown : Same<T["dtype"], D> extends true ? unknown : { wrongDType: T["dtype"] }),
  ): T => x;
}
