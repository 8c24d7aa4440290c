import { fail } from "../core/errors.ts";
import type { Progress } from "../curvature/index.ts";
import { batches } from "../data/index.ts";
import { flattenTree } from "../graph/tree.ts";
import { tidy } from "../index.ts";
import { ravel, unravel } from "../tensor/flat.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { checkConfig, type TrainConfig } from "./config.ts";
import { allFinite, explainNonFinite } from "./diagnose.ts";
import { type Evaluation, evaluatorOf } from "./evaluate.ts";
import { type Checkpoint, type EpochLine, RunFolder, readConfig, type Sums, theBeginning } from "./folder.ts";
import { type Sharpness, sharpnessOf } from "./sharpness.ts";
import type { LoadHooks } from "./sources.ts";
import { compiledStep, evaluated, type Step, type Training } from "./step.ts";
import { type Task, taskOf } from "./task.ts";

/** What fit takes: settings, and where the run is kept. */
export interface FitConfig extends Partial<TrainConfig> {
  /** The run's folder; without it nothing is written. */
  readonly out?: string;
  /** Go on with the run in `out`: settings that are given must be those of its config.json. */
  readonly resume?: boolean;
  /** Threads that prepare batches; no bit depends on them. */
  readonly loaders?: number;
}

/** Where a run is: means are over the epoch so far. */
export interface StepInfo {
  /** From 1 on. */
  readonly epoch: number;
  /** Of the whole run. */
  readonly epochs: number;
  /** Steps done in this epoch, of `steps`. */
  readonly step: number;
  /** Of an epoch. */
  readonly steps: number;
  /** The mean loss of the images so far. */
  readonly loss: number;
  /** The share of the images so far that were classified rightly. */
  readonly accuracy: number;
  /** Images trained on in a second, since the epoch began or was gone on with. */
  readonly imagesPerSecond: number;
}

/** What is about to run, or to go on. */
export interface StartInfo {
  /** All settings, the defaults among them. */
  readonly config: TrainConfig;
  /** Trained numbers. */
  readonly params: number;
  /** Images trained on. */
  readonly trainImages: number;
  /** Images tested on. */
  readonly testImages: number;
  /** Steps of an epoch. */
  readonly stepsPerEpoch: number;
  /** Epochs done before, and steps of the next. */
  readonly epoch: number;
  /** Steps done of the next epoch. */
  readonly step: number;
}

/** What fit calls on its way. */
export interface FitHooks extends LoadHooks {
  /** Before the first step. */
  readonly onStart?: (info: StartInfo) => void;
  /** After each step, in order. */
  readonly onStep?: (info: StepInfo) => void;
  /** Images done, of all, of the evaluation after an epoch (test) and at the end (train). */
  readonly onEvaluate?: (split: "test" | "train", done: number, images: number) => void;
  /** After each Hessian-vector product of an epoch that measures lambda_max. */
  readonly onCurvature?: (progress: Progress, maxIterations: number) => void;
  /** After each epoch, with its line of the log. */
  readonly onEpoch?: (line: EpochLine) => void;
  /** Stops after the step at work: the place is saved, then the reason is thrown. */
  readonly signal?: AbortSignal;
}

/** What is kept of a run, in result.json. */
export interface TrainResult {
  /** The network's name. */
  readonly model: string;
  /** Trained numbers. */
  readonly params: number;
  /** The optimizer's name. */
  readonly optimizer: string;
  /** Whether it was trained with sharpness-aware minimization. */
  readonly sam: boolean;
  /** The length of SAM's perturbation; 0: without. */
  readonly rho: number;
  /** The run's seed. */
  readonly seed: number;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Training images that the figures of training are of. */
  readonly images: number;
  /** The mean loss of the training images at the end, without augmentation. */
  readonly trainLoss: number;
  /** The share of the training images that are classified rightly at the end, without augmentation. */
  readonly trainAccuracy: number;
  /** The mean loss of the test images after the last epoch. */
  readonly testLoss: number;
  /** The share of the test images that are classified rightly after the last epoch. */
  readonly testAccuracy: number;
  /** Of all epochs together. */
  readonly seconds: number;
  /** Images trained on in a second: the mean over the epochs. */
  readonly imagesPerSecond: number;
  /** The share of the training time that was spent waiting for data: the mean over the epochs. */
  readonly waitedForData: number;
}

