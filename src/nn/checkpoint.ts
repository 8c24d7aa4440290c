import { checkpoint } from "../index.ts";
import type { Module, Variables } from "./module.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A module whose intermediate values are computed again in the backward pass instead of being kept; all that it gives back is as without. */
export const checkpointed = (of: Module): Module => ({
  init: (key) => of.init(key),
  shapes: () => of.shapes(),
  apply(variables, x, options) {
    const { key, ...others } = options ?? {};
    return checkpoint((v: Variables, input: Tensor, k?: Tensor) => of.apply(v, input, { ...others, key: k }))(variables, x, key) as never;
  },
});
