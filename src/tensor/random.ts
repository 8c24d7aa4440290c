import { checkDevice, defaultDevice } from "../run/devices.ts";
import { o } from "../graph/algebra.ts";
import type {
  BernoulliOptions as Bernoulli,
  BetaOptions,
  CategoricalOptions,
  FloatOptions,
  NormalOptions as Normal,
  RandintOptions,
  TruncatedNormalOptions,
  UniformOptions as Uniform,
} from "../primitives/random.ts";
import { checkOptions } from "../primitives/common.ts";
import { liftFunction } from "./lift.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyTensor, DTypeIn, DTypeOf, Mutable, NoOptions, Operand, Shape, ShapeOf } from "./types.ts";

export type Key = Tensor<any, any>;
type UniformOptions = Omit<Uniform, "min" | "max"> & { readonly min?: Operand; readonly max?: Operand };
type NormalOptions = Omit<Normal, "mean" | "std"> & { readonly mean?: Operand; readonly std?: Operand };
type BernoulliOptions = Omit<Bernoulli, "p"> & { readonly p?: Operand };

/** Random numbers by counters (Threefry, keyed as in JAX): the same key gives the same bits on every device. Use each key once. */
export interface Random {
  /** The key [2] (u32) of a whole number; what is drawn with it is on its device. */
  key(seed: number, options?: { readonly device?: string }): Tensor<[2], "u32">;
  /** n new keys, [n, 2]; pick one with keys.at(i). */
  split<const N extends number = 2>(key: Key, n?: N): Tensor<[N, 2], "u32">;
  /** A new key of a key and a number from 0 to 2^32 - 1. */
  foldIn(key: Key, n: Operand): Tensor<[2], "u32">;
  /** 32 random bits each, u32. */
  bits<const S extends Shape = []>(key: Key, shape?: S): Tensor<Mutable<S>, "u32">;
  /** From min (default 0, included) to max (default 1, not included). */
  uniform<const S extends Shape = [], const O extends UniformOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** Normal with mean 0 and standard deviation 1, or { mean, std }. */
  normal<const S extends Shape = [], const O extends NormalOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** Standard normal between lower (default -2) and upper (default 2). */
  truncatedNormal<const S extends Shape = [], const O extends TruncatedNormalOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** True with probability p (default 0.5). */
  bernoulli<const S extends Shape = []>(key: Key, shape?: S, options?: BernoulliOptions): Tensor<Mutable<S>, "bool">;
  /** Whole numbers from min (default 0, included) to max (not included). */
  randint<const S extends Shape, const O extends RandintOptions>(key: Key, shape: S, options: O): Tensor<Mutable<S>, DTypeIn<O, "i32">>;
  /** 0 ... n - 1 in random order, or x with its first axis in random order. */
  permutation<const N extends number | AnyTensor>(
    key: Key,
    x: N,
  ): Tensor<N extends AnyTensor ? ShapeOf<N> : [N], N extends AnyTensor ? DTypeOf<N> : "i32">;
  /** Classes with probabilities softmax(logits) along an axis (default: the last); `shape` ends in that of the other axes. */
  categorical(key: Key, logits: AnyTensor, options?: CategoricalOptions): Tensor<number[], "i32">;
  /** The standard Gumbel distribution. */
  gumbel<const S extends Shape = [], const O extends FloatOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** The Beta distribution of { a, b }, by Marsaglia and Tsang's rejection with 12 rounds; no derivatives by a and b. */
  beta<const S extends Shape, const O extends BetaOptions>(key: Key, shape: S, options: O): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
}

const draw = (name: keyof Random): any => liftFunction(name, (...args) => (o.random[name] as (...args: unknown[]) => unknown)(...args));
const makeKey = liftFunction("key", (seed: number, options?: { readonly device?: string }) => {
  checkOptions("key", options, ["device"]);
  return o.random.key(seed, { device: options?.device === undefined ? defaultDevice() : checkDevice("key", options.device) });
});
export const random: Random = {
  key: (seed, options) => makeKey(seed, options),
  split: draw("split"),
  foldIn: draw("foldIn"),
  bits: draw("bits"),
  uniform: draw("uniform"),
  normal: draw("normal"),
  truncatedNormal: draw("truncatedNormal"),
  bernoulli: draw("bernoulli"),
  randint: draw("randint"),
  permutation: draw("permutation"),
  categorical: draw("categorical"),
  gumbel: draw("gumbel"),
  beta: draw("beta"),
};
