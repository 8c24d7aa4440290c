import type { DType } from "../core/dtype.ts";
import type { GeluOptions } from "../primitives/elementwise.ts";
import type { OneHotOptions } from "../primitives/indexing.ts";
import type { PoolOptions } from "../primitives/pool.ts";
import type { Conv2dOptions } from "../primitives/conv.ts";
import type { IndexEntry } from "../primitives/at.ts";
import type { CrossEntropyOptions, LossOptions } from "../primitives/loss.ts";
import { lift } from "./lift.ts";
import { making } from "./making.ts";
import type { Tensor } from "./tensor.ts";
import type * as T from "./types.ts";
import type {
  AnyTensor,
  AxesOption,
  Broadcast,
  BroadcastsWith,
  DTypeIn,
  DTypeOf,
  Float,
  FloatOf,
  NoOptions,
  NumberOf,
  Operand,
  Promote,
  ReducedShape,
  Shape,
  ShapeOf,
  Total,
} from "./types.ts";

type Unary = <X extends Operand>(x: X) => Tensor<ShapeOf<X>, NumberOf<X>>;
type UnaryFloat = <X extends Operand>(x: X) => Tensor<ShapeOf<X>, FloatOf<X>>;
type Predicate = <X extends Operand>(x: X) => Tensor<ShapeOf<X>, "bool">;
type Binary = <A extends Operand, B extends Operand>(a: A, b: B & BroadcastsWith<A, B>) => Tensor<Broadcast<A, B>, Promote<A, B>>;
type Comparison = <A extends Operand, B extends Operand>(a: A, b: B & BroadcastsWith<A, B>) => Tensor<Broadcast<A, B>, "bool">;
type Reduction = <X extends AnyTensor, const O extends AxesOption = NoOptions>(x: X, options?: O) => Tensor<ReducedShape<ShapeOf<X>, O>, DTypeOf<X>>;
type Summing = <X extends AnyTensor, const O extends AxesOption = NoOptions>(
  x: X,
  options?: O,
) => Tensor<ReducedShape<ShapeOf<X>, O>, Total<DTypeOf<X>>>;
type Averaging = <X extends AnyTensor, const O extends AxesOption = NoOptions>(
  x: X,
  options?: O,
) => Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
type Spreading = <X extends AnyTensor, const O extends AxesOption & { readonly ddof?: number } = NoOptions>(
  x: X,
  options?: O,
) => Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
type Truth = <X extends AnyTensor, const O extends AxesOption = NoOptions>(x: X, options?: O) => Tensor<ReducedShape<ShapeOf<X>, O>, "bool">;
type Index = <X extends AnyTensor, const O extends { readonly axis?: number | null; readonly keepDims?: boolean } = NoOptions>(
  x: X,
  options?: O,
) => Tensor<ReducedShape<ShapeOf<X>, O>, "i32">;
type Along = <X extends AnyTensor>(x: X, options?: { readonly axis?: number | null }) => Tensor<ShapeOf<X>, DTypeOf<X>>;
type Rows = <X extends AnyTensor>(x: X, options?: { readonly axis?: number }) => Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;

export const {
  tensor,
  /** 0 everywhere; f32 unless { dtype }. Sizes that are not whole numbers from 0 on are ERR_SHAPE. */
  zeros,
  /** 1 everywhere; f32 unless { dtype }. */
  ones,
  full,
  arange,
  linspace,
  eye,
  /** 0 everywhere, of the shape and dtype of x. */
  zerosLike,
  /** 1 everywhere, of the shape and dtype of x. */
  onesLike,
  fullLike,
} = making;

// ---- elementwise. Operands broadcast (ERR_SHAPE where they do not) and are promoted; a number takes the dtype of the tensor beside it.

/** a + b; truth values: or. */
export const add: Binary = lift("add");
/** a - b; truth values count as i32. */
export const sub: Binary = lift("sub");
/** a b; truth values: and. */
export const mul: Binary = lift("mul");
/** a / b; integers become f32. */
export const div: <A extends Operand, B extends Operand>(a: A, b: B & BroadcastsWith<A, B>) => Tensor<Broadcast<A, B>, Float<Promote<A, B>>> =
  lift("div");
