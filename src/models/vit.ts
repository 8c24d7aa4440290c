import { checkOneOf, fail } from "../core/errors.ts";
import { concat, tanh } from "../index.ts";
import { dense, dropout, type GeluForm, init, layerNorm, type Module, module, patchEmbed, transformerBlock } from "../nn/index.ts";
import { checkSizes, configure, type ImageConfig, imageDefaults, makeBlocks, type Model, model } from "./model.ts";

export interface VitConfig extends ImageConfig {
  readonly patch: number;
  readonly hidden: number;
  readonly layers: number;
  readonly heads: number;
  readonly mlp: number;
  /** Outputs of the tanh layer before the head; 0: no such layer. */
  readonly representation: number;
  readonly gelu: GeluForm;
}

export type VitOptions = Pick<VitConfig, "patch" | "hidden" | "layers" | "heads"> & Partial<VitConfig>;

/** A Vision Transformer of any size: vit({ patch: 4, hidden: 128, layers: 6, heads: 4, image: 32, classes: 10 }); mlp is 4 * hidden unless given. */
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