/** What fit gives. */
export interface Fitted {
  /** The run's figures. */
  readonly result: TrainResult;
  /** The trained weights. */
  readonly params: any;
  /** Running statistics that belong to the weights; {} where there are none. */
  readonly state: any;
}

/** Trains. The bits of the weights depend on the configuration alone: not on threads, nor on stops in between. */
export async function fit(given: FitConfig, hooks: FitHooks = {}): Promise<Fitted> {
  const { out, resume = false, loaders, ...settings } = given;
  const config = resume ? await resumedConfig(out, settings) : checkConfig(settings);
  if (out !== undefined && !resume && RunFolder.holdsRun(out))
    fail("ERR_STATE", "fit", `${out} already holds a run; resume it, or choose another folder`);
  const task = await taskOf(config, hooks); // before any folder is made
  try {
    if (out === undefined) return await train(task, null, hooks, loaders);
    const folder = resume ? await RunFolder.reopen(out) : await RunFolder.create(out, config);
    try {
      return await train(task, folder, hooks, loaders);
    } finally {
      await folder.close();
    }
  } finally {
    task.dispose();
  }
}

async function resumedConfig(out: string | undefined, settings: Partial<TrainConfig>): Promise<TrainConfig> {
  if (out === undefined) return fail("ERR_ARGUMENT", "fit", "resume needs out, the folder of the run");
  const kept = await readConfig("fit", out);
  for (const [key, value] of Object.entries(settings)) {
    const before = kept[key as keyof TrainConfig];
    if (value !== undefined && JSON.stringify(value) !== JSON.stringify(before)) {
      fail(
        "ERR_ARGUMENT",
        "fit",
        `${out} was begun with ${key} ${JSON.stringify(before)}, and ${JSON.stringify(value)} is asked now; resume with the same, or choose another folder`,
      );
    }
  }
  return kept;
}

async function train(task: Task, folder: RunFolder | null, hooks: FitHooks, loaders = 1): Promise<Fitted> {
  const { config, net } = task;
  const found = (await folder?.restore(task)) ?? null;
  const place = found?.place ?? theBeginning;
  const lines = (await folder?.cutLog(place.epoch)) ?? [];
  let training = found ? reunited(found) : task.initial();
  const finished = place.epoch === config.epochs ? await folder?.result<TrainResult>() : null;
  if (finished) return { result: finished, ...weightsOf(training) };

  hooks.onStart?.({
    config,
    params: net.paramCount,
    trainImages: task.train.images.shape[0]!,
    testImages: task.test.images.shape[0]!,
    stepsPerEpoch: task.stepsPerEpoch,
    epoch: place.epoch,
    step: place.step,
  });
  const step = compiledStep(task.step),
    evaluate = evaluatorOf(net, config.loss);
  const evaluateOn = (split: "test" | "train") => {
    const { params, state } = evaluated(training);
    return evaluate(params, state, task[split], { onBatch: (done, images) => hooks.onEvaluate?.(split, done, images) });
  };
  try {
    for (let epoch = place.epoch; epoch < config.epochs; epoch++) {
      const began = performance.now();
      const [from, sums] = epoch === place.epoch ? [place.step, place.sums] : [0, theBeginning.sums];
      const done = await trainEpoch(task, step, training, epoch, from, sums, hooks, loaders);
      training = done.training;
      if (done.step < task.stepsPerEpoch) {
        await keep(folder, { ...training, place: { epoch, step: done.step, sums: done.sums } }, task.stepsPerEpoch);
        hooks.signal!.throwIfAborted();
      }
      const test = await evaluateOn("test");
      if (!Number.isFinite(test.loss)) throw new NonFinite(epoch, task.stepsPerEpoch - 1, test.loss);
      const { loss, correct, images } = done.sums;
      const line: EpochLine = {
        epoch: epoch + 1,
        trainLoss: loss / images,
        trainAccuracy: correct / images,
        testLoss: test.loss,
        testAccuracy: test.accuracy,
        seconds: (performance.now() - began) / 1000,
        imagesPerSecond: done.imagesPerSecond,
        waitedForData: done.waitedForData,
        ...(isMeasured(epoch + 1, config.logCurvature) && { lambdaMax: await curvatureOf(task, training, hooks) }),
      };
      lines.push(line);
      await folder?.log(line);
      await keep(folder, { ...training, place: { ...theBeginning, epoch: epoch + 1 } }, task.stepsPerEpoch);
      hooks.onEpoch?.(line);
      if (epoch + 1 < config.epochs) hooks.signal?.throwIfAborted();
    }
    const result = summary(task, lines, await evaluateOn("train"));
    await folder?.finish(result);
    return { result, ...weightsOf(training) };
  } catch (error) {
    if (error instanceof NonFinite) await reportNonFinite(task, folder, error);
    disposeTree(training);
    throw error;
  } finally {
    step.dispose();
    evaluate.dispose();
  }
}

