import type { DType } from "../core/dtype.ts";
import type { Add, Times } from "./digits.ts";
import type { Tensor } from "./tensor.ts";

// Shapes as types: a tuple of literals where they are known, `number` for a size known only at run time, `number[]` (or any)
// where nothing is known. Unknown parts agree with everything; two literals that contradict each other give a ShapeError.

/** The sizes of the axes: a tuple of literals where they are known, `number` for a size known only at run time, number[] where nothing is known. */
export type Shape = readonly number[];
/** A tensor of any shape and dtype. */
export type AnyTensor = Tensor<any, any>;
/** What stands where a tensor may. */
export type Operand = AnyTensor | number | boolean;

/** What an argument must be when literals contradict each other: nothing is. */
export interface ShapeError<Message extends string> {
  /** What does not agree. */
  readonly shapeError: Message;
}

type IsAny<T> = 0 extends 1 & T ? true : false;
/** Whether the rank is unknown. */
type Unknown<S extends Shape> = number extends S["length"] ? true : false;
/** A shape without readonly. */
export type Mutable<S extends Shape> = number extends S["length"] ? number[] : [...S];

/** The shape of an operand; numbers are []. */
export type ShapeOf<X> = X extends { readonly shape: infer S extends Shape } ? S : [];
/** The dtype of an operand; a number that is no literal may become any. */
export type DTypeOf<X> = X extends { readonly dtype: infer D extends DType } ? D : never;

// ---- dtypes

type JoinOne<A extends DType, B extends DType> = [A] extends [B]
  ? A
  : "f64" extends A | B
    ? "f64"
    : "f32" extends A | B
      ? "f32"
      : "f16" | "bf16" extends A | B
        ? "f32"
        : "f16" extends A | B
          ? "f16"
          : "bf16" extends A | B
            ? "bf16"
            : "i32" | "u32" extends A | B
              ? "f32"
              : "i32" extends A | B
                ? "i32"
                : "u32" extends A | B
                  ? "u32"
                  : "u8";
type Join<A extends DType, B extends DType> = A extends DType ? (B extends DType ? JoinOne<A, B> : never) : never;
type Floats = "f64" | "f32" | "f16" | "bf16";
/** A number beside an array: weak. */
type Weak<D extends DType, N> = D extends Floats
  ? D
  : N extends boolean
    ? D
    : number extends N
      ? "f32" | D
      : `${N & number}` extends `${bigint}`
        ? D extends "bool"
          ? "i32"
          : D
        : "f32";

/** The dtype of an operation on two operands. */
export type Promote<A, B> =
  IsAny<A> extends true
    ? any
    : IsAny<B> extends true
      ? any
      : A extends AnyTensor
        ? B extends AnyTensor
          ? PromoteD<A["dtype"], B["dtype"]>
          : IsAny<A["dtype"]> extends true
            ? any
            : Weak<A["dtype"], B>
        : B extends AnyTensor
          ? IsAny<B["dtype"]> extends true
            ? any
            : Weak<B["dtype"], A>
          : "f32" | "bool";
type PromoteD<A extends DType, B extends DType> = IsAny<A> extends true ? any : IsAny<B> extends true ? any : Join<A, B>;
/** Integers become f32. */
export type Float<D extends DType> = IsAny<D> extends true ? any : D extends Floats ? D : "f32";
/** The dtype of a function such as exp: floats stay, integers and numbers become f32. */
export type FloatOf<X> = X extends AnyTensor ? Float<X["dtype"]> : "f32";
/** Sums of u8 and bool are i32. */
export type Total<D extends DType> = IsAny<D> extends true ? any : D extends "u8" | "bool" ? "i32" : D;
/** What arithmetic on one operand gives: bool counts as i32. */
export type NumberOf<X> = X extends AnyTensor ? (IsAny<X["dtype"]> extends true ? any : X["dtype"] extends "bool" ? "i32" : X["dtype"]) : "f32";

/** How many elements a shape has. */
export type Size<S extends Shape, N extends number = 1> =
  Unknown<S> extends true ? number : S extends readonly [infer H extends number, ...infer T extends Shape] ? Size<T, Times<N, H>> : N;

// ---- axes

type DropLast<S extends Shape, N, Gone extends 1[] = []> = `${Gone["length"]}` extends N
  ? S
  : S extends readonly [...infer H extends Shape, number]
    ? DropLast<H, N, [...Gone, 1]>
    : [];
/** The axis that a (negative) number names. */
type AxisOf<S extends Shape, A> = A extends number ? (`${A}` extends `-${infer N}` ? DropLast<S, N>["length"] : A) : never;
/** Each axis in N becomes R (nothing, or 1). */
type ReplaceAxes<S extends Shape, N, R extends Shape, I extends 1[] = []> = S extends readonly [infer H extends number, ...infer T extends Shape]
  ? [...(I["length"] extends N ? R : [H]), ...ReplaceAxes<T, N, R, [...I, 1]>]
  : [];