/** a^b; 0^0 is 1, and so is NaN^0. A number b that is whole, from -16 to 16, is a chain of products; a negative one of integers is ERR_ARGUMENT. */
export const pow: Binary = lift("pow");
/** a modulo b, with the sign of b; truth values count as i32. */
export const mod: Binary = lift("mod");
/** The larger one; NaN wins. In a tie each gets half of the derivative. */
export const maximum: Binary = lift("maximum");
/** The smaller one; NaN wins. In a tie each gets half of the derivative. */
export const minimum: Binary = lift("minimum");
/** -x. */
export const neg: Unary = lift("neg");
/** |x|; the derivative at 0 is 0. */
export const abs: Unary = lift("abs");
/** -1, 0 or 1, NaN of NaN; the derivative is 0. */
export const sign: Unary = lift("sign");
/** x^2. */
export const square: Unary = lift("square");
/** max(x, 0); the derivative at 0 is 0. */
export const relu: Unary = lift("relu");
/** Down to a whole number; the derivative is 0. */
export const floor: Unary = lift("floor");
/** Up to a whole number; the derivative is 0. */
export const ceil: Unary = lift("ceil");
/** To the nearest whole number, halves to the even one; the derivative is 0. */
export const round: Unary = lift("round");
/** 1 / x; integers become f32. */
export const reciprocal: UnaryFloat = lift("reciprocal");
/** e^x. */
export const exp: UnaryFloat = lift("exp");
/** e^x - 1, exact near 0. */
export const expm1: UnaryFloat = lift("expm1");
/** The natural logarithm: -Infinity at 0, NaN below. */
export const log: UnaryFloat = lift("log");
/** log(1 + x), exact near 0. */
export const log1p: UnaryFloat = lift("log1p");
/** The square root; NaN below 0. */
export const sqrt: UnaryFloat = lift("sqrt");
/** 1 / sqrt(x). */
export const rsqrt: UnaryFloat = lift("rsqrt");
/** Sine; x in radians. */
export const sin: UnaryFloat = lift("sin");
/** Cosine; x in radians. */
export const cos: UnaryFloat = lift("cos");
/** Tangent; x in radians. */
export const tan: UnaryFloat = lift("tan");
/** The hyperbolic tangent. */
export const tanh: UnaryFloat = lift("tanh");
/** 1 / (1 + e^-x). */
export const sigmoid: UnaryFloat = lift("sigmoid");
/** x sigmoid(x), also known as swish. Hendrycks and Gimpel 2016; Elfwing et al. 2017. */
export const silu: UnaryFloat = lift("silu");
/** log(1 + e^x), without overflow. */
export const softplus: UnaryFloat = lift("softplus");
/** The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export const erf: UnaryFloat = lift("erf");
/** x Phi(x), Phi the distribution function of the normal distribution, by erf; or with { approximate: "tanh" } by
 *  0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Hendrycks and Gimpel 2016. */
export const gelu: <X extends Operand>(x: X, options?: GeluOptions) => Tensor<ShapeOf<X>, FloatOf<X>> = lift("gelu");
/** x between min and max, which broadcast; either may be left out. At a bound the derivative is a half, outside 0. */
export const clip: <X extends Operand>(x: X, min?: Operand | null, max?: Operand | null) => Tensor<ShapeOf<X>, Promote<X, number>> = lift("clip");
/** a where the condition holds (is not 0), else b; the three broadcast, a and b are promoted. The side that is not taken gets derivative 0. */
export const where: <C extends Operand, A extends Operand, B extends Operand>(
  condition: C,
  a: A & BroadcastsWith<C, A>,
  b: B & BroadcastsWith<A, B> & BroadcastsWith<C, B>,
) => Tensor<T.BroadcastShape<ShapeOf<C>, Broadcast<A, B>>, Promote<A, B>> = lift("where");
/** a == b; NaN equals nothing. Result: bool, and so for all comparisons. */
export const equal: Comparison = lift("equal");
/** a != b; NaN differs from everything. */
export const notEqual: Comparison = lift("notEqual");
/** a < b. */
export const less: Comparison = lift("less");
/** a <= b. */
export const lessEqual: Comparison = lift("lessEqual");
/** a > b. */
export const greater: Comparison = lift("greater");
/** a >= b. */
export const greaterEqual: Comparison = lift("greaterEqual");
/** Both are not 0, bool. */
export const logicalAnd: Comparison = lift("logicalAnd");
/** One is not 0, or both are, bool. */
export const logicalOr: Comparison = lift("logicalOr");
/** x is 0, bool. */
export const logicalNot: Predicate = lift("logicalNot");
/** Whether x is NaN, bool; never for integers. */
export const isNaN: Predicate = lift("isNaN");
/** Whether x is neither infinite nor NaN, bool; always for integers. */
export const isFinite: Predicate = lift("isFinite");
/** The same numbers in another dtype: floats become integers by truncation and wrap; bool is "not 0"; f16 and bf16 round to nearest even.
 *  An unknown dtype is ERR_DTYPE. Derivatives pass between floats. */