/** What is left of a training at its end; the rest is given back. */
function weightsOf(training: Training): { params: any; state: any } {
  const chosen = evaluated(training);
  disposeTree(training.optimizer);
  disposeTree(chosen.params === training.params ? training.average : [training.params, training.state]);
  return chosen;
}

const isMeasured = (epochsDone: number, every: number): boolean => every > 0 && epochsDone % every === 0;
/** Of a lambda_max in the log: enough for a curve, quick beside an epoch. */
const logged = { images: 256, maxIterations: 30, tol: 1e-2 };

function curvatureOf({ net, config, train }: Task, training: Training, { onCurvature }: FitHooks): Promise<Sharpness> {
  const { params, state } = evaluated(training);
  return sharpnessOf(net, params, state, train, {
    ...logged,
    loss: config.loss,
    onIteration: (progress) => onCurvature?.(progress, logged.maxIterations),
  });
}

async function keep(folder: RunFolder | null, checkpoint: Checkpoint, stepsPerEpoch: number): Promise<void> {
  if (!folder) return;
  const { epoch, step } = checkpoint.place;
  if (!(await allFinite(checkpoint.params))) throw step > 0 ? new NonFinite(epoch, step - 1) : new NonFinite(epoch - 1, stepsPerEpoch - 1);
  await folder.save(checkpoint);
}

/** Something is no longer finite after this step: seen in its loss, or in the weights that it left. */
class NonFinite extends Error {
  constructor(
    readonly epoch: number,
    readonly step: number,
    readonly loss = Number.NaN,
  ) {
    super();
  }
}

async function reportNonFinite(task: Task, folder: RunFolder | null, { epoch, step, loss }: NonFinite): Promise<never> {
  const [kept, found] = await tidy(async () => {
    const last = (await folder?.restore(task)) ?? null;
    const from = last ? { ...last, ...reunited(last) } : { ...task.initial(), place: theBeginning };
    return [last?.place ?? null, await explainNonFinite(task, from, { epoch, step })] as const;
  });
  const where = kept
    ? `${folder!.path} keeps the weights of epoch ${kept.epoch}${kept.step ? `, step ${kept.step} of the next` : ""}`
    : "no weights had been saved yet";
  return fail(
    "ERR_STATE",
    "fit",
    `the loss became ${loss} in epoch ${epoch + 1}: ${found}; ${where} (a lower learning rate or a longer warm-up may help)`,
  );
}