type InsertAxis<S extends Shape, N, X extends number, I extends 1[] = []> = I["length"] extends N
  ? [X, ...S]
  : S extends readonly [infer H extends number, ...infer T extends Shape]
    ? [H, ...InsertAxis<T, N, X, [...I, 1]>]
    : number[];

/** Options that are not given. */
export type NoOptions = Record<never, never>;

/** What reductions take. An axis that is not there is ERR_ARGUMENT. */
export interface AxesOption {
  /** One axis or several; negative ones count from the end. Default: all. */
  readonly axis?: number | readonly number[] | null;
  /** The reduced axes stay, with one element. Default: false. */
  readonly keepDims?: boolean;
}
type In<O, Name extends string> = Name extends keyof O ? O[Name] : undefined;
type Each<A> = A extends readonly (infer E)[] ? E : A;
/** What a reduced axis leaves; unknown: number. */
type Left<O> = In<O, "keepDims"> extends true ? [1] : In<O, "keepDims"> extends false | undefined ? [] : number[];
/** The shape of a reduction. */
export type ReducedShape<S extends Shape, O> =
  IsAny<O> extends true
    ? number[]
    : Left<O> extends infer R extends Shape
      ? Unknown<R> extends true
        ? number[]
        : [In<O, "axis">] extends [null | undefined]
          ? R extends []
            ? []
            : Unknown<S> extends true
              ? number[]
              : ReplaceAxes<S, number, R>
          : Unknown<S> extends true
            ? number[]
            : number extends Each<In<O, "axis">>
              ? number[]
              : ReplaceAxes<S, AxisOf<S, Each<In<O, "axis">>>, R>
      : never;
/** S with a new axis of 1. */
export type ExpandedShape<S extends Shape, A> =
  Unknown<S> extends true ? number[] : A extends number ? (number extends A ? number[] : InsertAxis<S, AxisOf<[...S, 1], A>, 1>) : number[];

// ---- broadcasting

type BroadcastSize<A extends number, B extends number> = number extends A
  ? number extends B
    ? number
    : B extends 1
      ? number
      : B
  : number extends B
    ? A extends 1
      ? number
      : A
    : A extends 1
      ? B
      : B extends 1
        ? A
        : A extends B
          ? A
          : never;
/** NumPy's rule; never where two literals contradict each other. */
export type BroadcastShape<A extends Shape, B extends Shape> =
  Unknown<A> extends true ? number[] : Unknown<B> extends true ? number[] : BroadcastTuple<A, B>;
type BroadcastTuple<A extends Shape, B extends Shape, Tail extends Shape = []> = A extends readonly [...infer P extends Shape, infer X extends number]
  ? B extends readonly [...infer Q extends Shape, infer Y extends number]
    ? [BroadcastSize<X, Y>] extends [never]
      ? never
      : BroadcastTuple<P, Q, [BroadcastSize<X, Y>, ...Tail]>
    : [...A, ...Tail]
  : [...B, ...Tail];
/** The shape of an elementwise operation on two operands. */
export type Broadcast<A, B> = BroadcastShape<ShapeOf<A>, ShapeOf<B>>;
type Shown<S extends Shape> = S extends readonly [] ? "[]" : `[${Joined<S>}]`;
type Joined<S extends Shape> = S extends readonly [infer H extends number, ...infer T extends Shape]
  ? T extends readonly []
    ? `${H}`
    : `${H}, ${Joined<T>}`
  : "";
/** What the second of two operands must be besides an operand. */
export type BroadcastsWith<A, B> = [Broadcast<A, B>] extends [never]
  ? ShapeError<`shapes ${Shown<ShapeOf<A>>} and ${Shown<ShapeOf<B>>} do not broadcast`>
  : unknown;

// ---- products

type Agree<A extends number, B extends number> = number extends A ? true : number extends B ? true : A extends B ? true : false;
/** The shape of a @ b; never where literals contradict each other. */
export type MatmulShape<A extends Shape, B extends Shape> =
  Unknown<A> extends true
    ? number[]
    : Unknown<B> extends true
      ? number[]
      : A extends readonly []
        ? never
        : B extends readonly []
          ? never
          : A extends readonly [infer K extends number]
            ? B extends readonly [infer L extends number]
              ? Agree<K, L> extends true
                ? []
                : never
              : B extends readonly [...infer Q extends Shape, infer L extends number, infer N extends number]
                ? Agree<K, L> extends true
                  ? [...Q, N]
                  : never
                : never
            : A extends readonly [...infer P extends Shape, infer M extends number, infer K extends number]
              ? B extends readonly [infer L extends number]
                ? Agree<K, L> extends true
                  ? [...P, M]
                  : never
                : B extends readonly [...infer Q extends Shape, infer L extends number, infer N extends number]
                  ? Agree<K, L> extends true
                    ? [BroadcastShape<P, Q>] extends [never]
                      ? never
                      : [...BroadcastShape<P, Q>, M, N]
                    : never
                  : never
              : never;
