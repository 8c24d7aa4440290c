import { totalmem } from "node:os";
import { hessian, lambdaMax, type Progress } from "../curvature/index.ts";
import type { DataSet } from "../data/index.ts";
import { flattenTree } from "../graph/tree.ts";
import { crossEntropy, memory, random, type SteppeError } from "../index.ts";
import type { Model } from "../models/index.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { normalize } from "./task.ts";

export interface Sharpness {
  /** The largest eigenvalue of the Hessian of the loss, and ||H v - value v||. */
  readonly value: number;
  readonly residual: number;
  readonly iterations: number;
  readonly images: number;
}

export interface SharpnessOptions {
  /** Training images that the loss is the mean over. */
  readonly images: number;
  readonly maxIterations?: number;
  readonly tol?: number;
  readonly seed?: number;
  readonly onIteration?: (progress: Progress) => void;
}

/** Images of one plan: fewer for larger networks, whose products need memory. */
const batchFor = ({ macs }: Model): number => 2 ** Math.floor(Math.log2(Math.min(128, Math.max(1, 2e10 / macs))));
/** The share of the machine's memory that the kept primal passes may take. */
const keptShare = 0.4;

/** lambda_max of the cross-entropy on the first images of a set, without augmentation and weight decay. */
export async function sharpnessOf(net: Model, params: any, state: any, set: DataSet, options: SharpnessOptions): Promise<Sharpness> {
  const { maxIterations = 100, tol = 1e-3, seed = 0, onIteration } = options;
  // The operator is the mean over batches, so they must be of one size; up to (batches - 1) images are left out.
  const wanted = Math.min(options.images, set.images.shape[0]!),
    count = Math.ceil(wanted / batchFor(net)),
    size = Math.floor(wanted / count);
  const batches = Array.from({ length: count }, (_, i) => [set.images.at([i * size, (i + 1) * size]), set.labels.at([i * size, (i + 1) * size])]);
  const loss = (p: any, x: Tensor, labels: Tensor) => crossEntropy(net.apply({ params: p, state }, normalize(x)).out, labels);
  const keep = keptFits(count * size * net.macs, loss, params, batches);
  using H = hessian(loss, params, batches, { keep });
  using key = random.key(seed);
  const { value, residual, iterations, vector } = await lambdaMax(H, { method: "lanczos", maxIterations, tol, key, onIteration });
  for (const leaf of flattenTree([vector, batches], isTensor).leaves) leaf.dispose();
  return { value, residual, iterations, images: count * size };
}

/** Whether the primal passes of all batches can be kept, which saves a quarter of the work. A multiply-add leaves at most about a byte. */
function keptFits(macs: number, loss: Parameters<typeof hessian>[0], params: any, batches: readonly Tensor[][]): boolean {
  const room = keptShare * totalmem();
  if (macs < room) return true;
  const inUse = (): number => Object.values(memory()).reduce((sum, { bytesInUse }) => sum + bytesInUse, 0),
    before = inUse();
  try {
    using _one = hessian(loss, params, batches.slice(0, 1), { keep: true });
    return (inUse() - before) * batches.length < room;
  } catch (error) {
    if ((error as SteppeError).code !== "ERR_OUT_OF_MEMORY") throw error;
    return false;
  }
}
