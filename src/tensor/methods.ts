import type { DType } from "../core/dtype.ts";
import { showShape } from "../core/shape.ts";
import type { IndexEntry } from "../primitives/at.ts";
import type { Conv2dOptions } from "../primitives/conv.ts";
import type { GeluOptions } from "../primitives/elementwise.ts";
import type { OneHotOptions } from "../primitives/indexing.ts";
import type { CrossEntropyOptions, LossOptions } from "../primitives/loss.ts";
import type { PoolOptions } from "../primitives/pool.ts";
import { to as moveTo } from "../run/transfer.ts";
import { liftFunction } from "./lift.ts";
import * as ops from "./ops.ts";
import { Tensor } from "./tensor.ts";
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

// Every operation whose first argument is a tensor, as a method. The methods are typed by their receiver (`this: X`) and not by the
// class's own S and D: so these stay covariant, and Tensor<[2, 3]> is a Tensor<number[]>.
declare module "./tensor.ts" {
  interface Tensor<S extends readonly number[] = any, D extends DType = any> {
    // elementwise
    /** a + b; truth values: or. */
    add<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a - b; truth values count as i32. */
    sub<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a b; truth values: and. */
    mul<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a / b; integers become f32. */
    div<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Float<Promote<A, B>>>;
    /** a^b; 0^0 is 1, and so is NaN^0. A number b that is whole, from -16 to 16, is a chain of products; a negative one of integers is ERR_ARGUMENT. */
    pow<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a modulo b, with the sign of b; truth values count as i32. */
    mod<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** The larger one; NaN wins. In a tie each gets half of the derivative. */
    maximum<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** The smaller one; NaN wins. In a tie each gets half of the derivative. */
    minimum<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** -x. */
    neg<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** |x|; the derivative at 0 is 0. */
    abs<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** -1, 0 or 1, NaN of NaN; the derivative is 0. */
    sign<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** x^2. */
    square<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** max(x, 0); the derivative at 0 is 0. */
    relu<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** Down to a whole number; the derivative is 0. */
    floor<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** Up to a whole number; the derivative is 0. */
    ceil<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** To the nearest whole number, halves to the even one; the derivative is 0. */
    round<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** 1 / x; integers become f32. */
    reciprocal<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** e^x. */
    exp<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** e^x - 1, exact near 0. */
    expm1<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The natural logarithm: -Infinity at 0, NaN below. */
    log<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** log(1 + x), exact near 0. */
    log1p<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The square root; NaN below 0. */
    sqrt<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** 1 / sqrt(x). */
    rsqrt<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** Sine; x in radians. */
    sin<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** Cosine; x in radians. */
    cos<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** Tangent; x in radians. */
    tan<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The hyperbolic tangent. */
    tanh<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** 1 / (1 + e^-x). */
    sigmoid<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** x sigmoid(x), also known as swish. Hendrycks and Gimpel 2016; Elfwing et al. 2017. */
    silu<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** log(1 + e^x), without overflow. */
    softplus<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
    erf<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** x Phi(x), Phi the distribution function of the normal distribution, by erf; or with { approximate: "tanh" } by
     *  0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). Hendrycks and Gimpel 2016. */
    gelu<X extends AnyTensor>(this: X, options?: GeluOptions): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** x between min and max, which broadcast; either may be left out. At a bound the derivative is a half, outside 0. */
    clip<X extends AnyTensor>(this: X, min?: Operand | null, max?: Operand | null): Tensor<ShapeOf<X>, Promote<X, number>>;
    /** a where the condition holds (is not 0), else b; the three broadcast, a and b are promoted. The side that is not taken gets derivative 0. */
    where<C extends AnyTensor, A extends Operand, B extends Operand>(
      this: C,
      a: A & BroadcastsWith<C, A>,
      b: B & BroadcastsWith<A, B> & BroadcastsWith<C, B>,
    ): Tensor<T.BroadcastShape<ShapeOf<C>, Broadcast<A, B>>, Promote<A, B>>;
    /** a == b; NaN equals nothing. Result: bool, and so for all comparisons. */
    equal<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a != b; NaN differs from everything. */
    notEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a < b. */
    less<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a <= b. */
    lessEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a > b. */
    greater<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a >= b. */
    greaterEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** Both are not 0, bool. */
    logicalAnd<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** One is not 0, or both are, bool. */
    logicalOr<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** x is 0, bool. */
    logicalNot<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** Whether x is NaN, bool; never for integers. */
    isNaN<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** Whether x is neither infinite nor NaN, bool; always for integers. */
    isFinite<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** The same numbers in another dtype: floats become integers by truncation and wrap; bool is "not 0"; f16 and bf16 round to nearest even.
     *  An unknown dtype is ERR_DTYPE. Derivatives pass between floats. */
    cast<X extends AnyTensor, D extends DType>(this: X, dtype: D): Tensor<ShapeOf<X>, D>;

