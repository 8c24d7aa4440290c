import { type RegisterType, structural } from "./program.ts";
import {
  erf,
  erfinv,
  gelu,
  geluGrad,
  geluTanh,
  geluTanhGrad,
  geluTanhGrad2,
  integerPow,
  mod,
  pow,
  roundHalfEven,
  sigmoid,
  softplus,
} from "./special.ts";

/** A scalar function in every language. Operands are a, b, c. */
export interface ScalarRow {
  readonly name: string;
  readonly arity: 1 | 2 | 3;
  /** Register types it exists for: those of its operands (of b and c, for select, whose a is an i32 truth value). */
  readonly types: readonly RegisterType[];
  /** "i32": 0 or 1, whatever the operands are. */
  readonly result: "same" | "i32";
  /** The definition. Integer results are wrapped to their type by the caller. */
  readonly f64: (a: number, b: number, c: number) => number;
  /** Where integers are defined otherwise than by wrapping `f64`. */
  readonly integer?: (a: number, b: number, c: number) => number;
  /** An expression of the functions in kernels/shared/simd.h and math.h, on vectors; a comparison gives a mask. */
  readonly c: string;
  /** Integer arithmetic modulo 2^32: i32 runs as u32. */
  readonly modular?: true;
  /** An expression of WGSL and the functions in kernels/shared/math.wgsl; T stands for the type (see wgslOf). A comparison gives a bool. */
  readonly wgsl: string;
}

const floats = ["f32", "f64"] as const,
  integers = ["i32", "u32"] as const,
  all = [...floats, ...integers] as const;
const bit = (on: boolean): number => (on ? 1 : 0);
const floorDivide = (a: number, b: number): number => Math.floor(a / b);
const shiftLeft = (a: number, b: number): number => (b >>> 0 < 32 ? a << b : 0);
/** Arithmetic for i32 (negative numbers), logical for u32: numbers from 2^31 on are u32. */
const shiftRight = (a: number, b: number): number => Math.floor(a / 2 ** Math.min(b >>> 0, 32));

type Unary = Omit<ScalarRow, "name" | "arity" | "result">;
const one = (name: string, row: Unary): ScalarRow => ({ name, arity: 1, result: "same", ...row });
const two = (name: string, row: Unary): ScalarRow => ({ name, arity: 2, result: "same", ...row });
/** A float function that is called the same in C and WGSL. */
const float = (name: string, f64: (a: number) => number, wgsl = `${name}(a)`): ScalarRow => one(name, { types: floats, f64, c: `${name}(a)`, wgsl });
const compare = (name: string, operator: string, f64: (a: number, b: number) => boolean): ScalarRow => ({
  name,
  arity: 2,
  result: "i32",
  types: all,
  f64: (a, b) => bit(f64(a, b)),
  c: `a ${operator} b`,
  wgsl: `a ${operator} b`,
});

