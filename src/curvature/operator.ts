import type { DType } from "../core/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A symmetric linear map of vectors [dim], or of trees with dim numbers. */
export interface LinearOperator {
  /** Numbers of a vector. */
  readonly dim: number;
  /** Of vectors [dim]. */
  readonly dtype: DType;
  /** Where vectors are. */
  readonly device: string;
  /** H v; a tree gives a tree, a vector [dim] a vector. */
  matvec<V>(v: V): V;
  /** H v for several v at once. */
  matmat<V>(vs: readonly V[]): V[];
  /** The tree of a vector [dim]. */
  unravel(flat: Tensor): any;
}
