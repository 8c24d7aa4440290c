import type { DType } from "../core/dtype.ts";
import { fail, nearest } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { flattenTree } from "../graph/tree.ts";
import { tidy } from "../index.ts";
import { checkpointed, type Module, type Variables } from "../nn/index.ts";
import { isSpec, ravel, unravel } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What a network is built like: vit(), mixer() or resnet() made it. */
export type Family = "vit" | "mixer" | "resnet";

/** A network for images, with its sizes. */
export interface Model<Config = Readonly<Record<string, unknown>>> extends Module {
  /** "vit-s/16", or one made of the sizes. */
  readonly name: string;
  /** Which function made it. */
  readonly family: Family;
  /** All sizes and choices, with the defaults filled in. */
  readonly config: Config;
  /** Numbers that are trained; running statistics are not among them. */
  readonly paramCount: number;
  /** Multiply-adds of one image: convolutions, linear layers and attention's two products. */
  readonly macs: number;
}

/** What the configurations of all networks have in common. */
export interface ImageConfig {
  /** Pixels of a side. Default: 224. */
  readonly image: number;
  /** Numbers of a pixel. Default: 3. */
  readonly channels: number;
  /** Outputs of the head. Default: 1000. */
  readonly classes: number;
  /** The share that training drops. Default: 0. */
  readonly dropout: number;
  /**
   * Stochastic depth (Huang et al. 2016): the rate of the last block; the rates of the others grow linearly from 0 with the depth. One mask a sample and
   * residual branch, kept branches scaled by 1 / (1 - rate). Default: 0.
   */
  readonly dropPath: number;
  /** Whether each block's inside is computed again in the backward pass instead of being kept: less memory, more time. Default: false. */
  readonly checkpoint: boolean;
  /** Of the parameters, and so of all that is computed. Default: f32. */
  readonly dtype: DType;
}

/** A network with its checks and sizes. Its parameters are views of one flat vector. */
export function model<Config extends ImageConfig>(family: Family, name: string, config: Config, macs: number, of: Module): Model<Config> {
  const { image, channels } = config;
  return {
    name,
    family,
    config,
    macs,
    paramCount: flattenTree(of.shapes().params, isSpec).leaves.reduce((total, { shape }) => total + sizeOf(shape), 0),
    init: (key) =>
      tidy(() => {
        const { params, state } = of.init(key);
        return { params: unravel(ravel(params), params), state };
      }),
    apply(variables: Variables, x: Tensor, options) {
      const [n, h, w, c] = x.shape;
      if (x.ndim !== 4 || h !== image || w !== image || c !== channels) {
        fail("ERR_SHAPE", name, `images [N, ${image}, ${image}, ${channels}] were expected, got [${[n, h, w, c].slice(0, x.ndim).join(", ")}]`);
      }
      return of.apply(variables, x, options);
    },
    shapes: () => of.shapes(),
  };
}

/** Throws unless every value is a whole number from 1 on. */
export function checkSizes(op: string, sizes: Readonly<Record<string, unknown>>): void {
  for (const [what, value] of Object.entries(sizes)) {
    if (!Number.isInteger(value) || (value as number) < 1) fail("ERR_ARGUMENT", op, `${what} must be a whole number from 1 on, got ${String(value)}`);
  }
}

/** Defaults with the options in their places; what is undefined leaves the default. `more` names options without a default. */
export function configure<Config extends ImageConfig>(
  op: string,
  defaults: Partial<Config>,
  options: Partial<Config>,
  more: readonly (keyof Config & string)[],
): Config {
  const names = [...Object.keys(defaults), ...more],
    given = Object.entries(options).filter(([, value]) => value !== undefined);
  for (const [name] of given) {
    if (names.includes(name)) continue;
    const near = nearest(name, names);
    fail("ERR_ARGUMENT", op, `there is no option "${name}"${near ? ` (did you mean "${near}"?)` : `; there are: ${names.join(", ")}`}`);
  }
  const config = { ...defaults, ...Object.fromEntries(given) } as Config,
    { image, channels, classes, dropout, dropPath, checkpoint } = config;
  checkSizes(op, { image, channels, classes });
  for (const [what, rate] of Object.entries({ dropout, dropPath }))
    if (!(rate >= 0 && rate < 1)) fail("ERR_ARGUMENT", op, `${what} must be from 0 on and below 1, got ${String(rate)}`);
  if (typeof checkpoint !== "boolean") fail("ERR_ARGUMENT", op, `checkpoint must be true or false, got ${String(checkpoint)}`);
  return config;
}

/** What all networks for images have in common. */
export const imageDefaults: ImageConfig = { image: 224, channels: 3, classes: 1000, dropout: 0, dropPath: 0, checkpoint: false, dtype: "f32" };

/** The residual blocks of a network, block i given its rate of stochastic depth. */
export function makeBlocks({ dropPath, checkpoint }: ImageConfig, count: number, make: (i: number, dropPath: number) => Module): Module[] {
  return Array.from({ length: count }, (_, i) => {
    const block = make(i, count > 1 ? (dropPath * i) / (count - 1) : dropPath);
    return checkpoint ? checkpointed(block) : block;
  });
}