export const cast: <X extends Operand, D extends DType>(x: X, dtype: D) => Tensor<ShapeOf<X>, D> = lift("cast");

// ---- reductions: { axis?: number | number[], keepDims? }; without axis, over all. An axis that is not there is ERR_ARGUMENT.

/** The sum; of u8 and bool in i32, of nothing 0. */
export const sum: Summing = lift("sum");
/** The product; of u8 and bool in i32, of nothing 1. */
export const prod: Summing = lift("prod");
/** The mean; of integers in f32, of nothing NaN. */
export const mean: Averaging = lift("mean");
/** The largest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
export const max: Reduction = lift("max");
/** The smallest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
export const min: Reduction = lift("min");
/** The mean squared distance from the mean; the divisor is n - ddof (default 0). Integers become f32. */
export const variance: Spreading = lift("variance");
/** The square root of the variance; { ddof } as there. */
export const std: Spreading = lift("std");
/** The square root of the sum of squares (Euclid's norm, Frobenius' of a matrix). Integers become f32. */
export const norm: Averaging = lift("norm");
/** log(sum(exp(x))), without overflow; of nothing -Infinity. Integers become f32. */
export const logSumExp: Averaging = lift("logSumExp");
/** Whether one element is not 0, bool; of nothing false. */
export const any: Truth = lift("any");
/** Whether no element is 0, bool; of nothing true. */
export const all: Truth = lift("all");
/** The index of the largest element, the first of equals, i32; without axis, into the flattened tensor. */
export const argmax: Index = lift("argmax");
/** The index of the smallest element, the first of equals, i32; without axis, into the flattened tensor. */
export const argmin: Index = lift("argmin");
/** Sums up to each element along an axis, of the shape of x; without axis, of the flattened tensor. u8 and bool are summed in i32. */
export const cumsum: <X extends AnyTensor>(x: X, options?: { readonly axis?: number | null }) => Tensor<number[], Total<DTypeOf<X>>> = lift("cumsum");

// ---- shapes

/** The same elements, row-major, in another shape of as many elements (else ERR_SHAPE); one size may be -1. */
export const reshape: <X extends AnyTensor, const P extends Shape>(
  x: X,
  shape: P & T.Holds<ShapeOf<X>, P>,
) => Tensor<T.ReshapedShape<P>, DTypeOf<X>> = lift("reshape");
/** All elements in one axis, row-major. */
export const flatten: <X extends AnyTensor>(x: X) => Tensor<[T.Size<ShapeOf<X>>], DTypeOf<X>> = lift("flatten");
/** Axes in another order, each named once (else ERR_ARGUMENT); reversed if none is given. No copy. */
export const transpose: <X extends AnyTensor, const P extends Shape | undefined = undefined>(
  x: X,
  axes?: P,
) => Tensor<T.Transposed<ShapeOf<X>, P>, DTypeOf<X>> = lift("transpose");
/** The last two axes swapped, [..., m, n] to [..., n, m]; fewer axes are ERR_SHAPE. No copy. */
export const mT: <X extends AnyTensor>(x: X) => Tensor<T.MatrixTransposed<ShapeOf<X>>, DTypeOf<X>> = lift("mT");
/** Two axes swapped. No copy. */
export const swapAxes: <X extends AnyTensor, const A extends number, const B extends number>(
  x: X,
  a: A,
  b: B,
) => Tensor<T.Swapped<ShapeOf<X>, A, B>, DTypeOf<X>> = lift("swapAxes");
/** A new axis of 1 (or several), at this place of the result. */
export const expandDims: <X extends AnyTensor, const A extends number | readonly number[]>(
  x: X,
  axis: A,
) => Tensor<T.ExpandedShape<ShapeOf<X>, A>, DTypeOf<X>> = lift("expandDims");
/** Without these axes of 1 (others are ERR_SHAPE), or without all of them. */
export const squeeze: <X extends AnyTensor>(x: X, axis?: number | readonly number[]) => Tensor<number[], DTypeOf<X>> = lift("squeeze");
/** Repeated along new axes in front, and along axes of 1, without a copy; ERR_SHAPE where the shapes do not fit. */
export const broadcastTo: <X extends AnyTensor, const P extends Shape>(
  x: X,
  shape: P & T.BroadcastableTo<ShapeOf<X>, P>,
) => Tensor<T.Mutable<P>, DTypeOf<X>> = lift("broadcastTo");
/** Tensors one after another along an axis (default 0); their other sizes must agree (ERR_SHAPE), dtypes are promoted. */
export const concat: <const L extends readonly AnyTensor[], const O extends T.AxisOption = NoOptions>(
  list: L & T.Joins<T.ConcatShape<L, O>, "concat">,
  options?: O,
) => Tensor<T.ConcatShape<L, O>, T.PromoteAll<L>> = lift("concat");
/** Tensors of one shape (else ERR_SHAPE) along a new axis (default 0); dtypes are promoted. */
export const stack: <const L extends readonly AnyTensor[], const O extends T.AxisOption = NoOptions>(
  list: L & T.Joins<T.StackShape<L, O>, "stack">,
  options?: O,
) => Tensor<T.StackShape<L, O>, T.PromoteAll<L>> = lift("stack");
/** Equal parts along an axis (default 0), or parts of these sizes; ERR_SHAPE where they do not fill the axis. */
export const split: <X extends AnyTensor>(x: X, parts: number | readonly number[], options?: T.AxisOption) => Tensor<number[], DTypeOf<X>>[] =
  lift("split");
