import { fullLike, where } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkNumber } from "./check.ts";

/** The learning rate after `step` steps (0 at the first one, a float scalar), as part of the graph: a compiled step stays one plan. */
export type Schedule = (step: Tensor) => Tensor | number;

/** A rate or a schedule, checked. */
export const checkLearningRate = (op: string, lr: unknown): number | Schedule =>
  typeof lr === "function" ? (lr as Schedule) : checkNumber(op, "lr", lr, { open: true });

/** The share of the way from step `from` to step `to`, held to 0..1. */
const progress = (step: Tensor, from: number, to: number): Tensor =>
  step
    .sub(from)
    .mul(1 / (to - from))
    .clip(0, 1);

export function constant(rate: number): Schedule {
  checkNumber("constant", "the rate", rate, { open: true });
  return () => rate;
}

/** On a line from `start` to `end` in `steps` steps. */
export function linear({ start, end = 0, steps }: { start: number; end?: number; steps: number }): Schedule {
  checkNumber("linear", "start", start);
  checkNumber("linear", "end", end);
  checkCount("linear", "steps", steps, 1);
  return (step) =>
    progress(step, 0, steps)
      .mul(end - start)
      .add(start);
}

export interface WarmupOptions {
  /** The rate at the end of the warm-up. */
  readonly peak: number;
  /** Steps of the warm-up, on a line from 0. */
  readonly warmup: number;
  /** Steps in all, the warm-up's among them. */
  readonly steps: number;
  /** The rate after the last step. */
  readonly end?: number;
}

function warmed(op: string, { peak, warmup, steps, end = 0 }: WarmupOptions, fall: (progress: Tensor) => Tensor): Schedule {
  checkNumber(op, "peak", peak, { open: true });
  checkNumber(op, "end", end);
  checkCount(op, "warmup", warmup, 0);
  checkCount(op, "steps", steps, warmup + 1);
  return (step) => {
    const falling = fall(progress(step, warmup, steps))
      .mul(peak - end)
      .add(end);
    return warmup === 0 ? falling : where(step.less(warmup), step.mul(peak / warmup), falling);
  };
}

/** Up to the peak on a line, down to the end on half a cosine. */
export const warmupCosine = (options: WarmupOptions): Schedule =>
  warmed("warmupCosine", options, (share) => share.mul(Math.PI).cos().add(1).mul(0.5));

/** Up to the peak on a line, down to the end on a line. */
export const warmupLinear = (options: WarmupOptions): Schedule => warmed("warmupLinear", options, (share) => share.neg().add(1));

export interface MultiStepOptions {
  readonly start: number;
  /** Numbers of steps, each of which multiplies the rate by gamma. */
  readonly milestones: readonly number[];
  readonly gamma?: number;
}

export function multiStep({ start, milestones, gamma = 0.1 }: MultiStepOptions): Schedule {
  checkNumber("multiStep", "start", start, { open: true });
  checkNumber("multiStep", "gamma", gamma, { open: true });
  for (const at of milestones) checkCount("multiStep", "a milestone", at, 0);
  const ascending = [...milestones].sort((a, b) => a - b);
  const last = start * gamma ** ascending.length;
  return (step) => ascending.reduceRight((later, at, k) => where(step.less(at), start * gamma ** k, later), fullLike(step, last));
}