    // reductions
    /** The sum; of u8 and bool in i32, of nothing 0. */
    sum<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Total<DTypeOf<X>>>;
    /** The product; of u8 and bool in i32, of nothing 1. */
    prod<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Total<DTypeOf<X>>>;
    /** The mean; of integers in f32, of nothing NaN. */
    mean<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The largest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
    max<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, DTypeOf<X>>;
    /** The smallest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
    min<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, DTypeOf<X>>;
    /** The mean squared distance from the mean; the divisor is n - ddof (default 0). Integers become f32. */
    variance<X extends AnyTensor, const O extends AxesOption & { readonly ddof?: number } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The square root of the variance; { ddof } as there. */
    std<X extends AnyTensor, const O extends AxesOption & { readonly ddof?: number } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The square root of the sum of squares (Euclid's norm, Frobenius' of a matrix). Integers become f32. */
    norm<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** log(sum(exp(x))), without overflow; of nothing -Infinity. Integers become f32. */
    logSumExp<X extends AnyTensor, const O extends AxesOption = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** Whether one element is not 0, bool; of nothing false. */
    any<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, "bool">;
    /** Whether no element is 0, bool; of nothing true. */
    all<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, "bool">;
    /** The index of the largest element, the first of equals, i32; without axis, into the flattened tensor. */
    argmax<X extends AnyTensor, const O extends { readonly axis?: number | null; readonly keepDims?: boolean } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, "i32">;
    /** The index of the smallest element, the first of equals, i32; without axis, into the flattened tensor. */
    argmin<X extends AnyTensor, const O extends { readonly axis?: number | null; readonly keepDims?: boolean } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, "i32">;
    /** Sums up to each element along an axis, of the shape of x; without axis, of the flattened tensor. u8 and bool are summed in i32. */
    cumsum<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<number[], Total<DTypeOf<X>>>;

    // shapes
    /** The same elements, row-major, in another shape of as many elements (else ERR_SHAPE); one size may be -1. */
    reshape<X extends AnyTensor, const P extends Shape>(this: X, shape: P & T.Holds<ShapeOf<X>, P>): Tensor<T.ReshapedShape<P>, DTypeOf<X>>;
    /** All elements in one axis, row-major. */
    flatten<X extends AnyTensor>(this: X): Tensor<[T.Size<ShapeOf<X>>], DTypeOf<X>>;
    /** Axes in another order, each named once (else ERR_ARGUMENT); reversed if none is given. No copy. */
    transpose<X extends AnyTensor, const P extends Shape | undefined = undefined>(this: X, axes?: P): Tensor<T.Transposed<ShapeOf<X>, P>, DTypeOf<X>>;
    /** The last two axes swapped, [..., m, n] to [..., n, m]; fewer axes are ERR_SHAPE. No copy. */
    mT<X extends AnyTensor>(this: X): Tensor<T.MatrixTransposed<ShapeOf<X>>, DTypeOf<X>>;
    /** Two axes swapped. No copy. */
    swapAxes<X extends AnyTensor, const A extends number, const B extends number>(
      this: X,
      a: A,
      b: B,
    ): Tensor<T.Swapped<ShapeOf<X>, A, B>, DTypeOf<X>>;
    /** A new axis of 1 (or several), at this place of the result. */
    expandDims<X extends AnyTensor, const A extends number | readonly number[]>(this: X, axis: A): Tensor<T.ExpandedShape<ShapeOf<X>, A>, DTypeOf<X>>;
    /** Without these axes of 1 (others are ERR_SHAPE), or without all of them. */
    squeeze<X extends AnyTensor>(this: X, axis?: number | readonly number[]): Tensor<number[], DTypeOf<X>>;
    /** Repeated along new axes in front, and along axes of 1, without a copy; ERR_SHAPE where the shapes do not fit. */
    broadcastTo<X extends AnyTensor, const P extends Shape>(this: X, shape: P & T.BroadcastableTo<ShapeOf<X>, P>): Tensor<T.Mutable<P>, DTypeOf<X>>;
    /** Equal parts along an axis (default 0), or parts of these sizes; ERR_SHAPE where they do not fill the axis. */
    split<X extends AnyTensor>(this: X, parts: number | readonly number[], options?: T.AxisOption): Tensor<number[], DTypeOf<X>>[];
    /** Zeros around: [low, high] for each axis, or [low, high, between]; negative widths cut off. */
    pad<X extends AnyTensor>(this: X, widths: readonly (readonly number[])[]): Tensor<number[], DTypeOf<X>>;
    /** Elements in reverse order along an axis, several, or all. */
    flip<X extends AnyTensor>(this: X, options?: { readonly axis?: number | readonly number[] | null }): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** Elements moved `shift` places; what leaves at the end comes in at the begin. Without axis, over the flattened tensor. Several axes
     *  take one shift, or one each. */
    roll<X extends AnyTensor>(
      this: X,
      shift: number | readonly number[],
      options?: { readonly axis?: number | readonly number[] | null },
    ): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** Each element `times` times in a row along an axis; without axis, of the flattened tensor. */
    repeat<X extends AnyTensor>(this: X, times: number, options?: { readonly axis?: number | null }): Tensor<number[], DTypeOf<X>>;
    /** The whole tensor again and again, `times` along each axis; a shorter list counts for the last axes. */
    tile<X extends AnyTensor>(this: X, times: number | readonly number[]): Tensor<number[], DTypeOf<X>>;
    /** The lower triangle of the last two axes, up to a diagonal above the main one; zeros elsewhere. */
    tril<X extends AnyTensor>(this: X, diagonal?: number): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** The upper triangle of the last two axes, from a diagonal above the main one on; zeros elsewhere. */
    triu<X extends AnyTensor>(this: X, diagonal?: number): Tensor<ShapeOf<X>, DTypeOf<X>>;

