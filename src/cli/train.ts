import { type FitConfig, fit, type FitHooks, type StepInfo, type TrainConfig } from "../train/index.ts";
import { prepareDevice } from "./device.ts";
import { Stopped } from "./errors.ts";
import type { CommonOptions } from "./options.ts";
import { stopOnInterrupt } from "./stopping.ts";
import { count, duration, onError, onOutput, percent, print, printJson, Progress, significant } from "./terminal.ts";

interface TrainOptions extends CommonOptions, Partial<Omit<TrainConfig, "augment">> {
  /** Commander gives true where --no-augment does not stand. */
  readonly augment: boolean;
  readonly out?: string;
  readonly resume?: boolean;
  readonly loaders?: number;
}

export async function trainCommand({ json, device, threads, out: folder, resume, loaders, augment, ...given }: TrainOptions): Promise<void> {
  await prepareDevice({ device, threads });
  const settings: FitConfig = { ...given, ...(augment ? {} : { augment }) },
    out = folder ?? defaultFolder(settings);
  const { signal, done } = stopOnInterrupt(),
    progress = new Progress();
  try {
    const { result } = await fit({ ...settings, out, resume, loaders }, { ...reports(progress), signal });
    progress.stop();
    if (json) return printJson({ ...result, out });
    print(
      `${onOutput.bold(result.model)}  test accuracy ${percent(result.testAccuracy)}, loss ${significant(result.testLoss)}  |  train accuracy ${percent(result.trainAccuracy)}, loss ${significant(result.trainLoss)}\n` +
        `${duration(result.seconds)}, ${count(result.imagesPerSecond)} images/s, ${percent(result.waitedForData)} of it waiting for data. Written to ${out}.\nHow sharp is this minimum?  steppe sharpness ${out}`,
    );
  } catch (error) {
    progress.stop();
    if (signal.aborted && error === signal.reason) throw new Stopped(`stopped and saved; go on with: steppe train --resume --out ${out}`);
    throw error;
  } finally {
    done();
  }
}

const defaultFolder = ({ model = "vit-ti/4", optimizer = "adamw", sam = 0, seed = 0 }: FitConfig): string =>
  `runs/${model.replaceAll("/", "-")}-${optimizer}${sam > 0 ? `-sam${sam}` : ""}-seed${seed}`;

/** Shows a run: a bar while it works, a line for each epoch. */
export function reports(progress: Progress, label = ""): FitHooks {
  let last: StepInfo | null = null,
    stepsPerEpoch = 0,
    epochs = 0;
  const name = (epoch: number): string => `${label}epoch ${String(epoch).padStart(String(epochs).length)}/${epochs}`;
  const left = ({ epoch, step, steps, imagesPerSecond }: StepInfo, batch: number): string => {
    const remaining = (epochs - epoch) * steps + steps - step;
    return imagesPerSecond > 0 ? `${duration((remaining * batch) / imagesPerSecond)} left` : "";
  };
  let batch = 1;
  return {
    onLoad: (done, images) => progress.update(`${label}images`, done, images, ["decoding"]),
    onSkip: (path, reason) => progress.line(`${label}left out: ${path} (${reason})`),
    onStart({ config, params, trainImages, testImages, stepsPerEpoch: steps, epoch, step }) {
      [stepsPerEpoch, epochs, batch] = [steps, config.epochs, Math.floor(trainImages / steps)];
      const how = `${config.optimizer}, lr ${config.lr}${config.sam > 0 ? `, SAM rho ${config.sam}` : ""}, seed ${config.seed}`;
      progress.line(
        `${label}${onError.bold(config.model)}  ${count(params)} parameters  ${count(trainImages)} + ${count(testImages)} images of ${config.data}  ${how}`,
      );
      if (epoch > 0 || step > 0) progress.line(`${label}going on after epoch ${epoch}${step > 0 ? `, step ${step} of ${steps}` : ""}`);
      progress.update(name(Math.min(epoch + 1, epochs)), step, steps, ["getting ready"]);
    },
    onStep(info) {
      last = info;
      progress.update(name(info.epoch), info.step, stepsPerEpoch, [
        `loss ${info.loss.toFixed(3)}`,
        `acc ${percent(info.accuracy)}`,
        left(info, batch),
        `${count(info.imagesPerSecond)} images/s`,
      ]);
    },
    onEvaluate(split, done, images) {
      progress.update(split === "test" ? name(last?.epoch ?? epochs) : `${label}evaluation`, done, images, [`${split} images`]);
    },
    onCurvature: ({ iteration, value }, most) =>
      progress.update(name(last?.epoch ?? epochs), iteration, most, ["Hessian products", `lambda_max ${significant(value, 3)}`]),
    onEpoch({ epoch, trainLoss, trainAccuracy, testLoss, testAccuracy, imagesPerSecond, seconds, waitedForData, lambdaMax }) {
      const losses = `loss ${trainLoss.toFixed(3)}  acc ${percent(trainAccuracy)}  test loss ${testLoss.toFixed(3)}  test acc ${percent(testAccuracy)}`;
      const waited = waitedForData >= 0.02 ? `  ${percent(waitedForData)} waiting for data` : "";
      const sharpness = lambdaMax ? `  lambda_max ${significant(lambdaMax.value, 3)}` : "";
      progress.line(`${name(epoch)}  ${losses}${sharpness}  ${count(imagesPerSecond)} images/s  ${duration(seconds)}${waited}`);
    },
  };
}
