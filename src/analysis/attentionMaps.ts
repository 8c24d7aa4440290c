import { fail } from "../core/errors.ts";
import { tidy } from "../index.ts";
import type { Model } from "../models/index.ts";
import type { Variables } from "../nn/index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * Where the class token of a ViT looks in its last block: the class token's row of the attention weights, the mean over the heads, without the column of the
 * class token itself (Chen, Hsieh, Gong 2022; after Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers"). `images` [N, H, W, C] as
 * the network takes them. Gives one map an image, [H / patch, W / patch] row by row; the sum of a map is 1 less what the class token gives to itself.
 * ERR_ARGUMENT for a network without attention.
 */
export async function attentionMaps(net: Model<any>, variables: Variables, images: Tensor): Promise<Float32Array[]> {
  const last = `blocks.${Number(net.config.layers) - 1}.attention.weights`;
  using rows = tidy(() => {
    const weights = net.apply(variables, images, { observe: (path) => path === last }).seen[last];
    if (!weights) return fail("ERR_ARGUMENT", "attentionMaps", `a ViT was expected, and ${net.name} has no ${last}`);
    return weights.at(null, null, 0, [1, null]).mean({ axis: 1 }).cast("f32"); // [N, heads, T, T] to [N, T - 1]
  });
  const [count, patches] = rows.shape as [number, number],
    numbers = (await rows.data()) as Float32Array;
  return Array.from({ length: count }, (_, i) => numbers.slice(i * patches, (i + 1) * patches));
}
