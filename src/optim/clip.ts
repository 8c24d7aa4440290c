import { div, tidy } from "../index.ts";
import { ravel, unravel } from "../tensor/flat.ts";
import { checkNumber } from "./check.ts";
import type { Optimizer } from "./optimizer.ts";

/** Before each step, scales the gradient as a whole so that its 2-norm, one over all parameters, is at most `max` (above 0, else ERR_ARGUMENT). */
export function clipByGlobalNorm(inner: Optimizer, max: number): Optimizer {
  checkNumber("clipByGlobalNorm", "max", max, { open: true });
  return {
    init: (params) => inner.init(params),
    step: (params, grads, state) =>
      tidy(() => {
        const g = ravel(grads, "clipByGlobalNorm"),
          norm = g.square().sum().sqrt();
        return inner.step(params, unravel(g.mul(div(max, norm.maximum(max))), grads), state);
      }),
  };
}
