// Curvature: gradients and Hessian-vector products of each network's loss at fixed running statistics.
import { toleranceOf } from "../agreement.mjs";
import { normal } from "../inputs.mjs";
import { costOf, networkInputs, networks } from "./networks.mjs";

export async function curvatureCases() {
  const cases = [];
  for (const network of networks) {
    const { inputs, options } = await networkInputs(network),
      { macs, depth, paramCount } = await costOf(network),
      forward = 2 * macs * network.batch;
    cases.push({
      id: `curvature-${network.id}`,
      what: `Hessian-vector product, ${network.what}, batch ${network.batch}`,
      kind: "curvature",
      inputs: { ...inputs, v: normal([paramCount]) },
      options,
      entries: ["own:gradient", "torch:gradient", "own:hvp", "torch:hvp", "own:kept", "torch:kept", "own:singles8", "own:batched8"],
      same: [
        ["own:hvp", "own:kept"],
        ["own:singles8", "own:batched8"],
      ],
      slow: ["own:singles8", "own:batched8"],
      // Sums over the images and tokens of the batch, in a pass that is twice differentiated.
      tolerance: toleranceOf(1024, 4 * depth),
      flops: { gradient: 3 * forward, hvp: 8 * forward, kept: 6 * forward, batched8: 50 * forward, singles8: 64 * forward },
    });
  }
  return cases;
}
