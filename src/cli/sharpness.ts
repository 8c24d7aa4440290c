import { loadData, networkOf, readCheckpoint, readConfig, type SharpnessOptions, sharpnessOf } from "../train/index.ts";
import { prepareDevice } from "./device.ts";
import type { CommonOptions } from "./options.ts";
import { count, duration, onOutput, print, printJson, Progress, significant } from "./terminal.ts";

interface MeasureOptions extends CommonOptions {
  readonly limit: number;
  readonly iterations: number;
  readonly tolerance: number;
}

export async function sharpnessCommand(run: string, { limit, iterations, tolerance, json, ...common }: MeasureOptions): Promise<void> {
  const config = await readConfig("sharpness", run);
  await prepareDevice(common);
  const { params, state, place } = await readCheckpoint("sharpness", run);
  const progress = new Progress(),
    set = await loadData(config, "train", Math.min(limit, config.limit ?? limit)),
    began = performance.now();
  const onIteration: SharpnessOptions["onIteration"] = ({ iteration, value, residual }) =>
    progress.update(run, iteration, iterations, [`lambda_max ${significant(value, 3)}`, `residual ${significant(residual, 2)}`]);
  const lambdaMax = await sharpnessOf(networkOf(config), params, state, set, {
    images: limit,
    maxIterations: iterations,
    tol: tolerance,
    onIteration,
  });
  progress.stop();
  const seconds = (performance.now() - began) / 1000;
  if (json) return printJson({ run, epoch: place.epoch, lambdaMax, seconds });
  print(
    `${run}, epoch ${place.epoch}: lambda_max ${onOutput.bold(significant(lambdaMax.value))}, residual ${significant(lambdaMax.residual, 2)} ` +
      `(${lambdaMax.iterations} iterations on ${count(lambdaMax.images)} training images, ${duration(seconds)})`,
  );
}
