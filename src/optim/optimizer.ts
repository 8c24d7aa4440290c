import { flattenTree } from "../graph/tree.ts";
import { isTensor, tidy, zeros } from "../index.ts";
import { checkAlike, type Layout, layoutOf, ravel, unravel } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkNumber } from "./check.ts";
import { type DecayMask, decayFactors } from "./decay.ts";
import { checkLearningRate, type Schedule } from "./schedule.ts";

/** The steps done so far (i32), and one vector as long as the parameters for each thing that the optimizer remembers. */
export interface OptimizerState {
  /** Steps done so far, i32 []. */
  readonly step: Tensor;
  readonly [slot: string]: Tensor;
}

/** A rule that moves parameters. State and parameters are values: nothing is changed in place, unless a compiled step donates them. */
export interface Optimizer {
  /** The state before the first step, on the device of the parameters. They must be a tree of floats (ERR_DTYPE). */
  init(params: unknown): OptimizerState;
  /** One step down the gradients, a tree like the parameters (ERR_ARGUMENT, ERR_SHAPE). It may be part of a compiled function. */
  step<P>(params: P, grads: P, state: OptimizerState): { params: P; state: OptimizerState };
}

/** What all optimizers take. */
export interface OptimizerOptions {
  /** The learning rate, or a schedule. */
  readonly lr: number | Schedule;
  /** Pulls parameters to zero, where each optimizer's formula has it; 0 by default. */
  readonly weightDecay?: number;
  /** What decays; everything where it is absent. */
  readonly decayMask?: DecayMask;
}

/** What the formula of an optimizer sees: flat vectors and scalars. */
export interface Update {
  readonly p: Tensor;
  readonly g: Tensor;
  readonly lr: Tensor | number;
  /** The number of this step, from 1 on: a float scalar. */
  readonly t: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
  readonly layout: Layout;
  /** weightDecay * p where the mask says so; null where nothing decays. */
  readonly decay: Tensor | null;
}

export type Formula = (update: Update) => { p: Tensor; slots: Record<string, Tensor> };

/** An optimizer is an elementwise formula on the flat parameters, so the planner makes it one pass over memory. */
export function optimizer(op: string, options: OptimizerOptions, slots: readonly string[], formula: Formula): Optimizer {
  const lr = checkLearningRate(op, options.lr);
  const weightDecay = checkNumber(op, "weightDecay", options.weightDecay ?? 0);
  return {
    init: (params) =>
      tidy(() => {
        const { size, dtype } = layoutOf(op, params);
        const { device } = flattenTree(params, isTensor).leaves[0]!;
        const vectors = slots.map((slot) => [slot, zeros([size], { dtype, device })] as const);
        return { step: zeros([], { dtype: "i32", device }), ...Object.fromEntries(vectors) };
      }),
    step: (params, grads, state) =>
      tidy(() => {
        checkAlike(op, "the gradients", grads, params);
        const layout = layoutOf(op, params),
          p = ravel(params, op),
          done = state.step.cast(layout.dtype);
        const factors = weightDecay === 0 ? 0 : decayFactors(op, params, weightDecay, options.decayMask);
        const next = formula({
          p,
          g: ravel(grads, op).cast(layout.dtype),
          lr: typeof lr === "number" ? lr : lr(done),
          t: done.add(1),
          slots: state,
          layout,
          decay: factors === 0 ? null : p.mul(factors),
        });
        return { params: unravel(next.p, params, op), state: { ...next.slots, step: state.step.add(1) } };
      }),
  };
}
