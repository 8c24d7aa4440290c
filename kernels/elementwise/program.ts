import { type DType, dtypes } from "../../src/core/dtype.ts";
import type { Words } from "../kernel.ts";

/**
 * A chain: elementwise instructions over one iteration space, on registers that hold a tile of elements each, with
 * stores that write every element, or combine the elements along the reduced axes. As words:
 *   rank, shape[8], reduced axes (a bit each), inputs, outputs, registers, instructions,
 *   inputs x (dtype, offset, strides[8]), outputs x (dtype, combine), instructions x (op | type << 16, destination, a, b, c)
 * Offsets and strides are in elements. Outputs are row-major over the shape, or over its kept axes when they combine.
 */
export interface Program {
  readonly shape: readonly number[]; // at most 8 axes
  /** Axes that combining outputs reduce. */
  readonly reduced: readonly boolean[];
  readonly registers: number;
  readonly inputs: readonly ProgramInput[];
  readonly outputs: readonly ProgramOutput[];
  readonly code: readonly Instruction[];
}
export interface ProgramInput {
  readonly dtype: DType;
  readonly offset: number;
  readonly strides: readonly number[];
}
export const combines = ["none", "sum", "max", "min", "prod"] as const;
export type Combine = (typeof combines)[number];
export interface ProgramOutput {
  readonly dtype: DType;
  readonly combine: Combine;
}

/** What a register holds: f16 and bf16 are computed in f32; u8 and bool in i32 (bool as 0 and 1). */
export const registerTypes = ["f32", "f64", "i32", "u32"] as const;
export type RegisterType = (typeof registerTypes)[number];
export const registerType = (dtype: DType): RegisterType =>
  dtype === "f64" ? "f64" : dtype === "u32" ? "u32" : dtype === "i32" || dtype === "u8" || dtype === "bool" ? "i32" : "f32";

/** `op` names a row of scalar.ts, or one of these four:
 *  load: destination <- input a (-1: the result of the kernel that this chain is the epilogue of)
 *  store: output a <- register b (`type` is the register's)
 *  constant: destination <- the f64 whose two halves are the words a and b
 *  cast: destination <- register a as dtype number b (rounded to it; integers truncate and wrap; `type` is a's)
 *  The destination may be the register of an operand only if both are equally wide: an f64 is never written over an i32. */
export interface Instruction {
  readonly op: string;
  /** The type of the operands (of the result, for load and constant). */
  readonly type: RegisterType;
  readonly destination: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}
export const structural = ["load", "store", "constant", "cast"] as const;

export const maxRank = 8;
const headerWords = 1 + maxRank + 5;
const inputWords = 2 + maxRank;
const outputWords = 2;
export const instructionWords = 5;

const axes = (list: readonly number[], fill: number): number[] => [...list, ...new Array<number>(maxRank - list.length).fill(fill)];

/** `opcodes`: structural first, then the rows of scalar.ts. */
export function encodeProgram(program: Program, opcodes: ReadonlyMap<string, number>): Words {
  const { shape, reduced, registers, inputs, outputs, code } = program;
  const mask = reduced.reduce((bits, on, i) => (on ? bits | (1 << i) : bits), 0);
  return Int32Array.from([
    shape.length,
    ...axes(shape, 1),
    mask,
    inputs.length,
    outputs.length,
    registers,
    code.length,
    ...inputs.flatMap((x) => [dtypes.indexOf(x.dtype), x.offset, ...axes(x.strides, 0)]),
    ...outputs.flatMap((y) => [dtypes.indexOf(y.dtype), combines.indexOf(y.combine)]),
    ...code.flatMap((i) => [opcodes.get(i.op)! | (registerTypes.indexOf(i.type) << 16), i.destination, i.a, i.b, i.c]),
  ]);
}
/** The word at which instruction `index` of an encoded program begins. */
export const instructionAt = (inputs: number, outputs: number, index: number): number =>
  headerWords + inputs * inputWords + outputs * outputWords + index * instructionWords;

export function decodeProgram(words: ArrayLike<number>, opNames: readonly string[]): Program {
  const list = Array.from(words);
  const rank = list[0]!,
    mask = list[1 + maxRank]!;
  const [inputs, outputs, registers, instructions] = list.slice(2 + maxRank, headerWords) as [number, number, number, number];
  let at = headerWords;
  const take = (n: number): number[] => list.slice(at, (at += n));
  return {
    shape: list.slice(1, 1 + rank),
    reduced: Array.from({ length: rank }, (_, i) => (mask >> i) % 2 !== 0),
    registers,
    inputs: Array.from({ length: inputs }, () => {
      const [d, offset, ...strides] = take(inputWords);
      return { dtype: dtypes[d!]!, offset: offset!, strides: strides.slice(0, rank) };
    }),
    outputs: Array.from({ length: outputs }, () => {
      const [d, c] = take(outputWords);
      return { dtype: dtypes[d!]!, combine: combines[c!]! };
    }),
    code: Array.from({ length: instructions }, () => {
      const [word, destination, a, b, c] = take(instructionWords) as [number, number, number, number, number];
      return { op: opNames[word & 0xffff]!, type: registerTypes[word >> 16]!, destination, a, b, c };
    }),
  };
}

const scratch = new DataView(new ArrayBuffer(8));
/** The two halves of a number, for `constant`. */
export function halves(value: number): [number, number] {
  scratch.setFloat64(0, value, true);
  return [scratch.getInt32(0, true), scratch.getInt32(4, true)];
}
export function fromHalves(low: number, high: number): number {
  scratch.setInt32(0, low, true);
  scratch.setInt32(4, high, true);
  return scratch.getFloat64(0, true);
}