/** Zeros around: [low, high] for each axis, or [low, high, between]; negative widths cut off. */
export const pad: <X extends AnyTensor>(x: X, widths: readonly (readonly number[])[]) => Tensor<number[], DTypeOf<X>> = lift("pad");
/** Elements in reverse order along an axis, several, or all. */
export const flip: <X extends AnyTensor>(x: X, options?: { readonly axis?: number | readonly number[] | null }) => Tensor<ShapeOf<X>, DTypeOf<X>> =
  lift("flip");
/** Elements moved `shift` places; what leaves at the end comes in at the begin. Without axis, over the flattened tensor. Several axes
 *  take one shift, or one each. */
export const roll: <X extends AnyTensor>(
  x: X,
  shift: number | readonly number[],
  options?: { readonly axis?: number | readonly number[] | null },
) => Tensor<ShapeOf<X>, DTypeOf<X>> = lift("roll");
/** Each element `times` times in a row along an axis; without axis, of the flattened tensor. */
export const repeat: <X extends AnyTensor>(x: X, times: number, options?: { readonly axis?: number | null }) => Tensor<number[], DTypeOf<X>> =
  lift("repeat");
/** The whole tensor again and again, `times` along each axis; a shorter list counts for the last axes. */
export const tile: <X extends AnyTensor>(x: X, times: number | readonly number[]) => Tensor<number[], DTypeOf<X>> = lift("tile");
/** The lower triangle of the last two axes, up to a diagonal above the main one; zeros elsewhere. */
export const tril: <X extends AnyTensor>(x: X, diagonal?: number) => Tensor<ShapeOf<X>, DTypeOf<X>> = lift("tril");
/** The upper triangle of the last two axes, from a diagonal above the main one on; zeros elsewhere. */
export const triu: <X extends AnyTensor>(x: X, diagonal?: number) => Tensor<ShapeOf<X>, DTypeOf<X>> = lift("triu");

// ---- indexing. Indices are integers (else ERR_DTYPE); negative ones count from the end, those outside are taken to the nearest end.

/** One entry an axis: a number picks (and drops the axis), [start, stop, step?] slices, null takes all, "..." fills up. */
export const at: <X extends AnyTensor>(x: X, ...entries: IndexEntry[]) => Tensor<number[], DTypeOf<X>> = lift("at");
/** x at indices along an axis: the axis becomes those of the indices. Without axis, of the flattened tensor. */
export const take: <X extends AnyTensor>(x: X, indices: Operand, options?: { readonly axis?: number | null }) => Tensor<number[], DTypeOf<X>> =
  lift("take");
