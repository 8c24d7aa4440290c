import { evaluated, loadData, networkOf, readCheckpoint, readConfig, type Sharpness, type SharpnessOptions, sharpnessOf } from "../train/index.ts";
import { prepareDevice } from "./device.ts";
import { WrongUse } from "./errors.ts";
import type { CommonOptions } from "./options.ts";
import { count, duration, onOutput, print, printJson, Progress, significant } from "./terminal.ts";

interface MeasureOptions extends CommonOptions {
  readonly limit: number;
  readonly method: "lanczos" | "power" | "both";
  readonly smallest?: boolean;
  readonly block?: string;
  readonly batchNorm: "eval" | "train";
  readonly iterations: number;
  readonly tolerance: number;
}

export async function sharpnessCommand(run: string, options: MeasureOptions): Promise<void> {
  const { limit, method, smallest, block, batchNorm, iterations, tolerance, json, ...common } = options;
  if (smallest && method === "power")
    throw new WrongUse("--smallest goes with --method lanczos: power iteration finds the eigenvalue of largest magnitude");
  const config = await readConfig("sharpness", run);
  await prepareDevice(common);
  const { place, ...training } = await readCheckpoint("sharpness", run),
    { params, state } = evaluated(training);
  const progress = new Progress(),
    set = await loadData(config, "train", Math.min(limit, config.limit ?? limit));
  const net = networkOf({ ...config, dropout: 0, dropPath: 0, checkpoint: false }, set.classes.length);
  const found: (Sharpness & { seconds: number })[] = [];
  for (const one of method === "both" ? (["lanczos", "power"] as const) : [method]) {
    const began = performance.now();
    const onIteration: SharpnessOptions["onIteration"] = ({ iteration, value, residual }) =>
      progress.update(`${run} ${one}`, iteration, iterations, [`lambda_max ${significant(value, 3)}`, `residual ${significant(residual, 2)}`]);
    const ends = smallest && one === "lanczos" ? "both" : "largest";
    const measured = await sharpnessOf(net, params, state, set, {
      images: limit,
      method: one,
      ends,
      block,
      batchNorm,
      loss: config.loss,
      maxIterations: iterations,
      tol: tolerance,
      onIteration,
    });
    found.push({ ...measured, seconds: (performance.now() - began) / 1000 });
  }
  progress.stop();
  const [{ seconds, ...lambdaMax }, power] = found as [(typeof found)[0], (typeof found)[0]?];
  if (json) return printJson({ run, epoch: place.epoch, lambdaMax, seconds, ...(power && { power }) });
  const of = [
    block ? `the block ${block}` : "",
    lambdaMax.batchNorm ? `batch norms in ${lambdaMax.batchNorm} mode` : "",
    config.loss === "sigmoid" ? "sigmoid loss" : "",
    `${count(lambdaMax.images)} training images`,
  ].filter(Boolean);
  print(`${run}, epoch ${place.epoch} (${of.join(", ")})`);
  for (const one of found) print(lineOf(one));
}

function lineOf({ method, value, residual, iterations, converged, smallest, seconds }: Sharpness & { seconds: number }): string {
  const end = converged ? "" : ", not converged";
  const low = smallest ? `; smallest eigenvalue ${significant(smallest.value)}, residual ${significant(smallest.residual, 2)}` : "";
  return `${method}: lambda_max ${onOutput.bold(significant(value))}, residual ${significant(residual, 2)}${end} (${iterations} products, ${duration(seconds)})${low}`;
}