/** What was read from a file, with the parameters as views of one vector again, as in a run that was not stopped. */
function reunited({ params, average, ...rest }: Training): Training {
  const united = (tree: any): any => (flattenTree(tree, isTensor).leaves.length > 0 ? unravel(ravel(tree), tree) : tree);
  const views = tidy(() => ({ params: united(params), average: united(average) }));
  disposeTree([params, average]);
  return { ...rest, ...views };
}

/** Steps that may be on the device before the first of their losses is looked at. */
const ahead = 2;

interface EpochDone {
  readonly training: Training;
  readonly step: number;
  readonly sums: Sums;
  readonly imagesPerSecond: number;
  readonly waitedForData: number;
}

async function trainEpoch(
  task: Task,
  step: Step,
  from: Training,
  epoch: number,
  firstStep: number,
  before: Sums,
  hooks: FitHooks,
  workers: number,
): Promise<EpochDone> {
  const { config, batch: size, stepsPerEpoch: steps } = task;
  using epochKey = task.epochKey(epoch);
  const source = batches(task.train, { ...task.batchOptions(epochKey), workers }),
    iterator = source[Symbol.asyncIterator]();
  const waiting: { step: number; read: Promise<Float32Array> }[] = [];
  let training = from,
    sums = before,
    done = firstStep;
  const began = performance.now();
  const imagesPerSecond = (): number => (1000 * (sums.images - before.images)) / (performance.now() - began);
  const lookAtOldest = async (): Promise<void> => {
    const { step: at, read } = waiting.shift()!,
      [loss, correct] = await read;
    if (!Number.isFinite(loss)) throw new NonFinite(epoch, at, loss!);
    sums = { loss: sums.loss + loss! * size, correct: sums.correct + correct!, images: sums.images + size };
    hooks.onStep?.({
      epoch: epoch + 1,
      epochs: config.epochs,
      step: at + 1,
      steps,
      loss: sums.loss / sums.images,
      accuracy: sums.correct / sums.images,
      imagesPerSecond: imagesPerSecond(),
    });
  };
  try {
    for (let skipped = 0; skipped < firstStep; skipped++) disposeTree((await iterator.next()).value);
    while (done < steps && !hooks.signal?.aborted) {
      const batch = (await iterator.next()).value!;
      using key = task.stepKey(epoch, done);
      const { metrics, training: moved } = step(training, batch.images, batch.labels, key);
      training = moved;
      disposeTree(batch);
      const read = (metrics.data() as Promise<Float32Array>).finally(() => metrics.dispose());
      read.catch(() => {}); // seen by lookAtOldest, unless an earlier step failed
      waiting.push({ step: done++, read });
      if (waiting.length > ahead) await lookAtOldest();
    }
    while (waiting.length > 0) await lookAtOldest();
  } catch (error) {
    await Promise.allSettled(waiting.map(({ read }) => read));
    disposeTree(training);
    throw error;
  } finally {
    await iterator.return?.();
  }
  const seconds = performance.now() - began;
  return { training, step: done, sums, imagesPerSecond: imagesPerSecond(), waitedForData: Math.min(1, source.waitedMs / seconds) };
}

function summary({ config, net }: Task, lines: readonly EpochLine[], train: Evaluation): TrainResult {
  const { model, optimizer, sam, seed, epochs } = config,
    last = lines.at(-1)!;
  const mean = (of: (line: EpochLine) => number): number => lines.reduce((sum, line) => sum + of(line), 0) / lines.length;
  return {
    model,
    params: net.paramCount,
    optimizer,
    sam: sam > 0,
    rho: sam,
    seed,
    epochs,
    images: train.images,
    trainLoss: train.loss,
    trainAccuracy: train.accuracy,
    testLoss: last.testLoss,
    testAccuracy: last.testAccuracy,
    seconds: lines.reduce((sum, { seconds }) => sum + seconds, 0),
    imagesPerSecond: mean((line) => line.imagesPerSecond),
    waitedForData: mean((line) => line.waitedForData),
  };
}

function disposeTree(tree: unknown): void {
  for (const leaf of flattenTree(tree, isTensor).leaves as Tensor[]) leaf.dispose();
}