/** What the second factor of a product must be besides a tensor. */
export type Multiplies<A, B> = [MatmulShape<ShapeOf<A>, ShapeOf<B>>] extends [never]
  ? ShapeError<`${Shown<ShapeOf<A>>} @ ${Shown<ShapeOf<B>>}: the inner sizes, or the batches, do not agree`>
  : unknown;

// ---- shapes

type ReverseTuple<S extends Shape> = S extends readonly [infer H extends number, ...infer T extends Shape] ? [...ReverseTuple<T>, H] : [];
/** S with its axes in the order P, or reversed. */
export type Transposed<S extends Shape, P> =
  Unknown<S> extends true
    ? number[]
    : P extends readonly number[]
      ? Unknown<P> extends true
        ? number[]
        : { -readonly [I in keyof P]: P[I] extends number ? PickAxis<S, AxisOf<S, P[I]>> : never }
      : ReverseTuple<S>;
type PickAxis<S extends Shape, I> = I extends keyof S ? (S[I] extends number ? S[I] : number) : number;
/** The last two axes swapped. */
export type MatrixTransposed<S extends Shape> =
  Unknown<S> extends true
    ? number[]
    : S extends readonly [...infer P extends Shape, infer M extends number, infer N extends number]
      ? [...P, N, M]
      : never;
/** S with the axes A and B swapped. */
export type Swapped<S extends Shape, A, B> =
  Unknown<S> extends true ? number[] : number extends A ? number[] : number extends B ? number[] : SwapAxes<S, AxisOf<S, A>, AxisOf<S, B>>;
type SwapAxes<S extends Shape, A, B, I extends 1[] = [], Out extends Shape = []> = Out["length"] extends S["length"]
  ? Out
  : SwapAxes<
      S,
      A,
      B,
      [...I, 1],
      [...Out, I["length"] extends A ? PickAxis<S, B> : I["length"] extends B ? PickAxis<S, A> : PickAxis<S, I["length"]>]
    >;

/** -1 stands for a size that follows from the others. */
export type ReshapedShape<P extends Shape> = Unknown<P> extends true ? number[] : { -readonly [I in keyof P]: P[I] extends -1 ? number : P[I] };
/** What the shape P must be besides a shape to hold the elements of S. */
export type Holds<S extends Shape, P extends Shape> =
  Unknown<S> extends true
    ? unknown
    : Unknown<P> extends true
      ? unknown
      : -1 extends P[number]
        ? unknown
        : number extends S[number] | P[number]
          ? unknown
          : Size<S> extends Size<P>
            ? unknown
            : ShapeError<`${Shown<S>} has another number of elements than ${Shown<P>}`>;
/** What the shape P must be besides a shape for S to broadcast to it. */
export type BroadcastableTo<S extends Shape, P extends Shape> =
  Unknown<S> extends true
    ? unknown
    : Unknown<P> extends true
      ? unknown
      : BroadcastShape<S, P> extends infer R
        ? [R] extends [never]
          ? ShapeError<`${Shown<S>} does not broadcast to ${Shown<P>}`>
          : unknown
        : never;

/** The axis along which a list of tensors is joined, or one is split. */
export type AxisOption = {
  /** Negative ones count from the end. Default: 0. */
  readonly axis?: number;
};
type Axis<O> = "axis" extends keyof O ? (undefined extends O["axis"] ? number : O["axis"]) : 0;
type SameSizes<A extends Shape, B extends Shape, Skip, I extends 1[] = []> = A extends readonly [infer X extends number, ...infer P extends Shape]
  ? B extends readonly [infer Y extends number, ...infer Q extends Shape]
    ? I["length"] extends Skip
      ? SameSizes<P, Q, Skip, [...I, 1]>
      : Agree<X, Y> extends true
        ? SameSizes<P, Q, Skip, [...I, 1]>
        : false
    : false
  : B extends readonly []
    ? true
    : false;
