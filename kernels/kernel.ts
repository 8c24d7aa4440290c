import type { DType } from "../src/core/dtype.ts";

/** One field of a parameter struct. f64 fields come first; a list "i32[]" of any length comes last; "i32[8]" is a fixed array. */
export type ParamType = "u32" | "i32" | "f64" | `i32[${number}]` | "i32[]";
export type ParamValue = number | readonly number[];
export type Params = Record<string, any>;

/** A parameter struct as the kernel reads it: 32-bit words, f64 as two, little end first. */
export type Words = Int32Array;

/** "T" is the dtype that the kernel runs in; others are fixed. */
export type ElementType = "T" | DType;

export type Numbers = Float64Array;

/** The contract of a kernel: what goes in and out, what it means, and the cases it is tried on, for every language and device. */
export interface KernelSpec<P extends Params> {
  /** The native registry knows `${name}_${dtype}`. */
  readonly name: string;
  readonly dtypes: readonly DType[];
  /** In the order of the call's buffers; outputs follow the inputs. A name ending in "?" may be absent. */
  readonly inputs: Readonly<Record<string, ElementType>>;
  readonly outputs: Readonly<Record<string, ElementType>>;
  /** More buffers than the named ones (an elementwise chain's inputs and outputs): `extra(params)` lists them after the inputs and after the outputs. */
  readonly extra?: (p: P) => { inputs: readonly ElementType[]; outputs: readonly ElementType[] };
  readonly params: { readonly [K in keyof P]: ParamType };
  /** Elements that each named buffer must hold ("rest" buffers: extraSizes). */
  sizes(p: P): Readonly<Record<string, number>>;
  extraSizes?(p: P): { inputs: readonly number[]; outputs: readonly number[] };
  cost(p: P): { flops: number; bytes: number };
  /** The definition, in plain f64 loops. Integers arrive as numbers. `io.inputs.x`, `io.outputs.y`; extra ones in `io.extraInputs[i]`. */
  reference(io: KernelIO, p: P, dtype: DType): void;
  readonly cases: readonly P[];
  /** Test inputs where normal numbers will not do (indices, labels, positive numbers); null leaves the default. */
  generate?(name: string, size: number, p: P, random: () => number): Numbers | null;
  /** Rounding steps on the way to one output element, for the tolerance: about sqrt(terms). Default: 8. */
  terms?(p: P): number;
}

export interface KernelIO {
  readonly inputs: Readonly<Record<string, Numbers>>;
  readonly outputs: Readonly<Record<string, Numbers>>;
  readonly extraInputs: readonly Numbers[];
  readonly extraOutputs: readonly Numbers[];
}

export interface Kernel<P extends Params = any> extends KernelSpec<P> {
  /** Packs params into the words that kernels read. */
  pack(p: P): Words;
  unpack(words: Words): P;
}

const kernels = new Map<string, Kernel>();

/** Declares a kernel and makes it known by name. */
export function kernel<P extends Params>(spec: KernelSpec<P>): Kernel<P> {
  const fields = Object.entries(spec.params) as [string, ParamType][];
  const made: Kernel<P> = { ...spec, pack: (p) => pack(fields, p), unpack: (words) => unpack(fields, words) as P };
  kernels.set(spec.name, made as Kernel);
  return made;
}
export const allKernels = (): readonly Kernel[] => [...kernels.values()];

const fixedLength = (type: ParamType): number => (type === "f64" ? 2 : type === "u32" || type === "i32" ? 1 : Number(type.slice(4, -1)));

function pack(fields: readonly [string, ParamType][], p: Params): Words {
  let length = 0;
  for (const [name, type] of fields) length += type === "i32[]" ? p[name].length : fixedLength(type);
  const words = new Int32Array(length);
  const view = new DataView(words.buffer);
  let at = 0;
  for (const [name, type] of fields) {
    const value = p[name];
    if (type === "f64") view.setFloat64(4 * at, value, true);
    else if (type === "u32" || type === "i32") words[at] = value;
    else words.set(value, at);
    at += type === "i32[]" ? value.length : fixedLength(type);
  }
  return words;
}
function unpack(fields: readonly [string, ParamType][], words: Words): Params {
  const view = new DataView(words.buffer, words.byteOffset, words.byteLength);
  const p: Params = {};
  let at = 0;
  for (const [name, type] of fields) {
    if (type === "f64") p[name] = view.getFloat64(4 * at, true);
    else if (type === "u32") p[name] = words[at]! >>> 0;
    else if (type === "i32") p[name] = words[at]!;
    else p[name] = Array.from(words.subarray(at, type === "i32[]" ? words.length : at + fixedLength(type)));
    at += type === "i32[]" ? words.length - at : fixedLength(type);
  }
  return p;
}
