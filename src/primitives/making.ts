import { iota as iotaKernel } from "../../kernels/iota/kernel.ts";
import { bytesPer, checkDType, type DType, decode, encode, isFloat, promoteWeak, storageArray, toFloat, type TypedArray } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { checkShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import { alias, constantPrimitive, dataPrimitive } from "../graph/control.ts";
import { leaf, Node, noAttrs, Value } from "../graph/node.ts";
import { none, type Primitive } from "../graph/primitive.ts";
import { checkOperand, checkOptions, checkValue, checkWhole } from "./common.ts";

/** What is kept of a number in a dtype: integers are wrapped, bool is 0 or 1. */
function representable(value: number, dtype: DType): number {
  return isFloat(dtype) ? value : decode(dtype, encode(dtype, [value]))[0]!;
}

/** What operations that make tensors take. */
export interface MakeOptions {
  /** Default: as the operation says. */
  dtype?: DType;
  /** A name from devices() (else ERR_DEVICE). Default: the default device. */
  device?: string;
}
/** What tensor takes. */
export interface TensorOptions extends MakeOptions {
  /** As many elements as there are numbers (else ERR_SHAPE). Default: as the data are nested. */
  shape?: readonly number[];
}
/** Numbers or booleans in arrays, one level an axis. */
export interface NestedArray extends ReadonlyArray<number | boolean | NestedArray> {}
/** What a tensor is made from. */
export type TensorData = number | boolean | NestedArray | TypedArray;

/** 0, 1, 2, ... */
const iota: Primitive = {
  name: "iota",
  kind: "opaque",
  infer: () => fail("ERR_STATE", "iota", "made by o.iota only"),
  vjp: none("a leaf"),
  jvp: none("a leaf"),
  vmap: () => fail("ERR_STATE", "iota", "a leaf is never mapped"),
  lower: (_, [y]) => ({ kernel: iotaKernel, dtype: y!.dtype, params: iotaKernel.pack({ n: y!.shape[0]! }) }),
};

declare module "../graph/algebra.ts" {
  interface Ops {
    /** Elements as they are stored; the bytes are not copied. */
    fromBytes(bytes: Uint8Array, dtype: DType, shape: Shape, device?: string | null): Value;
    /** 0, 1, ..., count - 1 in f32, f64, i32 or u32. */
    iota(dtype: DType, count: number): Value;
    /** x, pinned to a device (constants live wherever they are needed). */
    place(x: Value, device: string | undefined): Value;
    tensor(data: TensorData, options?: TensorOptions): Value;
    zeros(shape: Shape, options?: MakeOptions): Value;
    ones(shape: Shape, options?: MakeOptions): Value;
    full(shape: Shape, value: number | boolean, options?: MakeOptions): Value;
    arange(start: number, stop?: number | MakeOptions, step?: number | MakeOptions, options?: MakeOptions): Value;
    linspace(start: number, stop: number, count: number, options?: MakeOptions): Value;
    eye(rows: number, columns?: number | MakeOptions, options?: MakeOptions): Value;
    zerosLike(x: Value, options?: MakeOptions): Value;
    onesLike(x: Value, options?: MakeOptions): Value;
    fullLike(x: Value, value: number | boolean, options?: MakeOptions): Value;
  }
}

const typedArrayDType = (data: object): DType | undefined =>
  (["f64", "f32", "i32", "u32", "u8"] as const).find((dtype) => data instanceof storageArray[dtype]);

/** The shape of nested arrays, and their numbers in row-major order. */
function flattenNested(data: unknown): { shape: number[]; flat: (number | boolean)[] } {
  const shape: number[] = [],
    flat: (number | boolean)[] = [];
  for (let level = data; Array.isArray(level); level = level[0]) shape.push(level.length);
  const visit = (item: unknown, depth: number): void => {
    if (Array.isArray(item)) {
      if (depth >= shape.length || item.length !== shape[depth]) {
        fail(
          "ERR_SHAPE",
          "tensor",
          `nested arrays must be of equal length at every depth, got ${item.length} where ${shape[depth] ?? "a number"} was expected (depth ${depth})`,
        );
      }
      for (const part of item) visit(part, depth + 1);
      return;
    }
    if (depth !== shape.length)
      fail("ERR_SHAPE", "tensor", `nested arrays must be of equal depth, got ${String(item)} at depth ${depth} of ${shape.length}`);
    if (typeof item !== "number" && typeof item !== "boolean")
      fail("ERR_ARGUMENT", "tensor", `numbers, booleans, arrays of them or a typed array were expected, got ${item === null ? "null" : typeof item}`);
    flat.push(item);
  };
  visit(data, 0);
  return { shape, flat };
}

function checkMaking(op: string, options: MakeOptions | undefined, more: readonly string[] = []): DType | undefined {
  checkOptions(op, options, ["dtype", "device", ...more]);
  return options?.dtype === undefined ? undefined : checkDType(op, options.dtype);
}

function tensor(data: TensorData, options?: TensorOptions): Value {
  const asked = checkMaking("tensor", options, ["shape"]);
  const typed = typeof data === "object" && data !== null ? typedArrayDType(data) : undefined;
  const { shape: found, flat } = typed ? { shape: [(data as TypedArray).length], flat: data as TypedArray } : flattenNested(data);
  const natural = typed ?? (flat.length > 0 && (flat as readonly unknown[]).every((v) => typeof v === "boolean") ? "bool" : "f32");
  const dtype = asked ?? natural,
    shape = options?.shape === undefined ? found : checkShape("tensor", options.shape);
  if (sizeOf(shape) !== flat.length)
    fail("ERR_SHAPE", "tensor", `shape ${showShape(shape)} has ${sizeOf(shape)} elements, got data of ${flat.length}`);
  const stored = typed === dtype ? (flat as TypedArray).slice() : encode(dtype, flat);
  return o.fromBytes(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength), dtype, shape, options?.device ?? null);
}

