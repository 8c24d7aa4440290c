import { compile, crossEntropy, random, stack, tidy, valueAndGrad } from "../index.ts";
import { cifar10, type DataSet, fashionMnist, mnist } from "../data/index.ts";
import { create, type Model } from "../models/index.ts";
import { adamw, lamb, type Optimizer, sam, sgd, warmupCosine } from "../optim/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";

/** The trees that a step moves on. */
export interface Training {
  readonly params: any;
  readonly state: any;
  readonly optimizer: any;
}
/** metrics: [mean loss, images classified rightly] of the batch, as f32. */
export type Step = (params: any, state: any, optimizer: any, images: Tensor, labels: Tensor, key: Tensor) => Training & { readonly metrics: Tensor };

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
  /** The order and the crops of an epoch's images. */
  orderKey(epoch: number): Tensor;
  /** What is random in the network in one step. */
  stepKey(epoch: number, step: number): Tensor;
  dispose(): void;
}

const sources = {
  cifar10: { load: cifar10, image: 32, channels: 3, classes: 10 },
  mnist: { load: mnist, image: 28, channels: 1, classes: 10 },
  "fashion-mnist": { load: fashionMnist, image: 28, channels: 1, classes: 10 },
};

/** The images of a split; `limit` replaces the run's own. */
export function loadData(
  { data, dataDir, limit, testLimit }: TrainConfig,
  split: "train" | "test",
  images = (split === "test" ? testLimit : null) ?? limit,
): Promise<DataSet> {
  return sources[data].load({ split, limit: images ?? undefined, dir: dataDir ?? undefined });
}

export function networkOf({ model, sizes, dropout, data }: TrainConfig): Model {
  const { image, channels, classes } = sources[data];
  return create(model, { image, channels, classes, dropout, ...sizes });
}

/** u8 pixels to -1 ... 1. */
export const normalize = (images: Tensor): Tensor => images.cast("f32").div(127.5).sub(1);

function optimizerOf(config: TrainConfig, stepsPerEpoch: number): Optimizer {
  const { optimizer, lr: peak, weightDecay, warmup, epochs } = config;
  const steps = epochs * stepsPerEpoch,
    lr = warmupCosine({ peak, warmup: Math.min(Math.round(warmup * stepsPerEpoch), steps - 1), steps });
  if (optimizer === "sgd") return sgd({ lr, weightDecay, momentum: 0.9 });
  return { adamw, lamb }[optimizer]({ lr, weightDecay });
}

function stepOf(net: Model, opt: Optimizer, rho: number): Step {
  const loss = (params: any, state: any, images: Tensor, labels: Tensor, key: Tensor) => {
    const { out, state: moved } = net.apply({ params, state }, normalize(images), { train: true, key });
    return [crossEntropy(out, labels), { state: moved, correct: out.argmax({ axis: -1 }).equal(labels).sum() }];
  };
  const gradient: (...args: any[]) => any = rho > 0 ? sam(loss, { rho, hasAux: true }) : valueAndGrad(loss as any, { hasAux: true });
  return (params, state, optimizer, images, labels, key) => {
    const [[value, aux], grads] = gradient(params, state, images, labels, key);
    const next = opt.step(params, grads, optimizer);
    return { params: next.params, state: aux.state, optimizer: next.state, metrics: stack([value, aux.correct.cast("f32")]) };
  };
}

// Three streams of one seed.
const streams = { init: 0, order: 1, step: 2 };

export async function taskOf(config: TrainConfig): Promise<Task> {
  const net = networkOf(config); // a wrong name is said before data are looked for
  const [train, test] = await Promise.all([loadData(config, "train"), loadData(config, "test")]);
  const count = train.images.shape[0]!;
  const batch = Math.min(config.batch, count),
    stepsPerEpoch = Math.floor(count / batch);
  const opt = optimizerOf(config, stepsPerEpoch),
    root = random.key(config.seed);
  const [initKey, orderRoot, stepRoot] = [streams.init, streams.order, streams.step].map((stream) => random.foldIn(root, stream));
  return {
    config,
    net,
    train,
    test,
    batch,
    stepsPerEpoch,
    initial() {
      return tidy(() => {
        const { params, state } = net.init(initKey!);
        return { params, state, optimizer: opt.init(params) };
      });
    },
    step: stepOf(net, opt, config.sam),
    orderKey: (epoch) => random.foldIn(orderRoot!, epoch),
    stepKey: (epoch, step) => random.foldIn(stepRoot!, epoch * stepsPerEpoch + step),
    dispose() {
      for (const x of [train.images, train.labels, test.images, test.labels, root, initKey!, orderRoot!, stepRoot!]) x.dispose();
    },
  };
}

export const compiledStep = (task: Task): Step & { dispose(): void } => compile(task.step as any, { donate: [0, 1, 2], name: "trainStep" }) as any;
