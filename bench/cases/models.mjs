// Training: a plain step and a step with SAM of each network, AdamW, in training mode.
import { toleranceOf } from "../agreement.mjs";
import { labels, normal } from "../inputs.mjs";
import { costOf, networkInputs, networks } from "./networks.mjs";

export async function modelCases() {
  const cases = [];
  for (const network of networks) {
    const { inputs, options } = await networkInputs(network),
      { macs, depth } = await costOf(network),
      flops = 6 * macs * network.batch;
    cases.push({
      id: network.id,
      what: `training step, ${network.what}, batch ${network.batch}`,
      kind: "training",
      inputs,
      // The check is of losses after steps. With the usual eps of 1e-8 the first steps are the gradient's signs, which rounding turns where it is near
      // zero, and large steps carry that into the loss: neither changes what a step costs.
      options: { ...options, lr: 1e-4, weightDecay: 0.1, eps: 1e-4, rho: 0.05 },
      entries: ["own:step", "torch:step", "own:sam", "torch:sam", "own1:step"],
      checks: 3,
      tolerance: toleranceOf(1024, depth),
      flops: { step: flops, sam: 2 * flops },
    });
  }
  return [...cases, mlpCase()];
}

/** What every peer in JavaScript can do. */
export function mlpCase() {
  const sizes = [256, 256, 256, 10],
    weights = Object.fromEntries([1, 2, 3].map((i) => [`w${i}`, normal([sizes[i - 1], sizes[i]], { std: sizes[i - 1] ** -0.5 })])),
    tangents = Object.fromEntries([1, 2, 3].map((i) => [`v${i}`, normal([8, sizes[i - 1], sizes[i]])]));
  return {
    id: "mlp",
    what: "perceptron 256-256-256-10 with GELU, batch 64: a step of SGD, and 8 Hessian-vector products",
    kind: "mlp",
    inputs: { x: normal([64, 256]), labels: labels(64, 10), ...weights, ...tangents },
    options: { lr: 0.1 },
    entries: ["own:step", "torch:step", "jaxjs:step", "tfjs:step", "own:hvp8", "jaxjs:hvp8", "tfjs:hvp8"],
    tolerance: toleranceOf(256, 12),
  };
}
