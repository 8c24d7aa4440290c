import { fail } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { flattenTree } from "../graph/tree.ts";
import type { Module, Variables } from "../nn/index.ts";
import { ravel, type Spec, unravel } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** A network for images, with its sizes. */
export interface Model<Config = Readonly<Record<string, unknown>>> extends Module {
  readonly name: string;
  readonly config: Config;
  readonly paramCount: number;
  /** Multiply-adds of one image: convolutions, linear layers and attention's two products. */
  readonly macs: number;
}

export interface ImageConfig {
  /** Pixels of a side. */
  readonly image: number;
  readonly channels: number;
  readonly classes: number;
}

const isSpec = (x: unknown): x is Spec => typeof x === "object" && x !== null && "shape" in x && "dtype" in x;

/** `of` is only called for shapes, sizes and networks, so that naming a model costs nothing. The parameters are views of one flat vector. */
export function model<Config extends ImageConfig>(name: string, config: Config, macs: number, of: Module): Model<Config> {
  const { image, channels } = config;
  return {
    name,
    config,
    macs,
    paramCount: flattenTree(of.shapes().params, isSpec).leaves.reduce((total, { shape }) => total + sizeOf(shape), 0),
    init(key) {
      const { params, state } = of.init(key);
      return { params: unravel(ravel(params), params), state };
    },
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
