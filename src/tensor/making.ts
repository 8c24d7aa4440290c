import type { MakeOptions, TensorData, TensorOptions } from "../primitives/making.ts";
import { checkDevice, defaultDevice } from "../run/devices.ts";
import { lift } from "./lift.ts";
import type { Tensor } from "./tensor.ts";
import type { AnyTensor, DTypeIn, DTypeOf, DTypeOfData, Mutable, NoOptions, Shape, ShapeOf, ShapeOfData } from "./types.ts";

type Filling = <const S extends Shape, const O extends MakeOptions = NoOptions>(shape: S, options?: O) => Tensor<Mutable<S>, DTypeIn<O, "f32">>;
type Like = <X extends AnyTensor, const O extends MakeOptions = NoOptions>(x: X, options?: O) => Tensor<ShapeOf<X>, DTypeIn<O, DTypeOf<X>>>;

/** The operations that make tensors; they take { dtype, device }. */
export interface Making {
  /** Numbers (f32) or booleans (bool), nested in arrays of equal length (else ERR_SHAPE), or a typed array (keeps its type, is copied);
   *  { shape } of as many elements (else ERR_SHAPE), { dtype }, { device }. */
  tensor<const T extends TensorData, const O extends TensorOptions = NoOptions>(
    data: T,
    options?: O,
  ): Tensor<O extends { readonly shape: infer S extends Shape } ? Mutable<S> : ShapeOfData<T>, DTypeIn<O, DTypeOfData<T>>>;
  /** 0 everywhere; f32 unless { dtype }. Sizes that are not whole numbers from 0 on are ERR_SHAPE. */
  zeros: Filling;
  /** 1 everywhere; f32 unless { dtype }. */
  ones: Filling;
  /** A number everywhere; f32 (bool for booleans) unless { dtype }. */
  full<const S extends Shape, V extends number | boolean, const O extends MakeOptions = NoOptions>(
    shape: S,
    value: V,
    options?: O,
  ): Tensor<Mutable<S>, DTypeIn<O, V extends boolean ? "bool" : "f32">>;
  /** start (default 0), start + step (default 1), ... and stop not included; f32 unless { dtype }. A step of 0 is ERR_ARGUMENT. */
  arange<const O extends MakeOptions = NoOptions>(stop: number, options?: O): Tensor<[number], DTypeIn<O, "f32">>;
  arange<const O extends MakeOptions = NoOptions>(start: number, stop: number, options?: O): Tensor<[number], DTypeIn<O, "f32">>;
  arange<const O extends MakeOptions = NoOptions>(start: number, stop: number, step: number, options?: O): Tensor<[number], DTypeIn<O, "f32">>;
  /** `count` numbers at equal distances from start to stop, both included; f32 unless { dtype }. */
  linspace<const N extends number, const O extends MakeOptions = NoOptions>(
    start: number,
    stop: number,
    count: N,
    options?: O,
  ): Tensor<[N], DTypeIn<O, "f32">>;
  /** 1 on the diagonal, 0 elsewhere: [rows, columns], square if columns are not given; f32 unless { dtype }. */
  eye<const N extends number, const O extends MakeOptions = NoOptions>(rows: N, options?: O): Tensor<[N, N], DTypeIn<O, "f32">>;
  eye<const N extends number, const M extends number, const O extends MakeOptions = NoOptions>(
    rows: N,
    columns: M,
    options?: O,
  ): Tensor<[N, M], DTypeIn<O, "f32">>;
  /** 0 everywhere, of the shape and dtype of x. */
  zerosLike: Like;
  /** 1 everywhere, of the shape and dtype of x. */
  onesLike: Like;
  /** A number everywhere, of the shape and dtype of x. */
  fullLike<X extends AnyTensor, const O extends MakeOptions = NoOptions>(
    x: X,
    value: number | boolean,
    options?: O,
  ): Tensor<ShapeOf<X>, DTypeIn<O, DTypeOf<X>>>;
}
type Name = keyof Making;

/** The device of the options is checked at the call. */
const checked = (op: Name): any => {
  const make = lift(op);
  return (...args: unknown[]) => {
    for (const x of args) {
      const device = x !== null && typeof x === "object" && Object.getPrototypeOf(x) === Object.prototype ? (x as MakeOptions).device : undefined;
      if (device !== undefined) checkDevice(op, device);
    }
    return make(...args);
  };
};
const liftTensor = lift("tensor");
export const making: Making = {
  tensor: ((data: TensorData, options?: TensorOptions) =>
    liftTensor(data, {
      ...options,
      device: options?.device === undefined ? defaultDevice() : checkDevice("tensor", options.device),
    })) as Making["tensor"],
  zeros: checked("zeros"),
  ones: checked("ones"),
  full: checked("full"),
  arange: checked("arange"),
  linspace: checked("linspace"),
  eye: checked("eye"),
  zerosLike: checked("zerosLike"),
  onesLike: checked("onesLike"),
  fullLike: checked("fullLike"),
};
