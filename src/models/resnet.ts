import { checkOneOf, fail } from "../core/errors.ts";
import { maxPool2d, relu } from "../index.ts";
import { batchNorm, conv2d, dense, dropout, dropPath, groupNorm, init, type Module, module } from "../nn/index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkSizes, configure, type ImageConfig, imageDefaults, makeBlocks, type Model, model } from "./model.ts";

/** Configuration of {@link resnet}. */
export interface ResnetConfig extends ImageConfig {
  /** Blocks of each stage; every stage after the first halves the image and doubles the width. */
  readonly blocks: readonly number[];
  /** "bottleneck": 1x1, 3x3, 1x1 with four times the width at the end; "basic": two 3x3. Default: "bottleneck". */
  readonly block: "bottleneck" | "basic";
  /** Channels of the first stage. Default: 64. */
  readonly width: number;
  /** "imagenet": 7x7 by 2 and a pool by 2; "cifar": 3x3. Default: "imagenet". */
  readonly stem: "imagenet" | "cifar";
  /**
   * "batch", or "group": groups of channels (32, or one a channel below 32 channels) after convolutions with standardised weights, as in big_vision's
   * models/bit.py: no statistics are kept, and images do not see each other. Default: "batch".
   */
  readonly norm: "batch" | "group";
}

/** The blocks that resnet() needs, and anything else of its configuration. */
export type ResnetOptions = Pick<ResnetConfig, "blocks"> & Partial<ResnetConfig>;

interface Conv {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly window: number;
  readonly stride: number;
}
interface Block {
  readonly convs: readonly Conv[];
  readonly shortcut?: Conv;
}

/**
 * A residual network (He et al. 2016; v1.5: strides on the 3x3) with batch norms, unless `norm` says otherwise: resnet({ blocks: [3, 4, 6, 3] }) is
 * ResNet-50. apply() takes images [N, image, image, channels] (else ERR_SHAPE) and gives logits [N, classes]; the running statistics are its state.
 * Its blocks start as the identity (Goyal et al. 2017, section 5.1), its head as zeros. Options that do not exist or are out of range: ERR_ARGUMENT.
 */
export function resnet(options: ResnetOptions, name?: string): Model<ResnetConfig> {
  const defaults = { ...imageDefaults, block: "bottleneck", width: 64, stem: "imagenet", norm: "batch" } as const;
  const config = configure<ResnetConfig>("resnet", defaults, options, ["blocks"]),
    { width, blocks } = config;
  checkSizes("resnet", { width, ...Object.fromEntries(blocks.map((n, i) => [`blocks[${i}]`, n])) });
  checkOneOf("resnet", "block", config.block, ["bottleneck", "basic"]);
  checkOneOf("resnet", "stem", config.stem, ["imagenet", "cifar"]);
  checkOneOf("resnet", "norm", config.norm, ["batch", "group"]);
  if (config.norm === "group" && width > 32 && width % 32 !== 0)
    fail("ERR_SHAPE", "resnet", `group norms have 32 groups, so a width up to 32 or a multiple of 32 was expected, got ${width}`);
  return model("resnet", name ?? `resnet-w${width}-${blocks.join("-")}`, config, macsOf(config), network(config));
}

const stemOf = ({ stem, channels, width }: ResnetConfig): Conv =>
  stem === "imagenet"
    ? { name: "conv", inputs: channels, outputs: width, window: 7, stride: 2 }
    : { name: "conv", inputs: channels, outputs: width, window: 3, stride: 1 };

/** The convolutions of all blocks, stage by stage, and the channels that come out. */
function plan({ blocks, block, width }: ResnetConfig): { stages: Block[][]; outputs: number } {
  let inputs = width;
  const stages = blocks.map((count, stage) =>
    Array.from({ length: count }, (_, i): Block => {
      const middle = width * 2 ** stage,
        outputs = block === "bottleneck" ? 4 * middle : middle,
        stride = i === 0 && stage > 0 ? 2 : 1;
      const convs: Conv[] =
        block === "bottleneck"
          ? [
              { name: "conv1", inputs, outputs: middle, window: 1, stride: 1 },
              { name: "conv2", inputs: middle, outputs: middle, window: 3, stride },
              { name: "conv3", inputs: middle, outputs, window: 1, stride: 1 },
            ]
          : [
              { name: "conv1", inputs, outputs: middle, window: 3, stride },
              { name: "conv2", inputs: middle, outputs, window: 3, stride: 1 },
            ];
      const shortcut = inputs !== outputs || stride > 1 ? { name: "shortcut", inputs, outputs, window: 1, stride } : undefined;
      inputs = outputs;
      return { convs, shortcut };
    }),
  );
  return { stages, outputs: inputs };
}