    // indexing
    /** One entry an axis: a number picks (and drops the axis), [start, stop, step?] slices, null takes all, "..." fills up. */
    at<X extends AnyTensor>(this: X, ...entries: IndexEntry[]): Tensor<number[], DTypeOf<X>>;
    /** x at indices along an axis: the axis becomes those of the indices. Without axis, of the flattened tensor. */
    take<X extends AnyTensor>(this: X, indices: Operand, options?: { readonly axis?: number | null }): Tensor<number[], DTypeOf<X>>;
    /** At each place its own index along an axis (default: the last); indices have as many axes as x (else ERR_SHAPE), the others broadcast. */
    takeAlongAxis<X extends AnyTensor>(this: X, indices: AnyTensor, options?: { readonly axis?: number }): Tensor<number[], DTypeOf<X>>;
    /** x with updates (shaped like take(x, indices)) added at the indices along an axis (default 0); repeated ones add up. */
    scatterAdd<X extends AnyTensor>(this: X, indices: Operand, updates: Operand, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, any>;
    /** 1 at the class, 0 elsewhere, along a new last axis: labels [...] become [..., classes], f32 unless { dtype }. A label that is
     *  no class gives zeros. */
    oneHot<X extends AnyTensor, const N extends number, const O extends OneHotOptions = NoOptions>(
      this: X,
      classes: N,
      options?: O,
    ): Tensor<[...ShapeOf<X>, N], DTypeIn<O, "f32">>;
    /** Ascending along an axis (default: the last; null: of the flattened tensor); stable, NaN last. */
    sort<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** The indices that sort, i32; axis as in sort. */
    argsort<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<ShapeOf<X>, "i32">;
    /** The k largest along an axis (default: the last), largest first, and their indices, i32. More than there are is ERR_ARGUMENT. */
    topK<X extends AnyTensor>(
      this: X,
      k: number,
      options?: { readonly axis?: number },
    ): { values: Tensor<number[], DTypeOf<X>>; indices: Tensor<number[], "i32"> };

    // linear algebra
    /** a @ b: [..., m, k] by [..., k, n]; leading axes broadcast; vectors as in NumPy. Sizes that do not agree are ERR_SHAPE, a scalar too.
     *  Dtypes are promoted; f16 and bf16 are summed in f32. */
    matmul<A extends AnyTensor, B extends AnyTensor>(
      this: A,
      b: B & T.Multiplies<A, B>,
    ): Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>>;
    /** The sum of the products of two vectors; over the last axis of a and the last but one of b, as in NumPy. */
    dot<A extends AnyTensor, B extends AnyTensor>(this: A, b: B & T.Multiplies<A, B>): Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>>;
    /** All products of two vectors, [m] and [n], as [m, n]; other shapes are flattened. */
    outer<A extends AnyTensor, B extends AnyTensor>(this: A, b: B): Tensor<[T.Size<ShapeOf<A>>, T.Size<ShapeOf<B>>], Promote<A, B>>;

    // networks
    /** exp(x) over its sum along an axis (default: the last), without overflow. Integers become f32. */
    softmax<X extends AnyTensor>(this: X, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** log(softmax(x)) along an axis (default: the last), without overflow. */
    logSoftmax<X extends AnyTensor>(this: X, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** (x - mean) / sqrt(variance + eps) over the last axis, then scale [C] and bias [C]; eps = 1e-6, biased variance. Ba et al. 2016, eq. 4. */
    layerNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options?: { readonly eps?: number },
    ): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** As layerNorm, for each image over a group of channels and all axes between: x [N, ..., C], { groups } must divide C (else ERR_ARGUMENT);
     *  eps = 1e-6. Wu and He 2018, eq. 1 and 7. */
    groupNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options: { readonly groups: number; readonly eps?: number },
    ): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** As layerNorm, for each channel over all axes but the last; eps = 1e-5. Statistics are those of the batch (biased variance), or mean [C] and
     *  variance [C], given together. Returns those used, too. Ioffe and Szegedy 2015, algorithm 1. */
    batchNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options?: { readonly mean?: AnyTensor; readonly variance?: AnyTensor; readonly eps?: number },
    ): { y: Tensor<ShapeOf<X>, Float<DTypeOf<X>>>; mean: Tensor<number[], any>; variance: Tensor<number[], any> };
    /** x [N, H, W, C] by w [kH, kW, C / groups, F] is [N, H', W', F], a correlation (the filter is not flipped). Stride 1; padding "same"
     *  (ceil(H / stride) rows, the odd pad at the end), "valid" or [[top, bottom], [left, right]] in pixels. Floats only (ERR_DTYPE). */
    conv2d<X extends AnyTensor>(this: X, w: AnyTensor, options?: Conv2dOptions): Tensor<[number, number, number, number], Float<DTypeOf<X>>>;
    /** The largest in each window, x [N, H, W, C]; { window, stride = window, padding = "valid" } in pixels, each a number or [h, w].
     *  Of equal ones the first gets the derivative. */
    maxPool2d<X extends AnyTensor>(this: X, options: PoolOptions): Tensor<[number, number, number, number], DTypeOf<X>>;
    /** The mean of each window, x [N, H, W, C]; padding is not counted. Options as in maxPool2d; integers become f32. */
    avgPool2d<X extends AnyTensor>(this: X, options: PoolOptions): Tensor<[number, number, number, number], Float<DTypeOf<X>>>;
    /** softmax(scale q k^T + mask) v: q [B, H, N, D], k and v [B, H, M, D], the result like q; scale = 1 / sqrt(D). mask broadcasts to [B, H, N, M]:
     *  true may look, floats are added. causal: query i sees keys up to i + M - N. A query that sees nothing gives zeros.
     *  Vaswani et al. 2017, eq. 1. */
    attention<Q extends AnyTensor, K extends AnyTensor, V extends AnyTensor>(
      this: Q,
      k: K,
      v: V & T.Joins<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, "attention">,
      options?: { readonly scale?: number; readonly mask?: AnyTensor; readonly causal?: boolean },
    ): Tensor<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, Float<Promote<Q, V>>>;
    /** Patches of images [N, H, W, C] by kernel [P, P, C, D] (and bias [D]) as tokens [N, (H / P) (W / P), D], row by row; P in pixels must
     *  divide H and W (ERR_SHAPE). Dosovitskiy et al. 2021, eq. 1. */
    patchEmbed<X extends AnyTensor>(
      this: X,
      kernel: AnyTensor,
      bias: AnyTensor | null | undefined,
      options: { readonly patch: number },
    ): Tensor<[number, number, number], Float<DTypeOf<X>>>;
    /** -log softmax of the label's class, logits [..., C]: labels are classes [...] (integers; NaN where there is no such class) or probabilities
     *  [..., C] (floats). The mean over rows, unless { reduction: "sum" | "none" }. { smoothing } in [0, 1): Szegedy et al. 2016, section 7. */
    crossEntropy(this: AnyTensor, labels: AnyTensor, options?: CrossEntropyOptions): Tensor;
    /** The cross-entropy of independent yes-or-no labels z of the shape of logits x, softplus(x) - x z; the mean over all elements, unless
     *  { reduction: "sum" | "none" }. */
    sigmoidCrossEntropy(this: AnyTensor, labels: AnyTensor, options?: LossOptions): Tensor;
    /** Zeros with probability `rate` (0 to 1, else ERR_ARGUMENT), the rest divided by 1 - rate. Floats only (ERR_DTYPE). Srivastava et al. 2014. */
    dropout<X extends AnyTensor>(this: X, rate: number, key: AnyTensor): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** A copy on another device; derivatives pass through it. */
    to<X extends AnyTensor>(this: X, device: string): Tensor<ShapeOf<X>, DTypeOf<X>>;
  }
}

const to = liftFunction("to", moveTo);
const { concat, stack, einsum, tensor, zeros, ones, full, arange, linspace, eye, zerosLike, onesLike, fullLike, ...methods } = ops;
for (const [name, f] of Object.entries({ ...methods, to })) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: unknown[]) {
      return (f as (...args: unknown[]) => unknown)(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}

/** What console.log shows. */
Object.defineProperty(Tensor.prototype, Symbol.for("nodejs.util.inspect.custom"), {
  value(this: Tensor) {
    return `Tensor ${this.dtype} ${showShape(this.shape)} on ${this.device}`;
  },
});
