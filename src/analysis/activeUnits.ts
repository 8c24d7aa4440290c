import { fail } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { compile, evaluate, stack } from "../index.ts";
import type { Model } from "../models/index.ts";
import type { Variables } from "../nn/index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What comes out of an MLP's GELU, and of a ResNet's ReLUs. */
const isActivation = (path: string): boolean => /\.(hidden|relu\d+)$/.test(path);

/** How many outputs of one activation are above 0. */
export interface ActiveUnits {
  /** "blocks.3.mlp.hidden", "blocks.3.tokens.hidden", "stage2.0.relu1". */
  readonly path: string;
  /** The share of the activations above 0. */
  readonly share: number;
}

/**
 * The share of the MLPs' GELU outputs, or a ResNet's ReLU outputs, that are above 0: over all units, tokens and images, one number an activation, from the
 * first block to the last (Chen, Hsieh, Gong 2022, "When Vision Transformers Outperform ResNets", appendix; both forms of GELU are above 0 just where their
 * input is). `batches` are images [N, H, W, C] as the network takes them. ERR_ARGUMENT without batches, and for a network without such activations.
 */
export async function activeUnits(net: Model<any>, variables: Variables, batches: readonly Tensor[]): Promise<ActiveUnits[]> {
  if (batches.length === 0) fail("ERR_ARGUMENT", "activeUnits", "at least one batch of images was expected, got none");
  let units: { readonly path: string; readonly size: number }[] = [];
  const count = compile(
    ({ params, state }: Variables, images: Tensor) => {
      const seen = Object.entries(net.apply({ params, state }, images, { observe: isActivation }).seen);
      if (seen.length === 0) fail("ERR_ARGUMENT", "activeUnits", `${net.name} has no activations named hidden or relu`);
      units = seen.map(([path, { shape }]) => ({ path, size: sizeOf(shape.slice(1)) }));
      return stack(seen.map(([, x]) => x.greater(0).sum()));
    },
    { name: "activeUnits" },
  );
  try {
    await evaluate(variables);
    let images = 0;
    const active: number[] = [];
    for (const batch of batches) {
      using counts = count(variables, batch) as Tensor;
      (await counts.data()).forEach((n, i) => (active[i] = (active[i] ?? 0) + Number(n)));
      images += batch.shape[0]!;
    }
    return units.map(({ path, size }, i) => ({ path, share: active[i]! / (size * images) }));
  } finally {
    count.dispose();
  }
}