const convOf = (conv: Conv, { dtype, norm }: ResnetConfig): Module =>
  conv2d(conv.inputs, conv.outputs, { ...conv, dtype, standardized: norm === "group" });

const normOf = (channels: number, { dtype, norm }: ResnetConfig, scaleInit = init.ones): Module =>
  norm === "batch" ? batchNorm(channels, { dtype, scaleInit }) : groupNorm(channels, { dtype, scaleInit, groups: Math.min(32, channels), eps: 1e-6 });

/** relu(x or shortcut(x) + path(branch(x))); the branch's last norm starts with scale 0. Notes its ReLUs as "relu1", "relu2", ...; the last is what comes out. */
function residualBlock({ convs, shortcut }: Block, rate: number, config: ResnetConfig): Module {
  const children: Record<string, Module> = {};
  convs.forEach((conv, i) => {
    children[conv.name] = convOf(conv, config);
    children[`norm${i + 1}`] = normOf(conv.outputs, config, i === convs.length - 1 ? init.zeros : init.ones);
  });
  if (shortcut) {
    children.shortcut = convOf(shortcut, config);
    children.shortcutNorm = normOf(shortcut.outputs, config);
  }
  children.path = dropPath(rate);
  return module({
    name: "residualBlock",
    dtype: config.dtype,
    children,
    forward(call, x) {
      const active = (y: Tensor, i: number): Tensor => {
        const out = relu(y);
        call.note(`relu${i}`, () => out);
        return out;
      };
      const branch = convs.reduce((y, { name }, i) => call.run(`norm${i + 1}`, call.run(name, i === 0 ? y : active(y, i))), x);
      return active(call.run("path", branch).add(shortcut ? call.run("shortcutNorm", call.run("shortcut", x)) : x), convs.length);
    },
  });
}

function network(config: ResnetConfig): Module {
  const { stem, classes, dropout: dropRate, dtype } = config,
    first = stemOf(config),
    { stages, outputs } = plan(config),
    blocks = stages.flat(),
    made = makeBlocks(config, blocks.length, (i, rate) => residualBlock(blocks[i]!, rate, config)),
    ends = stages.map((_, i) => stages.slice(0, i + 1).flat().length);
  return module({
    name: "resnet",
    dtype,
    children: {
      conv: convOf(first, config),
      norm: normOf(first.outputs, config),
      ...Object.fromEntries(ends.map((end, i) => [`stage${i + 1}`, made.slice(ends[i - 1] ?? 0, end)])),
      drop: dropout(dropRate),
      head: dense(outputs, classes, { dtype, kernelInit: init.zeros }),
    },
    forward(call, images) {
      const started = relu(call.run("norm", call.run("conv", images)));
      const pooled =
        stem === "imagenet"
          ? maxPool2d(started, {
              window: 3,
              stride: 2,
              padding: [
                [1, 1],
                [1, 1],
              ],
            })
          : started;
      const features = stages.reduce((x, _, i) => call.run(`stage${i + 1}`, x), pooled);
      return call.run("head", call.run("drop", features.mean({ axis: [1, 2] })));
    },
  });
}

function macsOf(config: ResnetConfig): number {
  const { stages, outputs } = plan(config),
    stem = stemOf(config),
    after = (side: number, stride: number): number => Math.ceil(side / stride);
  const macs = ({ inputs, outputs: made, window }: Conv, side: number): number => inputs * made * window * window * side * side;
  let side = after(config.image, stem.stride),
    total = macs(stem, side);
  if (config.stem === "imagenet") side = after(side, 2);
  for (const { convs, shortcut } of stages.flat()) {
    const before = side;
    for (const conv of convs) {
      side = after(side, conv.stride);
      total += macs(conv, side);
    }
    if (shortcut) total += macs(shortcut, after(before, shortcut.stride));
  }
  return total + outputs * config.classes;
}
