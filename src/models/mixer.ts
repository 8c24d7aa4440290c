import { checkOneOf, fail } from "../core/errors.ts";
import { dense, dropPath, type GeluForm, init, layerNorm, type Module, mlp, module, patchEmbed } from "../nn/index.ts";
import { checkSizes, configure, type ImageConfig, imageDefaults, makeBlocks, type Model, model } from "./model.ts";

/** Configuration of {@link mixer}. */
export interface MixerConfig extends ImageConfig {
  /** Pixels of a patch's side; it divides the image. */
  readonly patch: number;
  /** Numbers of a token. */
  readonly hidden: number;
  /** Blocks. */
  readonly layers: number;
  /** Hidden size of the MLP that mixes tokens. Default: hidden / 2. */
  readonly tokensMlp: number;
  /** Hidden size of the MLP that mixes channels. Default: 4 * hidden. */
  readonly channelsMlp: number;
  /** Default: "tanh". */
  readonly gelu: GeluForm;
}

/** The sizes that mixer() needs, and anything else of its configuration. */
export type MixerOptions = Pick<MixerConfig, "patch" | "hidden" | "layers"> & Partial<MixerConfig>;

/**
 * An MLP-Mixer of any size (Tolstikhin et al. 2021): mixer({ patch: 4, hidden: 128, layers: 8, image: 32, classes: 10 }). apply() takes images
 * [N, image, image, channels] (else ERR_SHAPE) and gives logits [N, classes]. The head starts as zeros. Options that do not exist or are out of range:
 * ERR_ARGUMENT; a patch that does not divide the image: ERR_SHAPE.
 */
export function mixer(options: MixerOptions, name?: string): Model<MixerConfig> {
  const { patch, hidden, layers } = options;
  const defaults = { ...imageDefaults, tokensMlp: hidden / 2, channelsMlp: 4 * hidden, gelu: "tanh" } as const;
  const config = configure<MixerConfig>("mixer", defaults, options, ["patch", "hidden", "layers"]);
  const { image, tokensMlp, channelsMlp } = config;
  checkSizes("mixer", { patch, hidden, layers, tokensMlp, channelsMlp });
  checkOneOf("mixer", "gelu", config.gelu, ["tanh", "none"]);
  if (image % patch !== 0) fail("ERR_SHAPE", "mixer", `the patch must divide the image, got patches of ${patch} for ${image} pixels`);
  return model("mixer", name ?? `mixer-d${hidden}-l${layers}/${patch}`, config, macsOf(config), network(config));
}

/** x += path(tokens(norm(x))), mixing the tokens of each channel; x += path(channels(norm(x))), mixing the channels of each token. */
function block(tokens: number, pathRate: number, { hidden, tokensMlp, channelsMlp, dropout, gelu, dtype }: MixerConfig): Module {
  const options = { dtype, dropout, gelu, kernelInit: init.lecunNormal, biasInit: init.zeros };
  return module({
    name: "mixerBlock",
    dtype,
    children: {
      norm1: layerNorm(hidden, { dtype }),
      tokens: mlp(tokens, tokensMlp, { ...options, axis: -2 }),
      norm2: layerNorm(hidden, { dtype }),
      channels: mlp(hidden, channelsMlp, options),
      path1: dropPath(pathRate),
      path2: dropPath(pathRate),
    },
    forward(call, x) {
      const mixed = x.add(call.run("path1", call.run("tokens", call.run("norm1", x))));
      return mixed.add(call.run("path2", call.run("channels", call.run("norm2", mixed))));
    },
  });
}

function network(config: MixerConfig): Module {
  const { image, channels, classes, patch, hidden, layers, dtype } = config,
    tokens = (image / patch) ** 2;
  return module({
    name: "mixer",
    dtype,
    children: {
      embed: patchEmbed(patch, channels, hidden, { dtype }),
      blocks: makeBlocks(config, layers, (_, rate) => block(tokens, rate, config)),
      norm: layerNorm(hidden, { dtype }),
      head: dense(hidden, classes, { dtype, kernelInit: init.zeros }),
    },
    forward: (call, images) => call.run("head", call.run("norm", call.run("blocks", call.run("embed", images))).mean({ axis: 1 })),
  });
}

function macsOf({ image, channels, classes, patch, hidden, layers, tokensMlp, channelsMlp }: MixerConfig): number {
  const tokens = (image / patch) ** 2;
  return tokens * patch * patch * channels * hidden + layers * 2 * tokens * hidden * (tokensMlp + channelsMlp) + hidden * classes;
}
