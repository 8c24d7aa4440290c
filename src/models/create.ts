import { fail, nearest } from "../core/errors.ts";
import type { Model } from "./model.ts";
import { type VitConfig, vit } from "./vit.ts";

/** What create() takes besides a name: the images and classes, and anything of the family's configuration that shall differ from the name's. */
export type CreateOptions = Partial<VitConfig>;

interface Family {
  /** Sizes or depths: "vit-<size>/<patch>". */
  readonly sizes: Readonly<Record<string, object>>;
  /** Patches that list() names; any other that divides the image works too. */
  readonly patches: readonly number[];
  make(options: any, name: string): Model;
}

const families: Readonly<Record<string, Family>> = {
  vit: {
    sizes: {
      ti: { hidden: 192, layers: 12, heads: 3 },
      s: { hidden: 384, layers: 12, heads: 6 },
      b: { hidden: 768, layers: 12, heads: 12 },
      l: { hidden: 1024, layers: 24, heads: 16 },
    },
    patches: [4, 8, 14, 16, 32],
    make: vit as Family["make"],
  },
};

/** Names that create() knows; "vit-s/16" stands for any patch in the place of 16. */
export const list = (): string[] =>
  Object.entries(families).flatMap(([family, { sizes, patches }]) => Object.keys(sizes).flatMap((size) => patches.map((patch) => `${family}-${size}/${patch}`)));

/** The network of a name: create("vit-ti/4", { image: 32, classes: 10 }). Options may change any part: { hidden: 128, layers: 6, heads: 4 }. */
export function create(name: string, options: CreateOptions = {}): Model {
  const [, family = "", size = "", patch = ""] = /^(\w+)-(\w+)\/(\d+)$/.exec(name) ?? [];
  const preset = families[family]?.sizes[size];
  if (preset === undefined) {
    const near = typeof name === "string" ? nearest(name, list()) : undefined;
    fail("ERR_ARGUMENT", "models.create", `unknown model ${JSON.stringify(name)}${near ? ` (did you mean "${near}"?)` : ""}; models.list() names them all`);
  }
  return families[family]!.make({ ...preset, patch: Number(patch), ...options }, name);
}
