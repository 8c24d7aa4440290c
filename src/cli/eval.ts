import { evaluated, evaluatorOf, loadData, networkOf, readCheckpoint, readConfig } from "../train/index.ts";
import { prepareDevice } from "./device.ts";
import type { CommonOptions } from "./options.ts";
import { count, percent, print, printJson, Progress, significant } from "./terminal.ts";

interface EvalOptions extends CommonOptions {
  readonly split: "test" | "train";
  readonly limit?: number;
}

export async function evalCommand(run: string, { split, limit, json, ...common }: EvalOptions): Promise<void> {
  const config = await readConfig("eval", run);
  await prepareDevice(common);
  const { place, ...training } = await readCheckpoint("eval", run),
    { params, state } = evaluated(training),
    progress = new Progress();
  const set = await loadData(config, split, limit),
    measure = evaluatorOf(networkOf(config, set.classes.length), config.loss);
  const { loss, accuracy, images } = await measure(params, state, set, {
    onBatch: (done, all) => progress.update(run, done, all, [`${split} images`]),
  });
  progress.stop();
  if (json) return printJson({ run, epoch: place.epoch, split, images, accuracy, loss });
  print(`${run}, epoch ${place.epoch}: ${split} accuracy ${percent(accuracy)}, loss ${significant(loss)} (${count(images)} images)`);
}
