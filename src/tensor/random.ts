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

/** What random numbers are drawn with: two words, [2] u32. */
export type Key = Tensor<any, any>;
/** What uniform takes. */
type UniformOptions = Omit<Uniform, "min" | "max"> & { readonly min?: Operand; readonly max?: Operand };
/** What normal takes. */
type NormalOptions = Omit<Normal, "mean" | "std"> & { readonly mean?: Operand; readonly std?: Operand };
/** What bernoulli takes. */
type BernoulliOptions = Omit<Bernoulli, "p"> & { readonly p?: Operand };

/** Random numbers by counters (Threefry-2x32, Salmon et al. 2011, keyed as in JAX): the same key gives the same bits on every device and for
 *  every number of threads, also inside compile and vmap. Use each key once: split it. */
export interface Random {
  /** The key [2] (u32) of a whole number below 2^53 (else ERR_ARGUMENT); what is drawn with it is on its device. */
  key(seed: number, options?: { readonly device?: string }): Tensor<[2], "u32">;
  /** n new keys, [n, 2]; pick one with keys.at(i). */
  split<const N extends number = 2>(key: Key, n?: N): Tensor<[N, 2], "u32">;
  /** A new key [2] of a key and a number from 0 to 2^32 - 1. */
  foldIn(key: Key, n: Operand): Tensor<[2], "u32">;
  /** 32 random bits each, u32. */
  bits<const S extends Shape = []>(key: Key, shape?: S): Tensor<Mutable<S>, "u32">;
  /** Evenly from min (default 0, included) to max (default 1, not included); both may be tensors that broadcast. f32 unless { dtype }. */
  uniform<const S extends Shape = [], const O extends UniformOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** Normal with mean 0 and standard deviation 1, or { mean, std }, which may be tensors; by the inverse of erf. f32 unless { dtype }. */
  normal<const S extends Shape = [], const O extends NormalOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** Standard normal between lower (default -2) and upper (default 2), not rescaled: the standard deviation is below 1. f32 unless { dtype }. */
  truncatedNormal<const S extends Shape = [], const O extends TruncatedNormalOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** True with probability p (default 0.5; a tensor broadcasts), bool. A p outside of 0 to 1 is ERR_ARGUMENT. */
  bernoulli<const S extends Shape = []>(key: Key, shape?: S, options?: BernoulliOptions): Tensor<Mutable<S>, "bool">;
  /** Whole numbers from min (default 0, included) to max (not included), less than 2^32 apart; i32 unless { dtype }. */
  randint<const S extends Shape, const O extends RandintOptions>(key: Key, shape: S, options: O): Tensor<Mutable<S>, DTypeIn<O, "i32">>;
  /** 0 ... n - 1 in random order (i32), or x with its first axis in random order. */
  permutation<const N extends number | AnyTensor>(
    key: Key,
    x: N,
  ): Tensor<N extends AnyTensor ? ShapeOf<N> : [N], N extends AnyTensor ? DTypeOf<N> : "i32">;
  /** Classes (i32) with probabilities softmax(logits) along an axis (default: the last), as the largest of logits + Gumbel noise; { shape } ends
   *  in that of the other axes. */
  categorical(key: Key, logits: AnyTensor, options?: CategoricalOptions): Tensor<number[], "i32">;
  /** The standard Gumbel distribution, -log(-log(u)). f32 unless { dtype }. */
  gumbel<const S extends Shape = [], const O extends FloatOptions = NoOptions>(
    key: Key,
    shape?: S,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
  /** The Beta distribution of { a, b } > 0 (else ERR_ARGUMENT), from two gammas by Marsaglia and Tsang's rejection (2000) with 12 rounds; no
   *  derivatives by a and b. f32 unless { dtype }. */
  beta<const S extends Shape, const O extends BetaOptions>(key: Key, shape: S, options: O): Tensor<Mutable<S>, DTypeIn<O, "f32">>;
}

const draw = (name: keyof Random): any => liftFunction(name, (...args) => (o.random[name] as (...args: unknown[]) => unknown)(...args));
const makeKey = liftFunction("key", (seed: number, options?: { readonly device?: string }) => {
  checkOptions("key", options, ["device"]);
  return o.random.key(seed, { device: options?.device === undefined ? defaultDevice() : checkDevice("key", options.device) });
});
/** Random numbers by counters: {@link Random}. */
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
