import { totalmem } from "node:os";
import { type HessianOperator, hessian, lambdaMax, type Progress, spectrum } from "../curvature/index.ts";
import { fail, nearest } from "../core/errors.ts";
import type { DataSet } from "../data/index.ts";
import { flattenTree } from "../graph/tree.ts";
import { random } from "../index.ts";
import type { Model } from "../models/index.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import type { TrainConfig } from "./config.ts";
import { normalize } from "./sources.ts";
import { lossesOf } from "./step.ts";

/** What sharpnessOf takes. */
export interface SharpnessOptions {
  /** Training images that the loss is the mean over. */
  readonly images: number;
  /** "lanczos": the largest eigenvalue; "power": the one of largest magnitude, by power iteration, as the slides' figures. */
  readonly method?: "lanczos" | "power";
  /** "both": the smallest eigenvalue too, from the same Lanczos run. */
  readonly ends?: "largest" | "both";
  /** Only the parameters whose path begins so: "blocks.3", "blocks.3.attention". */
  readonly block?: string;
  /** Batch norms with the running statistics (eval), or with those of each batch (train), through which the Hessian then goes. */
  readonly batchNorm?: "eval" | "train";
  /** The loss whose Hessian it is. Default: "softmax". */
  readonly loss?: TrainConfig["loss"];
  /** Hessian-vector products at most. Default: 100. */
  readonly maxIterations?: number;
  /** It ends where the residual is at most tol times the value. Default: 1e-3. */
  readonly tol?: number;
  /** Of the first vector. Default: 0. */
  readonly seed?: number;
  /** After each product. */
  readonly onIteration?: (progress: Progress) => void;
}

/** How sharp the loss is at some weights. */
export interface Sharpness {
  /** The eigenvalue of the Hessian of the loss, and ||H v - value v||. */
  readonly value: number;
  /** ||H v - value v||: an eigenvalue lies within it. */
  readonly residual: number;
  /** Hessian-vector products, those that measure the result not counted. */
  readonly iterations: number;
  /** The residual is at most tol times the value. */
  readonly converged: boolean;
  /** Images that the loss is the mean over: full batches of one size. */
  readonly images: number;
  /** How it was found. */
  readonly method: "lanczos" | "power";
  /** The loss whose Hessian it is. */
  readonly loss: TrainConfig["loss"];
  /** null: the network has no batch norms. */
  readonly batchNorm: "eval" | "train" | null;
  /** The parameters that it is about; null: all. */
  readonly block: string | null;
  /** The smallest eigenvalue, where it was asked for. */
  readonly smallest?: { readonly value: number; readonly residual: number };
}

/** Images of one plan: fewer for larger networks, whose products need memory. */
const batchFor = ({ macs }: Model): number => 2 ** Math.floor(Math.log2(Math.min(128, Math.max(1, 2e10 / macs))));
/** The share of the machine's memory that the kept primal passes may take. */
const keptShare = 0.4;

/** lambda_max of the loss on the first images of a set, without augmentation, dropout, label smoothing and weight decay. */
export async function sharpnessOf(net: Model, params: any, state: any, set: DataSet, options: SharpnessOptions): Promise<Sharpness> {
  const { block = null, batchNorm = "eval", loss: kind = "softmax", method = "lanczos" } = options;
  // The operator is the mean over batches, so they must be of one size; up to (batches - 1) images are left out.
  const wanted = Math.min(options.images, set.images.shape[0]!),
    count = Math.ceil(wanted / batchFor(net)),
    size = Math.floor(wanted / count);
  const batches = Array.from({ length: count }, (_, i) => [set.images.at([i * size, (i + 1) * size]), set.labels.at([i * size, (i + 1) * size])]);
  const loss = (p: any, x: Tensor, labels: Tensor) =>
    lossesOf(kind, net.apply({ params: p, state }, normalize(x), { train: batchNorm === "train" }).out, labels).mean();
  const only = block === null ? undefined : within(block, params);
  using H = hessian(loss, params, batches, { keep: keptShare * totalmem(), only });
  const found = await eigenvaluesOf(H, options);
  for (const leaf of flattenTree(batches, isTensor).leaves as Tensor[]) leaf.dispose();
  const hasState = flattenTree(state, isTensor).leaves.length > 0;
  return { ...found, images: count * size, method, loss: kind, batchNorm: hasState ? batchNorm : null, block };
}

/** Whether a path is in the block, which must hold at least one parameter. */
function within(block: string, params: any): (path: string) => boolean {
  const isIn = (path: string): boolean => path === block || path.startsWith(`${block}.`);
  const { paths } = flattenTree(params, isTensor);
  if (paths.some(isIn)) return isIn;
  const parts = [...new Set(paths.map((path) => /^[^.]+(\.\d+)?/.exec(path)![0]))],
    near = nearest(block, parts);
  const sentence = `no parameter is in the block "${block}"${near ? ` (did you mean "${near}"?)` : ""}; there are ${parts.join(", ")}, and parts of these`;
  return fail("ERR_ARGUMENT", "sharpness", sentence);
}

type Found = Pick<Sharpness, "value" | "residual" | "iterations" | "converged" | "smallest">;

async function eigenvaluesOf(H: HessianOperator, options: SharpnessOptions): Promise<Found> {
  const { method = "lanczos", ends = "largest", maxIterations = 100, tol = 1e-3, seed = 0, onIteration } = options;
  using key = random.key(seed);
  const limits = { maxIterations, tol, key };
  const withoutVector = ({ vector, ...rest }: { vector: any; value: number; residual: number }) => {
    for (const leaf of flattenTree(vector, isTensor).leaves as Tensor[]) leaf.dispose();
    return rest;
  };
  if (ends === "largest") {
    const { iterations, converged, ...pair } = await lambdaMax(H, { ...limits, method, onIteration });
    return { ...withoutVector(pair), iterations, converged };
  }
  let iterations = 0;
  const progress = (at: Progress): void => {
    iterations = at.iteration;
    onIteration?.(at);
  };
  const [largest, smallest] = (await spectrum(H, { ...limits, k: 1, which: "both", onIteration: progress })).map(withoutVector);
  return { ...largest!, iterations, converged: largest!.residual <= tol * Math.abs(largest!.value), smallest };
}