type SizeAt<S extends Shape, I> = PickAxis<S, I>;
type ReplaceAt<S extends Shape, I, N extends number> = ReplaceAxes<S, I, [N]>;
/** The shapes of a list of tensors joined along an axis; never where literals contradict each other. */
type Join2<A extends Shape, B extends Shape, I> = SameSizes<A, B, I> extends true ? ReplaceAt<A, I, Add<SizeAt<A, I>, SizeAt<B, I>>> : never;
type JoinAll<L, I, S extends Shape> = L extends readonly [infer X, ...infer Rest]
  ? Unknown<ShapeOf<X>> extends true
    ? number[]
    : Join2<S, ShapeOf<X>, I> extends infer R extends Shape
      ? [R] extends [never]
        ? never
        : JoinAll<Rest, I, R>
      : never
  : S;
/** The shape of concat; never where literals contradict each other. */
export type ConcatShape<L extends readonly unknown[], O> = L extends readonly [infer First, ...infer Rest]
  ? Unknown<ShapeOf<First>> extends true
    ? number[]
    : number extends Axis<O>
      ? number[]
      : JoinAll<Rest, AxisOf<ShapeOf<First>, Axis<O>>, ShapeOf<First>>
  : number[];
type AllEqual<L, S extends Shape> = L extends readonly [infer X, ...infer Rest]
  ? Unknown<ShapeOf<X>> extends true
    ? number[]
    : SameSizes<S, ShapeOf<X>, never> extends true
      ? AllEqual<Rest, S>
      : never
  : S;
/** The shape of stack; never where literals contradict each other. */
export type StackShape<L extends readonly unknown[], O> = L extends readonly [infer First, ...infer Rest]
  ? Unknown<ShapeOf<First>> extends true
    ? number[]
    : number extends Axis<O>
      ? number[]
      : AllEqual<Rest, ShapeOf<First>> extends infer R extends Shape
        ? [R] extends [never]
          ? never
          : InsertAxis<R, AxisOf<[...R, 1], Axis<O>>, L["length"]>
        : never
  : number[];
/** What an argument must be besides its type for the shape S of the result to exist. */
export type Joins<S, What extends string> = [S] extends [never] ? ShapeError<`the shapes of this ${What} do not agree`> : unknown;
/** The dtype of a list of operands. */
export type PromoteAll<L extends readonly unknown[], D extends DType = never> = L extends readonly [infer X, ...infer Rest]
  ? PromoteAll<Rest, [D] extends [never] ? DTypeOf<X> : PromoteD<D, DTypeOf<X>>>
  : [D] extends [never]
    ? L extends readonly (infer X)[]
      ? DTypeOf<X>
      : DType
    : D;

/** The shape of q [B, H, N, D] with k and v [B, H, M, D]; never where literals contradict each other. */
export type AttentionShape<Q extends Shape, K extends Shape, V extends Shape> =
  Unknown<Q> extends true
    ? number[]
    : Unknown<K> extends true
      ? number[]
      : SameSizes<K, V, never> extends true
        ? [Q, K] extends [
            readonly [infer B extends number, infer H extends number, infer N extends number, infer D extends number],
            readonly [infer B1 extends number, infer H1 extends number, number, infer D1 extends number],
          ]
          ? [Agree<B, B1>, Agree<H, H1>, Agree<D, D1>] extends [true, true, true]
            ? [B, H, N, D]
            : never
          : never
        : Unknown<V> extends true
          ? number[]
          : never;

/** The shape of numbers in up to three arrays: their depth is known, and the lengths where they are tuples. */
export type ShapeOfData<T> =
  IsAny<T> extends true
    ? number[]
    : T extends readonly (number | boolean)[]
      ? [T["length"]]
      : T extends readonly (readonly (number | boolean)[])[]
        ? [T["length"], T[0]["length"]]
        : T extends readonly (readonly (readonly (number | boolean)[])[])[]
          ? [T["length"], T[0]["length"], T[0][0]["length"]]
          : T extends number | boolean
            ? []
            : T extends readonly unknown[]
              ? number[]
              : [number];
/** The dtype that tensor() gives data. */
export type DTypeOfData<T, Depth extends 1[] = []> =
  IsAny<T> extends true
    ? any
    : Depth["length"] extends 8
      ? DType
      : T extends Float64Array
        ? "f64"
        : T extends Float32Array
          ? "f32"
          : T extends Int32Array
            ? "i32"
            : T extends Uint32Array
              ? "u32"
              : T extends Uint8Array
                ? "u8"
                : T extends boolean
                  ? "bool"
                  : T extends number
                    ? "f32"
                    : T extends readonly (infer E)[]
                      ? DTypeOfData<E, [...Depth, 1]>
                      : DType;
/** The dtype asked for, or what holds without it. */
export type DTypeIn<O, Default> = "dtype" extends keyof O
  ? O["dtype"] extends infer D
    ? undefined extends D
      ? Extract<D, DType> | Default
      : D extends DType
        ? D
        : never
    : never
  : Default;
