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

/** Always the same rate. */
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

/** What warmupCosine and warmupLinear take. */
export interface WarmupOptions {
  /** The rate at the end of the warm-up. */
  readonly peak: number;
  /** Steps of the warm-up, on a line from 0. */
  readonly warmup: number;
  /** Steps in all, the warm-up's among them. */
  readonly steps: number;
  /** The rate after the last step; 0 by default. */
  readonly end?: number;
}

/** On a line from 0 to the peak in the first `warmup` steps, then `after`. */
function warmed(op: string, { peak, warmup }: Pick<WarmupOptions, "peak" | "warmup">, after: (step: Tensor) => Tensor): Schedule {
  checkNumber(op, "peak", peak, { open: true });
  checkCount(op, "warmup", warmup, 0);
  return (step) => (warmup === 0 ? after(step) : where(step.less(warmup), step.mul(peak / warmup), after(step)));
}

/** After the warm-up from the peak to the end, by the share of the way down that is left at a progress from 0 to 1. */
function falling(op: string, options: WarmupOptions, fall: (progress: Tensor) => Tensor): Schedule {
  const { peak, warmup, steps, end = 0 } = options;
  const schedule = warmed(op, options, (step) =>
    fall(progress(step, warmup, steps))
      .mul(peak - end)
      .add(end),
  );
  checkNumber(op, "end", end);
  checkCount(op, "steps", steps, warmup + 1);
  return schedule;
}

/** Up to the peak on a line, down to the end on half a cosine (Loshchilov and Hutter 2017, equation 5, without restarts). */
export const warmupCosine = (options: WarmupOptions): Schedule =>
  falling("warmupCosine", options, (share) => share.mul(Math.PI).cos().add(1).mul(0.5));

/** Up to the peak on a line, down to the end on a line. */
export const warmupLinear = (options: WarmupOptions): Schedule => falling("warmupLinear", options, (share) => share.neg().add(1));

/** Up to the peak on a line, and the peak from there on. */
export const warmupConstant = (options: Pick<WarmupOptions, "peak" | "warmup">): Schedule =>
  warmed("warmupConstant", options, (step) => fullLike(step, options.peak));

/** What warmupStep takes. */
export interface WarmupStepOptions extends Omit<WarmupOptions, "end"> {
  /** Shares of the steps (rounded to whole steps), each of which multiplies the rate by the factor: [0.5, 0.75] by default. */
  readonly milestones?: readonly number[];
  /** 0.1 by default. */
  readonly factor?: number;
}

/** Up to the peak on a line, down in stairs (He et al. 2016, section 4.2, whose CIFAR runs divide by 10 at half and three quarters). */
export function warmupStep(options: WarmupStepOptions): Schedule {
  const { peak, warmup, steps, milestones = [0.5, 0.75], factor = 0.1 } = options;
  const schedule = warmed("warmupStep", options, (step) => {
    const places = milestones.map((share) => Math.round(share * steps));
    return descend(step, peak, factor, places);
  });
  checkCount("warmupStep", "steps", steps, warmup + 1);
  checkNumber("warmupStep", "factor", factor, { open: true });
  for (const share of milestones) checkNumber("warmupStep", "a milestone", share, { open: true, below: 1 });
  return schedule;
}

/** What multiStep takes. */
export interface MultiStepOptions {
  /** The rate before the first milestone. */
  readonly start: number;
  /** Numbers of steps, each of which multiplies the rate by gamma. */
  readonly milestones: readonly number[];
  /** 0.1 by default. */
  readonly gamma?: number;
}

/** start * gamma^(milestones reached). */
export function multiStep({ start, milestones, gamma = 0.1 }: MultiStepOptions): Schedule {
  checkNumber("multiStep", "start", start, { open: true });
  checkNumber("multiStep", "gamma", gamma, { open: true });
  for (const at of milestones) checkCount("multiStep", "a milestone", at, 0);
  return (step) => descend(step, start, gamma, milestones);
}

/** Stairs: start * factor^(milestones reached). */
function descend(step: Tensor, start: number, factor: number, milestones: readonly number[]): Tensor {
  const ascending = [...milestones].sort((a, b) => a - b);
  const last = start * factor ** ascending.length;
  return ascending.reduceRight((later, at, k) => where(step.less(at), start * factor ** k, later), fullLike(step, last));
}
