import { checkOneOf, fail } from "../core/errors.ts";
import { concat, tanh } from "../index.ts";
import { dense, dropout, type GeluForm, init, layerNorm, type Module, module, patchEmbed, transformerBlock } from "../nn/index.ts";
import { checkSizes, configure, type ImageConfig, imageDefaults, makeBlocks, type Model, model } from "./model.ts";

/** Configuration of {@link vit}. */
export interface VitConfig extends ImageConfig {
  /** Pixels of a patch's side; it divides the image. */
  readonly patch: number;
  /** Numbers of a token. */
  readonly hidden: number;
  /** Blocks. */
  readonly layers: number;
  /** Heads of the attention; they divide hidden. */
  readonly heads: number;
  /** Hidden size of the MLPs. Default: 4 * hidden. */
  readonly mlp: number;
  /** Outputs of the tanh layer before the head; 0: no such layer. Default: 0. */
  readonly representation: number;
  /** Default: "tanh". */
  readonly gelu: GeluForm;
}

/** The sizes that vit() needs, and anything else of its configuration. */
export type VitOptions = Pick<VitConfig, "patch" | "hidden" | "layers" | "heads"> & Partial<VitConfig>;

/**
 * A Vision Transformer of any size (Dosovitskiy et al. 2021), with a class token and learned positions:
 * vit({ patch: 4, hidden: 128, layers: 6, heads: 4, image: 32, classes: 10 }). apply() takes images [N, image, image, channels] (else ERR_SHAPE) and gives
 * logits [N, classes]. It starts as the published JAX code does; the head starts as zeros. Options that do not exist or are out of range:
 * ERR_ARGUMENT; sizes that do not divide: ERR_SHAPE.
 */
export function vit(options: VitOptions, name?: string): Model<VitConfig> {
  const { patch, hidden, layers, heads } = options;
  const defaults = { ...imageDefaults, mlp: 4 * hidden, representation: 0, gelu: "tanh" } as const;
  const config = configure<VitConfig>("vit", defaults, options, ["patch", "hidden", "layers", "heads"]);
  const { image, mlp, representation } = config;
  checkSizes("vit", { patch, hidden, layers, heads, mlp, representation: representation || 1 });
  checkOneOf("vit", "gelu", config.gelu, ["tanh", "none"]);
  if (image % patch !== 0) fail("ERR_SHAPE", "vit", `the patch must divide the image, got patches of ${patch} for ${image} pixels`);
  if (hidden % heads !== 0) fail("ERR_SHAPE", "vit", `heads must divide hidden, got ${heads} heads for ${hidden}`);
  return model("vit", name ?? `vit-d${hidden}-l${layers}-h${heads}/${patch}`, config, macsOf(config), network(config));
}

function network(config: VitConfig): Module {
  const { image, channels, classes, patch, hidden, layers, heads, mlp, dropout: rate, representation, gelu, dtype } = config;
  const tokens = (image / patch) ** 2 + 1;
  return module({
    name: "vit",
    dtype,
    params: { cls: { shape: [1, 1, hidden], init: init.zeros }, position: { shape: [1, tokens, hidden], init: init.normal(0.02) } },
    children: {
      embed: patchEmbed(patch, channels, hidden, { dtype }),
      drop: dropout(rate),
      blocks: makeBlocks(config, layers, (_, dropPath) => transformerBlock(hidden, { heads, mlp, dropout: rate, dropPath, gelu, dtype })),
      norm: layerNorm(hidden, { dtype }),
      ...(representation > 0 && { representation: dense(hidden, representation, { dtype, kernelInit: init.lecunNormal }) }),
      head: dense(representation || hidden, classes, { dtype, kernelInit: init.zeros }),
    },
    forward(call, images) {
      const embedded = call.run("embed", images),
        cls = call.param("cls").broadcastTo([images.shape[0]!, 1, hidden]);
      const placed = call.run("drop", concat([cls, embedded], { axis: 1 }).add(call.param("position")));
      const token = call.run("norm", call.run("blocks", placed).at(null, 0)); // the norm is over each token alone
      return call.run("head", representation > 0 ? tanh(call.run("representation", token)) : token);
    },
  });
}

function macsOf({ image, channels, classes, patch, hidden, layers, mlp, representation }: VitConfig): number {
  const patches = (image / patch) ** 2,
    tokens = patches + 1;
  const attention = 4 * tokens * hidden * hidden + 2 * tokens * tokens * hidden;
  const embed = patches * patch * patch * channels * hidden;
  return embed + layers * (attention + 2 * tokens * hidden * mlp) + hidden * representation + (representation || hidden) * classes;
}