export const scalarRows: readonly ScalarRow[] = [
  two("add", { types: all, modular: true, f64: (a, b) => a + b, c: "a + b", wgsl: "a + b" }),
  two("sub", { types: all, modular: true, f64: (a, b) => a - b, c: "a - b", wgsl: "a - b" }),
  two("mul", { types: all, modular: true, f64: (a, b) => a * b, integer: Math.imul, c: "a * b", wgsl: "a * b" }),
  two("div", { types: floats, f64: (a, b) => a / b, c: "a / b", wgsl: "a / b" }),
  two("pow", { types: all, f64: pow, integer: integerPow, c: "pow(a, b)", wgsl: "steppePow_T(a, b)" }),
  // The sign of the divisor; integers modulo 0 give 0.
  two("mod", { types: all, f64: mod, c: "mod(a, b)", wgsl: "steppeMod_T(a, b)" }),
  // Integers divided by 0 give 0.
  two("floorDivide", {
    types: all,
    f64: floorDivide,
    integer: (a, b) => (b === 0 ? 0 : floorDivide(a, b)),
    c: "floorDivide(a, b)",
    wgsl: "steppeFloorDivide_T(a, b)",
  }),
  one("neg", { types: all, modular: true, f64: (a) => -a, c: "-a", wgsl: "T(0) - a" }),
  one("abs", { types: all, f64: Math.abs, c: "abs(a)", wgsl: "abs(a)" }),
  one("sign", { types: all, f64: Math.sign, c: "sign(a)", wgsl: "steppeSign_T(a)" }),
  one("square", { types: all, modular: true, f64: (a) => a * a, integer: (a) => Math.imul(a, a), c: "a * a", wgsl: "a * a" }),
  float("exp", Math.exp),
  float("expm1", Math.expm1, "steppeExpm1(a)"),
  float("log", Math.log),
  float("log1p", Math.log1p, "steppeLog1p(a)"),
  float("sqrt", Math.sqrt),
  float("rsqrt", (a) => 1 / Math.sqrt(a), "inverseSqrt(a)"),
  float("reciprocal", (a) => 1 / a, "T(1) / a"),
  float("sin", Math.sin),
  float("cos", Math.cos),
  float("tan", Math.tan),
  float("tanh", Math.tanh, "steppeTanh(a)"),
  float("sigmoid", sigmoid, "steppeSigmoid(a)"),
  float("erf", erf, "steppeErf(a)"),
  float("erfinv", erfinv, "steppeErfinv(a)"),
  float("gelu", gelu, "steppeGelu(a)"),
  float("geluGrad", geluGrad, "steppeGeluGrad(a)"),
  float("geluTanh", geluTanh, "steppeGeluTanh(a)"),
  float("geluTanhGrad", geluTanhGrad, "steppeGeluTanhGrad(a)"),
  float("geluTanhGrad2", geluTanhGrad2, "steppeGeluTanhGrad2(a)"),
  float("softplus", softplus, "steppeSoftplus(a)"),
  float("floor", Math.floor),
  float("ceil", Math.ceil),
  // Halves go to the even neighbour.
  float("round", roundHalfEven),
  // NaN wins.
  two("maximum", { types: all, f64: (a, b) => Math.max(a, b), c: "maximum(a, b)", wgsl: "steppeMaximum_T(a, b)" }),
  two("minimum", { types: all, f64: (a, b) => Math.min(a, b), c: "minimum(a, b)", wgsl: "steppeMinimum_T(a, b)" }),
  // a is an i32 register: where it is not 0, b.
  { name: "select", arity: 3, types: all, result: "same", f64: (a, b, c) => (a !== 0 ? b : c), c: "select(a, b, c)", wgsl: "select(c, b, a != 0)" },
  compare("equal", "==", (a, b) => a === b),
  compare("notEqual", "!=", (a, b) => a !== b),
  compare("less", "<", (a, b) => a < b),
  compare("lessEqual", "<=", (a, b) => a <= b),
  compare("greater", ">", (a, b) => a > b),
  compare("greaterEqual", ">=", (a, b) => a >= b),
  { ...one("isNaN", { types: floats, f64: (a) => bit(Number.isNaN(a)), c: "a != a", wgsl: "steppeIsNaN(a)" }), result: "i32" },
  { ...one("isFinite", { types: floats, f64: (a) => bit(Number.isFinite(a)), c: "isFinite(a)", wgsl: "steppeIsFinite(a)" }), result: "i32" },
  {
    ...two("logicalAnd", { types: integers, f64: (a, b) => bit(a !== 0 && b !== 0), c: "(a != 0) & (b != 0)", wgsl: "a != T(0) && b != T(0)" }),
    result: "i32",
  },
  {
    ...two("logicalOr", { types: integers, f64: (a, b) => bit(a !== 0 || b !== 0), c: "(a != 0) | (b != 0)", wgsl: "a != T(0) || b != T(0)" }),
    result: "i32",
  },
  { ...one("logicalNot", { types: integers, f64: (a) => bit(a === 0), c: "a == 0", wgsl: "a == T(0)" }), result: "i32" },
  two("bitAnd", { types: integers, modular: true, f64: (a, b) => a & b, c: "a & b", wgsl: "a & b" }),
  two("bitOr", { types: integers, modular: true, f64: (a, b) => a | b, c: "a | b", wgsl: "a | b" }),
  two("bitXor", { types: integers, modular: true, f64: (a, b) => a ^ b, c: "a ^ b", wgsl: "a ^ b" }),
  // Shifts by 32 and more push every bit out.
  two("shiftLeft", { types: integers, modular: true, f64: shiftLeft, c: "shiftLeft(a, b)", wgsl: "steppeShiftLeft_T(a, b)" }),
  two("shiftRight", { types: integers, f64: shiftRight, c: "shiftRight(a, b)", wgsl: "steppeShiftRight_T(a, b)" }),
];

/** Opcode by number: the structural operations, then the rows. */
export const opNames: readonly string[] = [...structural, ...scalarRows.map((row) => row.name)];
export const opcodes: ReadonlyMap<string, number> = new Map(opNames.map((name, code) => [name, code]));

const rowByName = new Map(scalarRows.map((row) => [row.name, row]));
export const scalarRow = (name: string): ScalarRow | undefined => rowByName.get(name);

/** Numbers as a register of this type holds them; f32 is left in f64 precision. */
export function wrap(type: RegisterType, value: number): number {
  return type === "i32" ? value | 0 : type === "u32" ? value >>> 0 : value;
}
/** The definition of a row for one register type. */
export function scalarFunction(row: ScalarRow, type: RegisterType): (a: number, b: number, c: number) => number {
  if (type !== "i32" && type !== "u32") return row.f64;
  const exact = row.integer ?? row.f64;
  return row.result === "i32" ? exact : (a, b, c) => wrap(type, exact(a, b, c));
}

/** The row's WGSL for a type that WGSL has. */
export const wgslOf = (row: ScalarRow, type: "f32" | "i32" | "u32"): string => row.wgsl.replaceAll(/\bT\b|(?<=_)T\b/g, type);
