import { compile, evaluate as run, stack } from "../index.ts";
import { batches, type DataSet } from "../data/index.ts";
import type { Model } from "../models/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";
import { normalize } from "./sources.ts";
import { correctOf, lossesOf } from "./step.ts";

/** How good weights are on a data set. */
export interface Evaluation {
  /** The mean over the images. */
  readonly loss: number;
  /** The share of the images that are classified rightly. */
  readonly accuracy: number;
  /** How many there were. */
  readonly images: number;
}

/** Loss and accuracy of weights on a data set, without augmentation. */
type EvaluateOn = (params: any, state: any, set: DataSet, options?: { onBatch?: (done: number, images: number) => void }) => Promise<Evaluation>;
/** Loss and accuracy of weights on a data set, without augmentation; dispose() frees its plan. */
export type Evaluator = EvaluateOn & { dispose(): void };

const size = 256;

/** An evaluator for a network, compiled once; it takes batches of 256 images. */
export function evaluatorOf(net: Model, loss: TrainConfig["loss"]): Evaluator {
  // [sum of the losses, images classified rightly]
  const measure = compile(
    ((params: any, state: any, images: Tensor, labels: Tensor) => {
      const { out } = net.apply({ params, state }, normalize(images));
      return stack([lossesOf(loss, out, labels).sum(), correctOf(out, labels)]);
    }) as any,
    { name: "evaluate" },
  ) as any;
  const evaluateOn: EvaluateOn = async (params, state, set, { onBatch } = {}) => {
    await run(params, state);
    const images = set.images.shape[0]!;
    let sum = 0,
      correct = 0,
      done = 0;
    for await (const batch of batches(set, { size })) {
      const count = batch.labels.shape[0]!,
        result: Tensor = measure(params, state, batch.images, batch.labels);
      batch.images.dispose();
      batch.labels.dispose();
      const [lossSum, rightly] = await result.data();
      result.dispose();
      [sum, correct, done] = [sum + lossSum!, correct + rightly!, done + count];
      onBatch?.(done, images);
    }
    return { loss: sum / images, accuracy: correct / images, images };
  };
  return Object.assign(evaluateOn, { dispose: () => measure.dispose() });
}
