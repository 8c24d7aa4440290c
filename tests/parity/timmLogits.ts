import { load } from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import { golden } from "./goldens.ts";

const epsilon = { f64: 2 ** -52, f32: 2 ** -23 } as const;

const largest = (a: ArrayLike<number>, b: ArrayLike<number>): number => Math.max(...Array.from(a, (v, i) => Math.abs(v - b[i]!)));

/**
 * The largest |ours - timm's| of the logits of a network with timm's weights, from a file of make/timm.py, and how large it may be. The file's logits
 * have a root mean square of 1: absolute errors are relative ones too. How rounding grows on the way is timm's own f32 against its f64, in units of
 * f32's epsilon; theirs is off by one such error, and ours may be by two.
 */
export async function compare(file: string, net: models.Model<any>): Promise<{ error: number; allowed: number }> {
  const { tree } = await load(golden(file)),
    dtype: "f64" | "f32" = net.config.dtype;
  const { out } = net.apply(models.fromTimm(net, tree.tensors), tree.images.cast(dtype));
  const error = largest((await out.data()) as Float64Array, await tree[dtype].logits.data());
  const growth = (await tree.f32.error.item()) / epsilon.f32;
  return { error, allowed: 3 * growth * epsilon[dtype] };
}
