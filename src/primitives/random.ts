import { threefry as threefryKernel } from "../../kernels/random/kernel.ts";
import { erf } from "../../kernels/elementwise/special.ts";
import { checkDType, type DType, isFloat, isInteger } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { checkAxis, checkShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { Value } from "../graph/node.ts";
import { none, type Primitive } from "../graph/primitive.ts";
import { allMapped } from "../graph/rules.ts";
import { applyOne, checkOptions, checkWhole, range } from "./common.ts";

/** What draws of floats take. */
export interface FloatOptions {
  /** f32, f64, f16 or bf16 (else ERR_DTYPE). Default: f32. */
  dtype?: DType;
}
/** What uniform takes. */
export interface UniformOptions extends FloatOptions {
  /** Included. Default: 0. */
  min?: Operand;
  /** Not included. Default: 1. */
  max?: Operand;
}
/** What normal takes. */
export interface NormalOptions extends FloatOptions {
  /** Default: 0. */
  mean?: Operand;
  /** The standard deviation. Default: 1. */
  std?: Operand;
}
/** What truncatedNormal takes. */
export interface TruncatedNormalOptions extends FloatOptions {
  /** The least value. Default: -2. */
  lower?: number;
  /** The largest value. Default: 2. */
  upper?: number;
}
/** What bernoulli takes. */
export interface BernoulliOptions {
  /** The probability of true. Default: 0.5. */
  p?: Operand;
}
/** What randint takes. */
export interface RandintOptions {
  /** Included. Default: 0. */
  min?: number;
  /** Not included. */
  max: number;
  /** i32, u32 or u8 (else ERR_DTYPE). Default: i32. */
  dtype?: DType;
}
/** What categorical takes. */
export interface CategoricalOptions {
  /** The axis of the classes. Default: the last. */
  axis?: number;
  /** The shape of the result; ends in that of the logits without their axis (else ERR_SHAPE). Default: that alone. */
  shape?: Shape;
}
/** What beta takes. */
export interface BetaOptions extends FloatOptions {
  /** The first shape parameter, above 0. */
  a: number;
  /** The second shape parameter, above 0. */
  b: number;
}

/** Random numbers; see api: (key, shape, options), counter-based. */
export interface RandomOps {
  key(seed: number, options?: { device?: string }): Value;
  split(key: Value, n?: number): Value;
  foldIn(key: Value, n: Operand): Value;
  bits(key: Value, shape?: Shape): Value;
  uniform(key: Value, shape?: Shape, options?: UniformOptions): Value;
  normal(key: Value, shape?: Shape, options?: NormalOptions): Value;
  truncatedNormal(key: Value, shape?: Shape, options?: TruncatedNormalOptions): Value;
  bernoulli(key: Value, shape?: Shape, options?: BernoulliOptions): Value;
  randint(key: Value, shape: Shape, options: RandintOptions): Value;
  permutation(key: Value, x: number | Value): Value;
  categorical(key: Value, logits: Value, options?: CategoricalOptions): Value;
  gumbel(key: Value, shape?: Shape, options?: FloatOptions): Value;
  beta(key: Value, shape: Shape, options: BetaOptions): Value;
}
declare module "../graph/algebra.ts" {
  interface Ops {
    random: RandomOps;
    dropout(x: Operand, rate: number, key: Value): Value;
  }
}

/** Inputs keys [..., 2] and perhaps counters [...]; words [..., n]. attrs: n, pairs (see the kernel). */
const threefry: Primitive = {
  name: "threefry",
  kind: "opaque",
  infer: ([keys], { n }) => [{ shape: [...keys!.shape.slice(0, -1), n as number], dtype: "u32" }],
  vjp: none("random bits"),
  jvp: none("random bits"),
  vmap: (inputs, mapped, size, attrs) => [applyOne(threefry, allMapped(inputs, mapped, size), attrs)],
  lower: ([keys, first], _outputs, { n, pairs }) => ({
    kernel: threefryKernel,
    dtype: "u32",
    params: threefryKernel.pack({ batch: sizeOf(keys!.shape) / 2, n: n as number, pairs: pairs ? 1 : 0, counted: first ? 1 : 0 }),
  }),
};

function checkKey(op: string, key: unknown): Value {
  if (!(key instanceof Value)) return fail("ERR_ARGUMENT", op, `a key (st.random.key(seed)) was expected, got ${typeof key}`);
  if (key.dtype !== "u32") fail("ERR_DTYPE", op, `a key is u32, got ${key.dtype}; make one with st.random.key(seed)`);
  if (key.shape.length !== 1 || key.shape[0] !== 2)
    fail("ERR_SHAPE", op, `a key is [2], got ${showShape(key.shape)}; pick one of several keys with keys.at(i), or use vmap`);
  return key;
}
function checkFloat(op: string, options: FloatOptions | undefined): DType {
  const dtype = options?.dtype === undefined ? "f32" : checkDType(op, options.dtype);
  return isFloat(dtype) ? dtype : fail("ERR_DTYPE", op, `dtype must be a float, got ${dtype}`);
}
const words = (key: Value, n: number): Value => applyOne(threefry, [key], { n, pairs: false });
const pairsOf = (inputs: readonly Value[], n: number): Value => applyOne(threefry, inputs, { n, pairs: true });
const bits = (key: Value, shape: Shape): Value => o.reshape(words(key, sizeOf(shape)), shape);

/** Random bits of a number in [0, 1); f32 as JAX: the leading bits of a word behind the point. */
const fraction: Record<string, number> = { f32: 23, f16: 10, bf16: 7 };
function unit(key: Value, shape: Shape, dtype: DType): Value {
  if (dtype !== "f64") {
    const digits = fraction[dtype]!;
    return o.cast(o.mul(o.cast(o.shiftRight(bits(key, shape), 32 - digits), "f32"), 2 ** -digits), dtype);
  }
  const pair = bits(key, [2, ...shape]),
    high = o.cast(o.shiftRight(o.at(pair, 0), 6), "f64"),
    low = o.cast(o.shiftRight(o.at(pair, 1), 6), "f64");
  return o.add(o.mul(high, 2 ** -26), o.mul(low, 2 ** -52));
}
/** In [min, max), of the shape and dtype. */
function between(key: Value, shape: Shape, dtype: DType, min: number, max: number): Value {
  return o.maximum(o.add(o.mul(unit(key, shape, dtype), max - min), min), min);
}

/** The largest number of a dtype below 1, and the smallest above 0 that is not subnormal. */
const belowOne: Record<string, number> = { f64: 1 - 2 ** -53, f32: 1 - 2 ** -24, f16: 1 - 2 ** -11, bf16: 1 - 2 ** -8 };
const tiny: Record<string, number> = { f64: 2 ** -1022, f32: 2 ** -126, f16: 2 ** -14, bf16: 2 ** -126 };

function standardNormal(key: Value, shape: Shape, dtype: DType): Value {
  const wide: DType = dtype === "f64" ? "f64" : "f32";
  return o.cast(o.mul(o.erfinv(between(key, shape, wide, -belowOne[wide]!, 1)), Math.SQRT2), dtype);
}

function gumbel(key: Value, shape: Shape, dtype: DType): Value {
  const wide: DType = dtype === "f64" ? "f64" : "f32",
    u = between(key, shape, wide, tiny[wide]!, 1);
  return o.cast(o.neg(o.log(o.neg(o.log(u)))), dtype);
}

/** Rounds of the rejection scheme; each accepts with a chance above 0.95, so that all refuse once in 10^15 draws. */
const gammaRounds = 12;

/** log of gamma(a) draws: Marsaglia and Tsang (2000) for a + 1, whose first accepted round is taken, times u^(1/a). */
function logGamma(key: Value, shape: Shape, a: number, dtype: DType): Value {
  const keys = o.random.split(key, 3),
    d = a + 1 - 1 / 3,
    c = 1 / Math.sqrt(9 * d),
    rounds = [gammaRounds, ...shape];
  const x = standardNormal(o.at(keys, 0), rounds, dtype),
    v = o.pow(o.add(o.mul(x, c), 1), 3);
  const u = between(o.at(keys, 1), rounds, dtype, tiny[dtype]!, 1),
    logV = o.log(o.maximum(v, tiny[dtype]!));
  // log u < x^2 / 2 + d (1 - v + log v)
  const bound = o.add(o.mul(o.square(x), 0.5), o.mul(o.add(o.sub(1, v), logV), d));
  const accepted = o.logicalAnd(o.greater(v, 0), o.less(o.log(u), bound));
  const first = o.expandDims(o.argmax(accepted, { axis: 0 }), 0);
  const chosen = o.add(o.reshape(o.takeAlongAxis(logV, first, { axis: 0 }), shape), Math.log(d));
  return o.add(chosen, o.div(o.log(between(o.at(keys, 2), shape, dtype, tiny[dtype]!, 1)), a));
}

function randint(key: Value, shape: Shape, options: RandintOptions): Value {
  checkOptions("randint", options, ["min", "max", "dtype"]);
  const dtype = options?.dtype === undefined ? "i32" : checkDType("randint", options.dtype),
    { min = 0, max } = options ?? {};
  if (!isInteger(dtype)) fail("ERR_DTYPE", "randint", `dtype must be an integer type, got ${dtype}`);
  if (!Number.isInteger(min) || !Number.isInteger(max) || max <= min || max - min >= 2 ** 32) {
    fail("ERR_ARGUMENT", "randint", `whole numbers min < max (not included) were expected, got ${String(min)} and ${String(max)}`);
  }
  // A 64-bit word modulo the span, from its halves: (high 2^32 + low) mod span; beyond 2^16, where that would overflow, the low word.
  const span = max - min,
    pair = bits(checkKey("randint", key), [2, ...checkShape("randint", shape)]);
  const weight = Number((1n << 32n) % BigInt(span)),
    within = (x: Value): Value => o.mod(x, span);
  const offset = span <= 2 ** 16 ? within(o.add(o.mul(within(o.at(pair, 0)), weight), within(o.at(pair, 1)))) : within(o.at(pair, 1));
  return o.cast(o.add(o.cast(offset, "i32"), min | 0), dtype);
}

function permutation(key: Value, x: number | Value): Value {
  checkKey("permutation", key);
  const n = x instanceof Value ? x.shape[0] : checkWhole("permutation", "n", x, 0);
  if (n === undefined) return fail("ERR_SHAPE", "permutation", "a number, or a tensor of one or more axes, was expected, got a scalar tensor");
  if (n === 0) return x instanceof Value ? x : o.iota("i32", 0);
  // Sorting by random words again makes up for equal words.
  const rounds = Math.max(1, Math.ceil((3 * Math.log(Math.max(1, n))) / Math.log(2 ** 32))),
    keys = o.random.split(key, rounds);
  const order = range(rounds).reduce((at: Value, i) => o.take(at, o.argsort(bits(o.at(keys, i), [n])), { axis: 0 }), o.iota("i32", n));
  return x instanceof Value ? o.take(x, order, { axis: 0 }) : order;
}

function categorical(key: Value, logits: Value, options?: CategoricalOptions): Value {
  checkOptions("categorical", options, ["axis", "shape"]);
  const x = o.asValue(logits, undefined, "categorical"),
    axis = checkAxis("categorical", options?.axis ?? -1, x.shape.length);
  if (!isFloat(x.dtype)) fail("ERR_DTYPE", "categorical", `logits must be floats, got ${x.dtype}`);
  const last = o.transpose(x, [...range(x.shape.length).filter((a) => a !== axis), axis]),
    rows = last.shape.slice(0, -1);
  const shape = options?.shape === undefined ? rows : checkShape("categorical", options.shape);
  if (showShape(shape.slice(shape.length - rows.length)) !== showShape(rows)) {
    fail("ERR_SHAPE", "categorical", `shape must end in ${showShape(rows)}, the logits without their axis ${axis}, got ${showShape(shape)}`);
  }
  return o.argmax(o.add(gumbel(checkKey("categorical", key), [...shape, x.shape[axis]!], x.dtype), last), { axis: -1 });
}

const random: RandomOps = {
  key(seed, options) {
    if (!Number.isSafeInteger(seed)) fail("ERR_ARGUMENT", "key", `a seed must be a whole number below 2^53, got ${String(seed)}`);
    // Numbers, not bytes: a key costs no memory, and another seed makes no new plan.
    const words = o.stack([o.constant(Math.floor(seed / 2 ** 32) >>> 0, "u32"), o.constant(seed >>> 0, "u32")]);
    return o.place(words, options?.device);
  },
  split(key, n = 2) {
    return o.reshape(pairsOf([checkKey("split", key)], 2 * checkWhole("split", "n", n, 1)), [n, 2]);
  },
  foldIn(key, n) {
    const value = typeof n === "number" ? o.constant(checkWhole("foldIn", "n", n, 0, 2 ** 32 - 1), "u32") : o.asValue(n, undefined, "foldIn");
    if (!isInteger(value.dtype)) fail("ERR_DTYPE", "foldIn", `n must be a whole number, got ${value.dtype}`);
    if (value.shape.length > 0) fail("ERR_SHAPE", "foldIn", `n must be one number, got ${showShape(value.shape)}; use vmap for several`);
    return pairsOf([checkKey("foldIn", key), o.cast(value, "u32")], 2);
  },
  bits: (key, shape = []) => bits(checkKey("bits", key), checkShape("bits", shape)),
  uniform(key, shape = [], options) {
    checkOptions("uniform", options, ["min", "max", "dtype"]);
    const dtype = checkFloat("uniform", options),
      { min = 0, max = 1 } = options ?? {},
      sizes = checkShape("uniform", shape);
    checkKey("uniform", key);
    if (typeof min === "number" && typeof max === "number") return between(key, sizes, dtype, min, max);
    const low = o.cast(o.asValue(min, undefined, "uniform"), dtype),
      high = o.cast(o.asValue(max, undefined, "uniform"), dtype);
    return o.broadcastTo(o.maximum(o.add(o.mul(unit(key, sizes, dtype), o.sub(high, low)), low), low), sizes);
  },
  normal(key, shape = [], options) {
    checkOptions("normal", options, ["mean", "std", "dtype"]);
    const dtype = checkFloat("normal", options),
      sizes = checkShape("normal", shape),
      { mean, std } = options ?? {};
    const z = standardNormal(checkKey("normal", key), sizes, dtype),
      scaled = std === undefined ? z : o.mul(z, std);
    return o.broadcastTo(o.cast(mean === undefined ? scaled : o.add(scaled, mean), dtype), sizes);
  },
  truncatedNormal(key, shape = [], options) {
    checkOptions("truncatedNormal", options, ["lower", "upper", "dtype"]);
    const dtype = checkFloat("truncatedNormal", options),
      { lower = -2, upper = 2 } = options ?? {},
      wide: DType = dtype === "f64" ? "f64" : "f32";
    if (!(lower < upper)) fail("ERR_ARGUMENT", "truncatedNormal", `lower must be below upper, got ${lower} and ${upper}`);
    const u = between(checkKey("truncatedNormal", key), checkShape("truncatedNormal", shape), wide, erf(lower / Math.SQRT2), erf(upper / Math.SQRT2));
    return o.cast(o.clip(o.mul(o.erfinv(u), Math.SQRT2), lower, upper), dtype);
  },
  bernoulli(key, shape, options) {
    checkOptions("bernoulli", options, ["p"]);
    const p = options?.p ?? 0.5;
    if (typeof p === "number" && !(p >= 0 && p <= 1)) fail("ERR_ARGUMENT", "bernoulli", `p must be from 0 to 1, got ${p}`);
    const sizes = checkShape("bernoulli", shape ?? (p instanceof Value ? p.shape : []));
    return o.less(unit(checkKey("bernoulli", key), sizes, "f32"), p instanceof Value ? o.broadcastTo(p, sizes) : p);
  },
  randint,
  permutation,
  categorical,
  gumbel(key, shape = [], options) {
    checkOptions("gumbel", options, ["dtype"]);
    return gumbel(checkKey("gumbel", key), checkShape("gumbel", shape), checkFloat("gumbel", options));
  },
  beta(key, shape, options) {
    checkOptions("beta", options, ["a", "b", "dtype"]);
    const dtype = checkFloat("beta", options),
      wide: DType = dtype === "f64" ? "f64" : "f32",
      sizes = checkShape("beta", shape),
      { a, b } = options ?? {};
    if (!(a > 0 && Number.isFinite(a) && b > 0 && Number.isFinite(b)))
      fail("ERR_ARGUMENT", "beta", `a and b must be positive numbers, got ${String(a)} and ${String(b)}`);
    const keys = random.split(checkKey("beta", key), 2);
    return o.cast(o.sigmoid(o.sub(logGamma(o.at(keys, 0), sizes, a, wide), logGamma(o.at(keys, 1), sizes, b, wide))), dtype);
  },
};

define({
  random,
  dropout(operand, rate, key) {
    const x = o.asValue(operand, undefined, "dropout");
    if (typeof rate !== "number" || !(rate >= 0 && rate <= 1))
      fail("ERR_ARGUMENT", "dropout", `rate must be a number from 0 to 1, got ${String(rate)}`);
    if (!isFloat(x.dtype)) fail("ERR_DTYPE", "dropout", `a tensor of floats was expected, got ${x.dtype}`);
    checkKey("dropout", key);
    if (rate === 0) return x;
    if (rate === 1) return o.zerosLike(x);
    return o.where(random.bernoulli(key, x.shape, { p: 1 - rate }), o.mul(x, 1 / (1 - rate)), 0);
  },
});