/** At each place its own index along an axis (default: the last); indices have as many axes as x (else ERR_SHAPE), the others broadcast. */
export const takeAlongAxis: <X extends AnyTensor>(x: X, indices: AnyTensor, options?: { readonly axis?: number }) => Tensor<number[], DTypeOf<X>> =
  lift("takeAlongAxis");
/** x with updates (shaped like take(x, indices)) added at the indices along an axis (default 0); repeated ones add up. */
export const scatterAdd: <X extends AnyTensor>(
  x: X,
  indices: Operand,
  updates: Operand,
  options?: { readonly axis?: number },
) => Tensor<ShapeOf<X>, any> = lift("scatterAdd");
/** 1 at the class, 0 elsewhere, along a new last axis: labels [...] become [..., classes], f32 unless { dtype }. A label that is
 *  no class gives zeros. */
export const oneHot: <X extends Operand, const N extends number, const O extends OneHotOptions = NoOptions>(
  labels: X,
  classes: N,
  options?: O,
) => Tensor<[...ShapeOf<X>, N], DTypeIn<O, "f32">> = lift("oneHot");
/** Ascending along an axis (default: the last; null: of the flattened tensor); stable, NaN last. */
export const sort: Along = lift("sort");
/** The indices that sort, i32; axis as in sort. */
export const argsort: <X extends AnyTensor>(x: X, options?: { readonly axis?: number | null }) => Tensor<ShapeOf<X>, "i32"> = lift("argsort");
/** The k largest along an axis (default: the last), largest first, and their indices, i32. More than there are is ERR_ARGUMENT. */
export const topK: <X extends AnyTensor>(
  x: X,
  k: number,
  options?: { readonly axis?: number },
) => { values: Tensor<number[], DTypeOf<X>>; indices: Tensor<number[], "i32"> } = lift("topK");

// ---- linear algebra

/** a @ b: [..., m, k] by [..., k, n]; leading axes broadcast; vectors as in NumPy. Sizes that do not agree are ERR_SHAPE, a scalar too.
 *  Dtypes are promoted; f16 and bf16 are summed in f32. */
export const matmul: <A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: B & T.Multiplies<A, B>,
) => Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>> = lift("matmul");
/** The sum of the products of two vectors; over the last axis of a and the last but one of b, as in NumPy. */
export const dot: <A extends AnyTensor, B extends AnyTensor>(
  a: A,
  b: B & T.Multiplies<A, B>,
) => Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>> = lift("dot");
/** All products of two vectors, [m] and [n], as [m, n]; other shapes are flattened. */
export const outer: <A extends AnyTensor, B extends AnyTensor>(a: A, b: B) => Tensor<[T.Size<ShapeOf<A>>, T.Size<ShapeOf<B>>], Promote<A, B>> =
  lift("outer");
/** Einstein's summation: einsum("bhnd,bhmd->bhnm", q, k). Letters that the result leaves out are summed; "..." stands for axes that broadcast.
 *  An equation that cannot be read is ERR_ARGUMENT, sizes that differ ERR_SHAPE. */
export const einsum: <const L extends readonly AnyTensor[]>(equation: string, ...operands: L) => Tensor<number[], T.PromoteAll<L>> = lift("einsum");

// ---- networks

/** exp(x) over its sum along an axis (default: the last), without overflow. Integers become f32. */
export const softmax: Rows = lift("softmax");
/** log(softmax(x)) along an axis (default: the last), without overflow. */
export const logSoftmax: Rows = lift("logSoftmax");
/** (x - mean) / sqrt(variance + eps) over the last axis, then scale [C] and bias [C]; eps = 1e-6, biased variance. Ba et al. 2016, eq. 4. */
export const layerNorm: <X extends AnyTensor>(
  x: X,
  scale: AnyTensor,
  bias: AnyTensor,
  options?: { readonly eps?: number },
) => Tensor<ShapeOf<X>, Float<DTypeOf<X>>> = lift("layerNorm");
/** As layerNorm, for each image over a group of channels and all axes between: x [N, ..., C], { groups } must divide C (else ERR_ARGUMENT);
 *  eps = 1e-6. Wu and He 2018, eq. 1 and 7. */
