import { compile, crossEntropy, evaluate as run, stack } from "../index.ts";
import { batches, type DataSet } from "../data/index.ts";
import type { Model } from "../models/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { normalize } from "./task.ts";

export interface Evaluation {
  readonly loss: number;
  readonly accuracy: number;
  readonly images: number;
}

/** Loss and accuracy of weights on a data set, without augmentation. */
type EvaluateOn = (params: any, state: any, set: DataSet, options?: { onBatch?: (done: number, images: number) => void }) => Promise<Evaluation>;
export type Evaluator = EvaluateOn & { dispose(): void };

const size = 256;

export function evaluatorOf(net: Model): Evaluator {
  // [sum of the losses, images classified rightly]
  const measure = compile(
    ((params: any, state: any, images: Tensor, labels: Tensor) => {
      const { out } = net.apply({ params, state }, normalize(images));
      return stack([crossEntropy(out, labels, { reduction: "sum" }), out.argmax({ axis: -1 }).equal(labels).sum().cast("f32")]);
    }) as any,
    { name: "evaluate" },
  ) as any;
  const evaluateOn: EvaluateOn = async (params, state, set, { onBatch } = {}) => {
    await run(params, state);
    const images = set.images.shape[0]!;
    let loss = 0,
      correct = 0,
      done = 0;
    for await (const batch of batches(set, { size })) {
      const count = batch.labels.shape[0]!,
        result: Tensor = measure(params, state, batch.images, batch.labels);
      batch.images.dispose();
      batch.labels.dispose();
      const [lossSum, rightly] = await result.data();
      result.dispose();
      [loss, correct, done] = [loss + lossSum!, correct + rightly!, done + count];
      onBatch?.(done, images);
    }
    return { loss: loss / images, accuracy: correct / images, images };
  };
  return Object.assign(evaluateOn, { dispose: () => measure.dispose() });
}
