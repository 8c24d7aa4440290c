import { compile, crossEntropy, isTensor, oneHot, random, sigmoidCrossEntropy, stack, valueAndGrad } from "../index.ts";
import { isFloat } from "../core/dtype.ts";
import { flattenTree } from "../graph/tree.ts";
import type { Model } from "../models/index.ts";
import {
  adamw,
  clipByGlobalNorm,
  decayKernels,
  ema,
  lamb,
  type Optimizer,
  type Schedule,
  sam,
  sgd,
  warmupConstant,
  warmupCosine,
  warmupLinear,
  warmupStep,
} from "../optim/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";
import { normalize } from "./sources.ts";

/** The trees that a step moves on. */
export interface Training {
  /** The weights. */
  readonly params: any;
  /** Running statistics. */
  readonly state: any;
  /** What the optimizer remembers. */
  readonly optimizer: any;
  /** { params, state }: their moving averages; an empty tree where the run has none. */
  readonly average: any;
}

/** metrics: [mean loss, images classified rightly] of the batch, as f32. */
export type Step = (training: Training, images: Tensor, labels: Tensor, key: Tensor) => { readonly training: Training; readonly metrics: Tensor };

/** What is evaluated: the averages where there are any. */
export const evaluated = ({ params, state, average }: Omit<Training, "optimizer">): { params: any; state: any } =>
  average.params === undefined ? { params, state } : average;

const isSoft = (labels: Tensor): boolean => isFloat(labels.dtype);

/** The loss of each image. labels: classes [N], or shares of the classes [N, C]. */
export function lossesOf(kind: TrainConfig["loss"], logits: Tensor, labels: Tensor, smoothing = 0): Tensor {
  if (kind === "softmax") return crossEntropy(logits, labels, { smoothing, reduction: "none" });
  const classes = logits.shape.at(-1)!,
    shares = isSoft(labels) ? labels : oneHot(labels, classes);
  return sigmoidCrossEntropy(logits, smoothing === 0 ? shares : shares.mul(1 - smoothing).add(smoothing / classes), { reduction: "none" }).sum({
    axis: -1,
  });
}

/** How many of the images get their largest score at their (largest) class. */
export const correctOf = (logits: Tensor, labels: Tensor): Tensor =>
  logits
    .argmax({ axis: -1 })
    .equal(isSoft(labels) ? labels.argmax({ axis: -1 }) : labels)
    .sum()
    .cast("f32");

export function optimizerOf(config: TrainConfig, stepsPerEpoch: number): Optimizer {
  const { optimizer, momentum, nesterov, weightDecay, decay, clip } = config,
    options = { lr: scheduleOf(config, stepsPerEpoch), weightDecay, decayMask: decay === "kernels" ? decayKernels : undefined };
  const inner = optimizer === "sgd" ? sgd({ ...options, momentum, nesterov }) : { adamw, lamb }[optimizer](options);
  return clip > 0 ? clipByGlobalNorm(inner, clip) : inner;
}

function scheduleOf({ lr: peak, schedule, warmup: epochsOfWarmup, epochs }: TrainConfig, stepsPerEpoch: number): Schedule {
  const steps = epochs * stepsPerEpoch,
    warmup = Math.min(Math.round(epochsOfWarmup * stepsPerEpoch), steps - 1);
  const of = { cosine: warmupCosine, linear: warmupLinear, step: warmupStep, constant: warmupConstant }[schedule];
  return of({ peak, warmup, steps });
}

export function stepOf(net: Model, opt: Optimizer, config: TrainConfig): Step {
  const { sam: rho, samM, samAdaptive: adaptive, accumulate, ema: kept } = config;
  const loss = (params: any, state: any, images: Tensor, labels: Tensor, key: Tensor) => {
    const { out, state: moved } = net.apply({ params, state }, normalize(images), { train: true, key });
    return [lossesOf(config.loss, out, labels, config.labelSmoothing).mean(), { state: moved, correct: correctOf(out, labels) }];
  };
  const gradient: (...args: any[]) => any =
    rho > 0
      ? sam(loss, { rho, adaptive, hasAux: true, ...(samM !== null && { m: samM, inAxes: [null, null, 0, 0, null] }) })
      : valueAndGrad(loss as any, { hasAux: true });
  const average = kept > 0 ? ema(kept) : null;

  /** One part of a batch; with m, SAM gives what its shards brought as a list. */
  const part = (params: any, state: any, images: Tensor, labels: Tensor, key: Tensor) => {
    const [[value, aux], grads] = gradient(params, state, images, labels, key),
      shards = [aux].flat();
    return {
      value,
      grads,
      state: meanOf(shards.map((shard) => shard.state)),
      correct: shards.map((shard) => shard.correct).reduce((a, b) => a.add(b)),
    };
  };
  return ({ params, state, optimizer, average: before }, images, labels, key) => {
    const size = images.shape[0]! / accumulate,
      values: Tensor[] = [],
      gradients: any[] = [],
      corrects: Tensor[] = [];
    let moved = state;
    for (let i = 0; i < accumulate; i++) {
      const range: [number, number] = [i * size, (i + 1) * size];
      const done = part(params, moved, images.at(range), labels.at(range), accumulate === 1 ? key : random.foldIn(key, i));
      moved = done.state;
      values.push(done.value);
      gradients.push(done.grads);
      corrects.push(done.correct);
    }
    const next = opt.step(params, meanOf(gradients), optimizer),
      metrics = stack([meanOf(values), corrects.reduce((a, b) => a.add(b))]);
    const reached = { params: next.params, state: moved };
    return { training: { ...reached, optimizer: next.state, average: average ? average.update(before, reached) : before }, metrics };
  };
}

/** The mean of trees of one form, leaf by leaf. */
function meanOf(trees: readonly any[]): any {
  if (trees.length === 1) return trees[0];
  const { unflatten } = flattenTree(trees[0], isTensor),
    leaves = trees.map((tree) => flattenTree(tree, isTensor).leaves as Tensor[]);
  return unflatten(
    leaves[0]!.map((_, i) =>
      leaves
        .map((of) => of[i]!)
        .reduce((a, b) => a.add(b))
        .div(trees.length),
    ),
  );
}

export const initialTraining = (net: Model, opt: Optimizer, { ema: kept }: TrainConfig, key: Tensor): Training => {
  const { params, state } = net.init(key);
  return { params, state, optimizer: opt.init(params), average: kept > 0 ? ema(kept).init({ params, state }) : {} };
};

export const compiledStep = (step: Step): Step & { dispose(): void } => compile(step as any, { donate: [0], name: "trainStep" }) as any;
