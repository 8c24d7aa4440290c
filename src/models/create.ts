import { fail, nearest } from "../core/errors.ts";
import { type MixerConfig, mixer } from "./mixer.ts";
import type { Model } from "./model.ts";
import { type ResnetConfig, resnet } from "./resnet.ts";
import { type VitConfig, vit } from "./vit.ts";

/** What create() takes besides a name: the images and classes, and anything of the family's configuration that shall differ from the name's. */
export type CreateOptions = Partial<VitConfig & MixerConfig & ResnetConfig>;

interface Family {
  readonly make: (options: any, name: string) => Model<any>;
  readonly sizes: Readonly<Record<string, object>>;
  /** Families of patches: the ones that list() names; any other that divides the image works too. */
  readonly patches?: readonly number[];
}

const patches = [4, 8, 14, 16, 32];
const imageNet = (blocks: readonly number[]) => ({
  [`${3 * blocks.reduce((a, b) => a + b) + 2}`]: { blocks },
  [`${3 * blocks.reduce((a, b) => a + b) + 2}x2`]: { blocks, width: 128 },
});
const cifar = (depth: number) => ({ [`${depth}`]: { blocks: [1, 1, 1].map(() => (depth - 2) / 6), block: "basic", width: 16, stem: "cifar" } });

const families: Readonly<Record<string, Family>> = {
  vit: {
    make: vit,
    patches,
    sizes: {
      ti: { hidden: 192, layers: 12, heads: 3 },
      s: { hidden: 384, layers: 12, heads: 6 },
      b: { hidden: 768, layers: 12, heads: 12 },
      l: { hidden: 1024, layers: 24, heads: 16 },
    },
  },
  mixer: {
    make: mixer,
    patches,
    sizes: { s: { hidden: 512, layers: 8 }, b: { hidden: 768, layers: 12 }, l: { hidden: 1024, layers: 24 } },
  },
  resnet: {
    make: resnet,
    sizes: {
      ...imageNet([3, 4, 6, 3]),
      ...imageNet([3, 4, 23, 3]),
      ...imageNet([3, 8, 36, 3]),
      ...cifar(20),
      ...cifar(32),
      ...cifar(44),
      ...cifar(56),
    },
  },
};

/** Names that create() knows; those with a patch stand for any patch that divides the image. */
export const list = (): string[] =>
  Object.entries(families).flatMap(([family, { sizes, patches: sides }]) =>
    Object.keys(sizes).flatMap((size) => (sides ? sides.map((patch) => `${family}-${size}/${patch}`) : [`${family}-${size}`])),
  );

/** The network of a name: create("vit-ti/4", { image: 32, classes: 10 }). Options may change any part: { hidden: 128, layers: 6, heads: 4 }. */
export function create(name: string, options: CreateOptions = {}): Model<any> {
  const [, family = "", size = "", patch] = /^(\w+)-(\w+)(?:\/([1-9]\d*))?$/.exec(name) ?? [];
  const known = families[family],
    preset = known?.sizes[size];
  if (preset === undefined || (patch === undefined) !== (known!.patches === undefined)) {
    const near = typeof name === "string" ? nearest(name, list()) : undefined;
    fail(
      "ERR_ARGUMENT",
      "models.create",
      `unknown model ${JSON.stringify(name)}${near ? ` (did you mean "${near}"?)` : ""}; models.list() names them all`,
    );
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  return known!.make({ ...preset, ...(patch && { patch: Number(patch) }), ...given }, name);
}
