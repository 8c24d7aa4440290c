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
    /** a - b. */
    sub<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a b; truth values: and. */
    mul<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a / b; integers become f32. */
    div<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Float<Promote<A, B>>>;
    /** a^b; 0^0 is 1, and so is NaN^0. */
    pow<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** a modulo b, with the sign of b. */
    mod<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** The larger one; NaN wins. In a tie each gets half of the derivative. */
    maximum<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** The smaller one; NaN wins. In a tie each gets half of the derivative. */
    minimum<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, Promote<A, B>>;
    /** -x. */
    neg<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** |x|; the derivative at 0 is 0. */
    abs<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** -1, 0 or 1. */
    sign<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** x^2. */
    square<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** max(x, 0); the derivative at 0 is 0. */
    relu<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** Down to a whole number. */
    floor<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** Up to a whole number. */
    ceil<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** To the nearest whole number, halves to the even one. */
    round<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, NumberOf<X>>;
    /** 1 / x. */
    reciprocal<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** e^x. */
    exp<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** e^x - 1, exact near 0. */
    expm1<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The natural logarithm. */
    log<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** log(1 + x), exact near 0. */
    log1p<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The square root. */
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
    /** x sigmoid(x). */
    silu<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** log(1 + e^x), without overflow. */
    softplus<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** The error function. */
    erf<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** x Phi(x), by erf ("none", the default) or its approximation by tanh. */
    gelu<X extends AnyTensor>(this: X, options?: GeluOptions): Tensor<ShapeOf<X>, FloatOf<X>>;
    /** x between min and max; either may be left out. */
    clip<X extends AnyTensor>(this: X, min?: Operand | null, max?: Operand | null): Tensor<ShapeOf<X>, Promote<X, number>>;
    /** a where the condition holds (is not 0), else b; the three broadcast. */
    where<C extends AnyTensor, A extends Operand, B extends Operand>(
      this: C,
      a: A & BroadcastsWith<C, A>,
      b: B & BroadcastsWith<A, B> & BroadcastsWith<C, B>,
    ): Tensor<T.BroadcastShape<ShapeOf<C>, Broadcast<A, B>>, Promote<A, B>>;
    /** a == b; NaN equals nothing. */
    equal<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a != b. */
    notEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a < b. */
    less<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a <= b. */
    lessEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a > b. */
    greater<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** a >= b. */
    greaterEqual<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** Both are not 0. */
    logicalAnd<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** One is not 0, or both are. */
    logicalOr<A extends AnyTensor, B extends Operand>(this: A, b: B & BroadcastsWith<A, B>): Tensor<Broadcast<A, B>, "bool">;
    /** x is 0. */
    logicalNot<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** Whether x is NaN. */
    isNaN<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** Whether x is neither infinite nor NaN. */
    isFinite<X extends AnyTensor>(this: X): Tensor<ShapeOf<X>, "bool">;
    /** The same numbers in another dtype: floats become integers by truncation and wrap; bool is "not 0"; f16 and bf16 round to nearest even. */
    cast<X extends AnyTensor, D extends DType>(this: X, dtype: D): Tensor<ShapeOf<X>, D>;

    // reductions
    /** The sum; of u8 and bool in i32. */
    sum<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Total<DTypeOf<X>>>;
    /** The product; of u8 and bool in i32. */
    prod<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Total<DTypeOf<X>>>;
    /** The mean; of integers in f32, of nothing NaN. */
    mean<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The largest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
    max<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, DTypeOf<X>>;
    /** The smallest element; NaN wins; of nothing ERR_ARGUMENT. The derivative is shared among equals. */
    min<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, DTypeOf<X>>;
    /** The mean squared distance from the mean; the divisor is n - ddof (default 0). */
    variance<X extends AnyTensor, const O extends AxesOption & { readonly ddof?: number } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The square root of the variance. */
    std<X extends AnyTensor, const O extends AxesOption & { readonly ddof?: number } = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** The square root of the sum of squares. */
    norm<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** log(sum(exp(x))), without overflow. */
    logSumExp<X extends AnyTensor, const O extends AxesOption = NoOptions>(
      this: X,
      options?: O,
    ): Tensor<ReducedShape<ShapeOf<X>, O>, Float<DTypeOf<X>>>;
    /** Whether one element is not 0. */
    any<X extends AnyTensor, const O extends AxesOption = NoOptions>(this: X, options?: O): Tensor<ReducedShape<ShapeOf<X>, O>, "bool">;
    /** Whether no element is 0. */
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
    /** Sums up to each element along an axis; without axis, of the flattened tensor. */
    cumsum<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<number[], Total<DTypeOf<X>>>;

    // shapes
    /** The same elements, row-major, in another shape of as many elements (else ERR_SHAPE); one size may be -1. */
    reshape<X extends AnyTensor, const P extends Shape>(this: X, shape: P & T.Holds<ShapeOf<X>, P>): Tensor<T.ReshapedShape<P>, DTypeOf<X>>;
    /** All elements in one axis. */
    flatten<X extends AnyTensor>(this: X): Tensor<[T.Size<ShapeOf<X>>], DTypeOf<X>>;
    /** Axes in another order; reversed if none is given. */
    transpose<X extends AnyTensor, const P extends Shape | undefined = undefined>(this: X, axes?: P): Tensor<T.Transposed<ShapeOf<X>, P>, DTypeOf<X>>;
    /** The last two axes swapped. */
    mT<X extends AnyTensor>(this: X): Tensor<T.MatrixTransposed<ShapeOf<X>>, DTypeOf<X>>;
    /** Two axes swapped. */
    swapAxes<X extends AnyTensor, const A extends number, const B extends number>(
      this: X,
      a: A,
      b: B,
    ): Tensor<T.Swapped<ShapeOf<X>, A, B>, DTypeOf<X>>;
    /** A new axis of 1 (or several), at this place of the result. */
    expandDims<X extends AnyTensor, const A extends number | readonly number[]>(this: X, axis: A): Tensor<T.ExpandedShape<ShapeOf<X>, A>, DTypeOf<X>>;
    /** Without these axes of 1, or all of them. */
    squeeze<X extends AnyTensor>(this: X, axis?: number | readonly number[]): Tensor<number[], DTypeOf<X>>;
    /** Repeated along new axes in front, and along axes of 1, without a copy. */
    broadcastTo<X extends AnyTensor, const P extends Shape>(this: X, shape: P & T.BroadcastableTo<ShapeOf<X>, P>): Tensor<T.Mutable<P>, DTypeOf<X>>;
    /** Equal parts along an axis (default 0), or parts of these sizes. */
    split<X extends AnyTensor>(this: X, parts: number | readonly number[], options?: T.AxisOption): Tensor<number[], DTypeOf<X>>[];
    /** Zeros around: [low, high] for each axis, or [low, high, between]. */
    pad<X extends AnyTensor>(this: X, widths: readonly (readonly number[])[]): Tensor<number[], DTypeOf<X>>;
    /** Elements in reverse order along an axis, several, or all. */
    flip<X extends AnyTensor>(this: X, options?: { readonly axis?: number | readonly number[] | null }): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** Elements moved `shift` places; what leaves at the end comes in at the begin. Without axis, over the flattened tensor. */
    roll<X extends AnyTensor>(
      this: X,
      shift: number | readonly number[],
      options?: { readonly axis?: number | readonly number[] | null },
    ): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** Each element `times` times in a row along an axis. */
    repeat<X extends AnyTensor>(this: X, times: number, options?: { readonly axis?: number | null }): Tensor<number[], DTypeOf<X>>;
    /** The whole tensor again and again along each axis. */
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
    /** At each place its own index along an axis (default: the last); indices have as many axes as x. */
    takeAlongAxis<X extends AnyTensor>(this: X, indices: AnyTensor, options?: { readonly axis?: number }): Tensor<number[], DTypeOf<X>>;
    /** x with updates (shaped like take(x, indices)) added at the indices along an axis (default 0); repeated ones add up. */
    scatterAdd<X extends AnyTensor>(this: X, indices: Operand, updates: Operand, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, any>;
    /** 1 at the class, 0 elsewhere, along a new last axis. */
    oneHot<X extends AnyTensor, const N extends number, const O extends OneHotOptions = NoOptions>(
      this: X,
      classes: N,
      options?: O,
    ): Tensor<[...ShapeOf<X>, N], DTypeIn<O, "f32">>;
    /** Ascending along an axis (default: the last); stable, NaN last. */
    sort<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<ShapeOf<X>, DTypeOf<X>>;
    /** The indices that sort, i32. */
    argsort<X extends AnyTensor>(this: X, options?: { readonly axis?: number | null }): Tensor<ShapeOf<X>, "i32">;
    /** The k largest along an axis (default: the last), largest first. */
    topK<X extends AnyTensor>(
      this: X,
      k: number,
      options?: { readonly axis?: number },
    ): { values: Tensor<number[], DTypeOf<X>>; indices: Tensor<number[], "i32"> };

    // linear algebra
    /** a @ b: [..., m, k] @ [..., k, n]; leading axes broadcast; vectors as in NumPy. */
    matmul<A extends AnyTensor, B extends AnyTensor>(
      this: A,
      b: B & T.Multiplies<A, B>,
    ): Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>>;
    /** The sum of the products of two vectors. */
    dot<A extends AnyTensor, B extends AnyTensor>(this: A, b: B & T.Multiplies<A, B>): Tensor<T.MatmulShape<ShapeOf<A>, ShapeOf<B>>, Promote<A, B>>;
    /** All products of two vectors, [m, n]. */
    outer<A extends AnyTensor, B extends AnyTensor>(this: A, b: B): Tensor<[T.Size<ShapeOf<A>>, T.Size<ShapeOf<B>>], Promote<A, B>>;

    // networks
    /** exp(x) over its sum along an axis (default: the last). */
    softmax<X extends AnyTensor>(this: X, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** log(softmax(x)). */
    logSoftmax<X extends AnyTensor>(this: X, options?: { readonly axis?: number }): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** Mean 0 and variance 1 over the last axis, then scale [C] and bias [C]. */
    layerNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options?: { readonly eps?: number },
    ): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** As layerNorm, over each group of channels (the last axis) and all axes but the first. */
    groupNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options: { readonly groups: number; readonly eps?: number },
    ): Tensor<ShapeOf<X>, Float<DTypeOf<X>>>;
    /** Over all axes but the last, with the statistics of the batch unless they are given; the variance is biased. */
    batchNorm<X extends AnyTensor>(
      this: X,
      scale: AnyTensor,
      bias: AnyTensor,
      options?: { readonly mean?: AnyTensor; readonly variance?: AnyTensor; readonly eps?: number },
    ): { y: Tensor<ShapeOf<X>, Float<DTypeOf<X>>>; mean: Tensor<number[], any>; variance: Tensor<number[], any> };
    /** x [N, H, W, C] by w [kH, kW, C / groups, F]; padding "same" (default) puts the odd row at the end. */
    conv2d<X extends AnyTensor>(this: X, w: AnyTensor, options?: Conv2dOptions): Tensor<[number, number, number, number], Float<DTypeOf<X>>>;
    /** The largest in each window, x [N, H, W, C]. */
    maxPool2d<X extends AnyTensor>(this: X, options: PoolOptions): Tensor<[number, number, number, number], DTypeOf<X>>;
    /** The mean of each window, x [N, H, W, C]; padding is not counted. */
    avgPool2d<X extends AnyTensor>(this: X, options: PoolOptions): Tensor<[number, number, number, number], Float<DTypeOf<X>>>;
    /** softmax(scale q k^T) v: q [B, H, N, D], k and v [B, H, M, D]. mask: true may look, floats are added. */
    attention<Q extends AnyTensor, K extends AnyTensor, V extends AnyTensor>(
      this: Q,
      k: K,
      v: V & T.Joins<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, "attention">,
      options?: { readonly scale?: number; readonly mask?: AnyTensor; readonly causal?: boolean },
    ): Tensor<T.AttentionShape<ShapeOf<Q>, ShapeOf<K>, ShapeOf<V>>, Float<Promote<Q, V>>>;
    /** Patches of images [N, H, W, C] by kernel [P, P, C, D] as tokens [N, (H / P) (W / P), D]. */
    patchEmbed<X extends AnyTensor>(
      this: X,
      kernel: AnyTensor,
      bias: AnyTensor | null | undefined,
      options: { readonly patch: number },
    ): Tensor<[number, number, number], Float<DTypeOf<X>>>;
    /** -log softmax of the label's class; labels are classes (integers) or probabilities. */
    crossEntropy(this: AnyTensor, labels: AnyTensor, options?: CrossEntropyOptions): Tensor;
    /** The cross-entropy of independent yes-or-no labels. */
    sigmoidCrossEntropy(this: AnyTensor, labels: AnyTensor, options?: LossOptions): Tensor;
    /** Zeros with probability `rate`, the rest divided by 1 - rate. */
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
