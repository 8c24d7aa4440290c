import { concat, where } from "../index.ts";
import { sizeOf } from "../core/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNumber } from "./check.ts";
import { type Optimizer, type OptimizerOptions, optimizer, type Update } from "./optimizer.ts";

/** What adamw and lamb take. */
export interface AdamOptions extends OptimizerOptions {
  /** The share of the mean gradient that a step keeps; 0.9 by default. */
  readonly beta1?: number;
  /** The share of the mean square that a step keeps; 0.999 by default. */
  readonly beta2?: number;
  /** Added to the root of the mean square; 1e-8 by default, for lamb 1e-6. */
  readonly eps?: number;
}

interface Moments {
  readonly m: Tensor;
  readonly v: Tensor;
  /** The direction: m / (1 - beta1^t) over sqrt(v / (1 - beta2^t)) + eps. */
  readonly u: Tensor;
}

function adam(op: string, options: AdamOptions, defaultEps: number): (update: Update) => Moments {
  const beta1 = checkNumber(op, "beta1", options.beta1 ?? 0.9, { below: 1 });
  const beta2 = checkNumber(op, "beta2", options.beta2 ?? 0.999, { below: 1 });
  const eps = checkNumber(op, "eps", options.eps ?? defaultEps);
  // 1 - beta^t without the cancellation: -(e^(t ln beta) - 1)
  const correction = (beta: number, t: Tensor): Tensor | number => (beta === 0 ? 1 : t.mul(Math.log(beta)).expm1().neg());
  return ({ g, t, slots }) => {
    const m = slots.m!.mul(beta1).add(g.mul(1 - beta1));
    const v = slots.v!.mul(beta2).add(g.square().mul(1 - beta2));
    const u = m.div(correction(beta1, t)).div(v.div(correction(beta2, t)).sqrt().add(eps));
    return { m, v, u };
  };
}

/** Adam with decoupled decay (Loshchilov and Hutter 2019, algorithm 2) as in PyTorch: p -= lr (u + weightDecay p). Wrong options are ERR_ARGUMENT. */
export function adamw(options: AdamOptions): Optimizer {
  const moments = adam("adamw", options, 1e-8);
  return optimizer("adamw", options, ["m", "v"], (update) => {
    const { p, lr, decay } = update,
      { m, v, u } = moments(update);
    return { p: p.sub((decay ? u.add(decay) : u).mul(lr)), slots: { m, v } };
  });
}

/**
 * LAMB (You et al. 2020, algorithm 2, phi the identity): u = Adam's direction + weightDecay p, and for each tensor p -= lr (||p|| / ||u||) u, the
 * ratio being 1 where a norm is 0. Wrong options are ERR_ARGUMENT.
 */
export function lamb(options: AdamOptions): Optimizer {
  const moments = adam("lamb", options, 1e-6);
  return optimizer("lamb", options, ["m", "v"], (update) => {
    const { p, lr, decay, layout } = update,
      { m, v, u } = moments(update);
    const direction = decay ? u.add(decay) : u;
    const parts = layout.specs.map(({ shape }, i) => {
      const range: [number, number] = [layout.offsets[i]!, layout.offsets[i]! + sizeOf(shape)];
      const [pi, ui] = [p.at(range), direction.at(range)];
      return pi.sub(ui.mul(trustRatio(norm(pi), norm(ui)).mul(lr)));
    });
    return { p: parts.length === 1 ? parts[0]! : concat(parts), slots: { m, v } };
  });
}

const norm = (x: Tensor): Tensor => x.square().sum().sqrt();
/** a / b, and 1 where either is 0. */
const trustRatio = (a: Tensor, b: Tensor): Tensor => {
  const usable = a.greater(0).logicalAnd(b.greater(0));
  return where(usable, a, 1).div(where(usable, b, 1));
};
