import { flattenTree } from "../graph/tree.ts";
import { compile, crossEntropy, evaluate, random, tidy, valueAndGrad, zeros } from "../index.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { checkConfig, networkOf, normalize, type TrainConfig } from "../train/index.ts";
import type { Plan, Preset } from "./presets.ts";

export interface Estimate {
  readonly seconds: number;
  /** Floating-point operations. */
  readonly operations: number;
}

// In units of one forward pass: a gradient 3, a Hessian-vector product with the primal pass kept 6, and 2 once for that pass.
const gradient = 3,
  product = 6,
  primal = 2;

/** Lanczos' products until an eigenvalue that stands out has converged, and one that measures it. */
const products = 8;

/** Forward passes of an image that a row stands for: training, evaluations, lambda_max, the landscape. */
function forwardsOf(config: TrainConfig, { sharpness, landscape, seeds }: Preset): number {
  const images = (config.limit ?? 50_000) * config.fraction,
    tested = config.testLimit ?? Math.min(images, 10_000);
  const training = config.epochs * images * gradient * (config.sam > 0 ? 2 : 1),
    evaluation = config.epochs * tested + images;
  const lambda = sharpness.images * (primal + product * Math.min(products, sharpness.maxIterations)),
    surface = sharpness.images * landscape.points ** (config.seed === seeds[0] ? landscape.dimensions : 1);
  return training + evaluation + lambda + surface;
}

/** How long rows will take on this machine: a step of each network is measured, and the rest is counted in units of its forward pass. */
export async function estimateOf(plans: readonly Plan[], preset: Preset): Promise<Estimate> {
  const forward = new Map<string, number>();
  let seconds = 0,
    operations = 0;
  for (const { model, settings } of plans) {
    const config = checkConfig(settings),
      forwards = forwardsOf(config, preset);
    const known = forward.get(model.id) ?? (await secondsForward(config));
    forward.set(model.id, known);
    seconds += forwards * known;
    operations += forwards * 2 * networkOf(config).macs;
  }
  return { seconds, operations };
}

/** Seconds of the forward pass of one image, as part of a gradient step. */
async function secondsForward(config: TrainConfig): Promise<number> {
  const net = networkOf(config),
    size = config.batch,
    rounds = 2;
  const { image, channels } = net.config as { image: number; channels: number };
  const step = compile(
    (params: any, state: any, x: Tensor, labels: Tensor) =>
      valueAndGrad((p: any) => crossEntropy(net.apply({ params: p, state }, normalize(x), { train: true }).out, labels))(params),
    { name: "estimate" },
  );
  const inputs = tidy(() => {
    const { params, state } = net.init(random.key(0));
    return { params, state, x: zeros([size, image, image, channels], { dtype: "u8" }), labels: zeros([size], { dtype: "i32" }) };
  });
  const once = async (): Promise<number> => {
    const began = performance.now();
    await tidy(async () => evaluate(step(inputs.params, inputs.state, inputs.x, inputs.labels)));
    return performance.now() - began;
  };
  await once();
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) times.push(await once());
  step.dispose();
  for (const leaf of flattenTree(inputs, isTensor).leaves as Tensor[]) leaf.dispose();
  return Math.min(...times) / 1000 / size / gradient;
}
