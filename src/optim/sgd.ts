import { fail } from "../core/errors.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNumber } from "./check.ts";
import { type Formula, type Optimizer, type OptimizerOptions, optimizer } from "./optimizer.ts";

/** What sgd takes. */
export interface SgdOptions extends OptimizerOptions {
  /** The share of the last direction that a step keeps; 0 by default. */
  readonly momentum?: number;
  /** Looks one step of the momentum ahead (Sutskever et al. 2013); false by default. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent as in PyTorch: d = g + weightDecay p, b = momentum b + d, p -= lr b (nesterov: lr (d + momentum b)). Wrong options,
 * and nesterov without momentum, are ERR_ARGUMENT.
 */
export function sgd(options: SgdOptions): Optimizer {
  const momentum = checkNumber("sgd", "momentum", options.momentum ?? 0, { below: 1 });
  const nesterov = options.nesterov ?? false;
  if (nesterov && momentum === 0) fail("ERR_ARGUMENT", "sgd", "nesterov needs a momentum above 0");
  return optimizer("sgd", options, momentum === 0 ? [] : ["momentum"], ({ p, g, lr, slots, decay }): ReturnType<Formula> => {
    const d = decay ? g.add(decay) : g;
    const b = slots.momentum?.mul(momentum).add(d) ?? d;
    const direction = nesterov ? d.add(b.mul(momentum)) : b;
    return { p: p.sub(direction.mul(lr)), slots: momentum === 0 ? {} : ({ momentum: b } as Record<string, Tensor>) };
  });
}
