import { random, tidy } from "../index.ts";
import type { BatchOptions, DataSet } from "../data/index.ts";
import type { Model } from "../models/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";
import { type LoadHooks, loadData, networkOf } from "./sources.ts";
import { initialTraining, optimizerOf, type Step, stepOf, type Training } from "./step.ts";

/** What a configuration stands for: data, network, optimizer. */
export interface Task {
  readonly config: TrainConfig;
  readonly net: Model;
  readonly train: DataSet;
  readonly test: DataSet;
  readonly batch: number;
  readonly stepsPerEpoch: number;
  initial(): Training;
  /** One step, to be compiled or taken apart. */
  readonly step: Step;
  /** How the batches of an epoch are made; the key decides their order and what becomes of the images. */
  batchOptions(epochKey: Tensor): BatchOptions;
  epochKey(epoch: number): Tensor;
  /** What is random in the network in one step. */
  stepKey(epoch: number, step: number): Tensor;
  dispose(): void;
}

// Three streams of one seed.
const streams = { init: 0, order: 1, step: 2 };

export async function taskOf(config: TrainConfig, hooks: LoadHooks = {}): Promise<Task> {
  networkOf(config, 1); // a wrong name is said before data are looked for
  const [train, test] = await Promise.all([loadData(config, "train", undefined, hooks), loadData(config, "test", undefined, hooks)]);
  const net = networkOf(config, train.classes.length),
    count = train.images.shape[0]!;
  const batch = Math.min(config.batch, count),
    stepsPerEpoch = Math.floor(count / batch);
  const opt = optimizerOf(config, stepsPerEpoch),
    root = random.key(config.seed);
  const [initKey, orderRoot, stepRoot] = [streams.init, streams.order, streams.step].map((stream) => random.foldIn(root, stream));
  const { augment, policy, policyLayers: layers, policyMagnitude: magnitude, mixup, cutmix, erasing } = config;
  const crops = { pad: augment ? 4 : 0, flip: augment },
    policies = { randAugment: policy === "randaugment" ? { layers, magnitude } : null, autoAugment: policy === "autoaugment" };
  const plain = !augment && policy === "none" && mixup === 0 && cutmix === 0 && erasing === 0;
  return {
    config,
    net,
    train,
    test,
    batch,
    stepsPerEpoch,
    initial: () => tidy(() => initialTraining(net, opt, config, initKey!)),
    step: stepOf(net, opt, config),
    batchOptions: (key) => ({
      size: batch,
      key,
      dropLast: true,
      classes: train.classes.length,
      augment: plain ? false : { ...crops, ...policies, mixup, cutmix, erasing },
    }),
    epochKey: (epoch) => random.foldIn(orderRoot!, epoch),
    stepKey: (epoch, step) => random.foldIn(stepRoot!, epoch * stepsPerEpoch + step),
    dispose() {
      for (const x of [train.images, train.labels, test.images, test.labels, root, initKey!, orderRoot!, stepRoot!]) x.dispose();
    },
  };
}