/** A trailing object is the options. */
function splitOptions<T>(args: readonly (T | MakeOptions | undefined)[]): { numbers: T[]; options: MakeOptions | undefined } {
  const isOptions = (x: unknown): x is MakeOptions => typeof x === "object" && x !== null;
  return { numbers: args.filter((x) => x !== undefined && !isOptions(x)) as T[], options: args.find(isOptions) };
}

function arange(...args: (number | MakeOptions | undefined)[]): Value {
  const { numbers, options } = splitOptions<number>(args),
    asked = checkMaking("arange", options);
  const [start, stop, step] = numbers.length === 1 ? [0, numbers[0]!, 1] : [numbers[0]!, numbers[1]!, numbers[2] ?? 1];
  if (![start, stop, step].every((v) => Number.isFinite(v)))
    fail("ERR_ARGUMENT", "arange", `start, stop and step must be finite numbers, got ${args.join(", ")}`);
  if (step === 0) fail("ERR_ARGUMENT", "arange", "step must not be 0");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  return o.place(ramp(asked ?? "f32", count, start, step), options?.device);
}

function linspace(start: number, stop: number, count: number, options?: MakeOptions): Value {
  const dtype = checkMaking("linspace", options) ?? "f32";
  if (!Number.isFinite(start) || !Number.isFinite(stop))
    fail("ERR_ARGUMENT", "linspace", `start and stop must be finite numbers, got ${start} and ${stop}`);
  checkWhole("linspace", "count", count, 0);
  const made = ramp(toFloat(dtype), count, start, count > 1 ? (stop - start) / (count - 1) : 0);
  return o.place(o.cast(made, dtype), options?.device);
}

/** start + i step. */
function ramp(dtype: DType, count: number, start: number, step: number): Value {
  const wide: DType = dtype === "f64" ? "f64" : isFloat(dtype) ? "f32" : "i32";
  const exact = Number.isInteger(start) && Number.isInteger(step);
  const base: DType = exact || wide === "f64" ? wide : "f32";
  return o.cast(o.add(o.mul(o.iota(base, count), step), start), dtype);
}

define({
  constant: (value, dtype, shape = []) => leaf(constantPrimitive, { shape, dtype }, { value: representable(Number(value), dtype) }, null),
  asValue(x, like, op = "tensor") {
    checkOperand(op, x);
    if (x instanceof Value) return x;
    const dtype = like ? promoteWeak(like.dtype, x) : typeof x === "boolean" ? "bool" : "f32";
    return o.constant(Number(x), dtype);
  },
  fromBytes(bytes, dtype, shape, device = null) {
    if (bytes.length !== bytesPer[dtype] * sizeOf(shape))
      fail("ERR_SHAPE", "tensor", `shape ${showShape(shape)} of ${dtype} has ${bytesPer[dtype] * sizeOf(shape)} bytes, got ${bytes.length}`);
    return leaf(dataPrimitive, { shape, dtype }, { bytes }, device);
  },
  iota: (dtype, count) => leaf(iota, { shape: [count], dtype }, noAttrs, null),
  place: (x, device) => (device === undefined ? x : new Node(alias, [x], noAttrs, [x], x.node.frame, device).outputs[0]!),
  tensor,
  zeros: (shape, options) => filled("zeros", shape, 0, options),
  ones: (shape, options) => filled("ones", shape, 1, options),
  full: (shape, value, options) => filled("full", shape, value, options),
  arange,
  linspace,
  eye(...args) {
    const {
        numbers: [rows, columns = rows],
        options,
      } = splitOptions<number>(args),
      dtype = checkMaking("eye", options) ?? "f32";
    const n = checkWhole("eye", "rows", rows, 0),
      m = checkWhole("eye", "columns", columns, 0);
    return o.place(o.cast(o.equal(o.expandDims(o.iota("i32", n), 1), o.iota("i32", m)), dtype), options?.device);
  },
  zerosLike: (x, options) => like("zerosLike", x, 0, options),
  onesLike: (x, options) => like("onesLike", x, 1, options),
  fullLike: (x, value, options) => like("fullLike", x, value, options),
});

function filled(op: string, shape: Shape, value: number | boolean, options?: MakeOptions): Value {
  const asked = checkMaking(op, options),
    sizes = checkShape(op, shape);
  if (typeof value !== "number" && typeof value !== "boolean") fail("ERR_ARGUMENT", op, `value must be a number or a boolean, got ${typeof value}`);
  return o.place(o.constant(value, asked ?? (typeof value === "boolean" ? "bool" : "f32"), sizes), options?.device);
}
function like(op: string, x: Value, value: number | boolean, options?: MakeOptions): Value {
  const { shape, dtype } = checkValue(op, "the first argument", x);
  return filled(op, shape, value, { dtype, ...options });
}
