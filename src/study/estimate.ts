import { evaluate, random } from "../index.ts";
import { checkConfig, networkOf } from "../train/index.ts";
import type { Plan, Preset } from "./presets.ts";

// In units of one forward pass: a gradient 3, a Hessian-vector product with the primal pass kept 6, and 2 once for that pass.
const gradient = 3,
  product = 6,
  primal = 2;

/** Lanczos' products until an eigenvalue that stands out has converged. */
const products = 8;

/** Floating-point operations of a row: training, evaluations, and lambda_max. */
export function operationsOf({ settings }: Plan, { sharpness }: Preset): number {
  const config = checkConfig(settings),
    forward = 2 * networkOf(config).macs;
  const images = config.limit ?? 50_000,
    tested = config.testLimit ?? Math.min(images, 10_000);
  const training = config.epochs * images * gradient * (config.sam > 0 ? 2 : 1),
    evaluation = config.epochs * tested + images;
  return forward * (training + evaluation + sharpness.images * (primal + product * Math.min(products, sharpness.maxIterations)));
}

/** The share of the rate of a large matmul that a small network gets. */
const share = 0.4;

/** Operations in a second that this machine will give to a row: measured on matmuls. */
export async function measureRate(): Promise<number> {
  const n = 512,
    rounds = 4;
  using key = random.key(0);
  using x = random.normal(key, [n, n]);
  const round = async (): Promise<number> => {
    using y = x.matmul(x);
    const began = performance.now();
    await evaluate(y);
    return performance.now() - began;
  };
  await round();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await round());
  return (share * 2 * n ** 3) / (Math.min(...times) / 1000);
}