export const groupNorm: <X extends AnyTensor>(
  x: X,
  scale: AnyTensor,
  bias: AnyTensor,
  options: { readonly groups: number; readonly eps?: number },
) => Tensor<ShapeOf<X>, Float<DTypeOf<X>>> = lift("groupNorm");
/** As layerNorm, for each channel over all axes but the last; eps = 1e-5. Statistics are those of the batch (biased variance), or mean [C] and
 *  variance [C], given together. Returns those used, too. Ioffe and Szegedy 2015, algorithm 1. */
export const batchNorm: <X extends AnyTensor>(
  x: X,
  scale: AnyTensor,
  bias: AnyTensor,
  options?: { readonly mean?: AnyTensor; readonly variance?: AnyTensor; readonly eps?: number },
) => { y: Tensor<ShapeOf<X>, Float<DTypeOf<X>>>; mean: Tensor<number[], any>; variance: Tensor<number[], any> } = lift("batchNorm");
/** x [N, H, W, C] by w [kH, kW, C / groups, F] is [N, H', W', F], a correlation (the filter is not flipped). Stride 1; padding "same"
 *  (ceil(H / stride) rows, the odd pad at the end), "valid" or [[top, bottom], [left, right]] in pixels. Floats only (ERR_DTYPE). */
export const conv2d: <X extends AnyTensor>(
  x: X,
  w: AnyTensor,
  options?: Conv2dOptions,
) => Tensor<[number, number, number, number], Float<DTypeOf<X>>> = lift("conv2d");
/** The largest in each window, x [N, H, W, C]; { window, stride = window, padding = "valid" } in pixels, each a number or [h, w].
 *  Of equal ones the first gets the derivative. */
export const maxPool2d: <X extends AnyTensor>(x: X, options: PoolOptions) => Tensor<[number, number, number, number], DTypeOf<X>> = lift("maxPool2d");
/** The mean of each window, x [N, H, W, C]; padding is not counted. Options as in maxPool2d; integers become f32. */
export const avgPool2d: <X extends AnyTensor>(x: X, options: PoolOptions) => Tensor<[number, number, number, number], Float<DTypeOf<X>>> =
  lift("avgPool2d");
/** softmax(scale q k^T + mask) v: q [B, H, N, D], k and v [B, H, M, D], the result like q; scale = 1 / sqrt(D). mask broadcasts to [B, H, N, M]:
 *  true may look, floats are added. causal: query i sees keys up to i + M - N. A query that sees nothing gives zeros.
 *  Vaswani et al. 2017, eq. 1. */
export const attention: <Q extends AnyTensor, K extends AnyTensor, V extends AnyTensor>(
  q: Q,
  k: K,
  v: V & T.Joins<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, "attention">,
  options?: { readonly scale?: number; readonly mask?: AnyTensor; readonly causal?: boolean },
) => Tensor<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, Float<Promote<Q, V>>> = lift("attention");
/** Patches of images [N, H, W, C] by kernel [P, P, C, D] (and bias [D]) as tokens [N, (H / P) (W / P), D], row by row; P in pixels must
 *  divide H and W (ERR_SHAPE). Dosovitskiy et al. 2021, eq. 1. */
export const patchEmbed: <X extends AnyTensor>(
  images: X,
  kernel: AnyTensor,
  bias: AnyTensor | null | undefined,
  options: { readonly patch: number },
) => Tensor<[number, number, number], Float<DTypeOf<X>>> = lift("patchEmbed");
/** -log softmax of the label's class, logits [..., C]: labels are classes [...] (integers; NaN where there is no such class) or probabilities
 *  [..., C] (floats). The mean over rows, unless { reduction: "sum" | "none" }. { smoothing } in [0, 1): Szegedy et al. 2016, section 7. */
export const crossEntropy: (logits: AnyTensor, labels: AnyTensor, options?: CrossEntropyOptions) => Tensor = lift("crossEntropy");
/** The cross-entropy of independent yes-or-no labels z of the shape of logits x, softplus(x) - x z; the mean over all elements, unless
 *  { reduction: "sum" | "none" }. */
export const sigmoidCrossEntropy: (logits: AnyTensor, labels: AnyTensor, options?: LossOptions) => Tensor = lift("sigmoidCrossEntropy");
/** Zeros with probability `rate` (0 to 1, else ERR_ARGUMENT), the rest divided by 1 - rate. Floats only (ERR_DTYPE). Srivastava et al. 2014. */
export const dropout: <X extends AnyTensor>(x: X, rate: number, key: AnyTensor) => Tensor<ShapeOf<X>, DTypeOf<X>> = lift("dropout");
