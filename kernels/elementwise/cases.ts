import { type DType, dtypes } from "../../src/core/dtype.ts";
import { contiguousStrides } from "../../src/core/shape.ts";
import { type Combine, encodeProgram, halves, type Instruction, type ProgramInput, type RegisterType, registerType } from "./program.ts";
import { opcodes, scalarRows } from "./scalar.ts";

type Input = DType | ProgramInput;
interface Draft {
  readonly shape: readonly number[];
  readonly inputs: readonly Input[];
  readonly reduced?: readonly number[];
  readonly outputs: readonly { readonly dtype: DType; readonly combine?: Combine }[];
  /** Names are registers in the order of their first appearance; x0, x1, ... are loaded inputs, a number is a constant; `store` writes output a. */
  readonly code: readonly (readonly [destination: string, op: string, type: RegisterType, ...operands: (string | number)[]])[];
}

/** Assembles a program; an input given as a dtype is contiguous. */
function assemble({ shape, inputs, reduced = [], outputs, code }: Draft): readonly number[] {
  const registers = new Map<string, number>();
  const register = (name: string): number => {
    if (!registers.has(name)) registers.set(name, registers.size);
    return registers.get(name)!;
  };
  const list = inputs.map((x): ProgramInput => (typeof x === "string" ? { dtype: x, offset: 0, strides: contiguousStrides(shape) } : x));
  const instructions: Instruction[] = list.map((x, i) => ({
    op: "load",
    type: registerType(x.dtype),
    destination: register(`x${i}`),
    a: i,
    b: 0,
    c: 0,
  }));
  for (const [name, op, type, ...operands] of code) {
    if (op === "store") {
      instructions.push({ op, type, destination: 0, a: Number(operands[0]), b: register(name), c: 0 });
    } else if (op === "cast") {
      instructions.push({ op, type, destination: register(name), a: register(String(operands[0])), b: dtypes.indexOf(operands[1] as DType), c: 0 });
    } else if (op === "constant") {
      const [a, b] = halves(Number(operands[0]));
      instructions.push({ op, type, destination: register(name), a, b, c: 0 });
    } else {
      const [a = 0, b = 0, c = 0] = operands.map((operand) => register(String(operand)));
      instructions.push({ op, type, destination: register(name), a, b, c });
    }
  }
  const mask = shape.map((_, i) => reduced.includes(i));
  const program = {
    shape,
    reduced: mask,
    registers: registers.size,
    inputs: list,
    code: instructions,
    outputs: outputs.map(({ dtype, combine = "none" }) => ({ dtype, combine })),
  };
  return Array.from(encodeProgram(program, opcodes));
}

const dtypesOf: Record<RegisterType, DType> = { f32: "f32", f64: "f64", i32: "i32", u32: "u32" };

/** One program a row and register type, on 197 elements. Operands of real functions are made positive where the function asks for it. */
function everyRow(): readonly number[][] {
  const programs: (readonly number[])[] = [];
  for (const { name, arity, types, result } of scalarRows) {
    for (const type of types) {
      const operands = ["x0", "x1", "x2"].slice(0, arity);
      const inputs: DType[] = operands.map((_, i) => (name === "select" && i === 0 ? "bool" : dtypesOf[type]));
      const resultType: RegisterType = result === "i32" ? "i32" : type;
      const domain: Draft["code"] =
        ["log", "sqrt", "rsqrt", "log1p", "pow"].includes(name) && type.startsWith("f")
          ? [["p", "abs", type, "x0"]]
          : name === "erfinv"
            ? [["p", "tanh", type, "x0"]]
            : [];
      const [first, ...rest] = operands;
      programs.push(
        assemble({
          shape: [197],
          inputs,
          outputs: [{ dtype: dtypesOf[resultType] }],
          code: [...domain, ["y", name, type, domain.length > 0 ? "p" : first!, ...rest], ["y", "store", resultType, 0]],
        }),
      );
    }
  }
  return programs as number[][];
}

/** x to every dtype from every register type. */
function everyCast(): readonly number[][] {
  return dtypes.flatMap((from) =>
    dtypes.map(
      (to) =>
        assemble({
          shape: [65],
          inputs: [from],
          outputs: [{ dtype: to }],
          code: [
            ["y", "cast", registerType(from), "x0", to],
            ["y", "store", registerType(to), 0],
          ],
        }) as number[],
    ),
  );
}

const reduction = (
  shape: readonly number[],
  reduced: readonly number[],
  combine: Combine,
  dtype: DType = "f32",
  input: Input = dtype,
): readonly number[] => assemble({ shape, reduced, inputs: [input], outputs: [{ dtype, combine }], code: [["x0", "store", registerType(dtype), 0]] });

/** gelu(x + bias) / 2, the sum of squares of it times a column, its maximum: views, several outputs, full and combining, in one program. */
const mixed = (rows: number, columns: number, reduced: readonly number[]): readonly number[] =>
  assemble({
    shape: [rows, columns],
    reduced,
    inputs: ["f32", { dtype: "f32", offset: 0, strides: [0, 1] }, { dtype: "f32", offset: 0, strides: [1, 0] }],
    outputs: [{ dtype: "f32" }, { dtype: "f32", combine: "sum" }, { dtype: "f32", combine: "max" }],
    code: [
      ["y", "add", "f32", "x0", "x1"],
      ["y", "gelu", "f32", "y"],
      ["half", "constant", "f32", 0.5],
      ["y", "mul", "f32", "y", "half"],
      ["y", "store", "f32", 0],
      ["z", "mul", "f32", "y", "x2"],
      ["z", "square", "f32", "z"],
      ["z", "store", "f32", 1],
      ["y", "store", "f32", 2],
    ],
  });

const sizes = [1, 17, 65, 197] as const;

export const cases: readonly (readonly number[])[] = [
  ...everyRow(),
  ...everyCast(),
  // Views: scalar, transposed, reversed with an offset, a broadcast middle axis, a step of two.
  assemble({
    shape: [],
    inputs: ["f32"],
    outputs: [{ dtype: "f32" }],
    code: [
      ["y", "exp", "f32", "x0"],
      ["y", "store", "f32", 0],
    ],
  }),
  assemble({
    shape: [0, 3],
    inputs: ["f32"],
    outputs: [{ dtype: "f32" }],
    code: [
      ["y", "exp", "f32", "x0"],
      ["y", "store", "f32", 0],
    ],
  }),
  assemble({
    shape: [65, 17],
    outputs: [{ dtype: "f32" }],
    inputs: [
      { dtype: "f32", offset: 0, strides: [1, 65] },
      { dtype: "f32", offset: 65 * 17 - 1, strides: [-17, -1] },
      { dtype: "f32", offset: 3, strides: [0, 2] },
    ],
    code: [
      ["y", "add", "f32", "x0", "x1"],
      ["y", "mul", "f32", "y", "x2"],
      ["y", "store", "f32", 0],
    ],
  }),
  assemble({
    shape: [3, 5, 4, 7],
    outputs: [{ dtype: "f64" }],
    inputs: [
      { dtype: "f64", offset: 0, strides: [28, 0, 7, 1] },
      { dtype: "f64", offset: 1, strides: [0, 0, 0, 0] },
    ],
    code: [
      ["y", "sub", "f64", "x0", "x1"],
      ["y", "store", "f64", 0],
    ],
  }),
  ...sizes.flatMap((rows) => sizes.flatMap((columns) => [mixed(rows, columns, [0]), mixed(rows, columns, [1]), mixed(rows, columns, [0, 1])])),
  ...(["sum", "max", "min", "prod"] as const).flatMap((combine) =>
    (["f32", "f64", "i32", "u32"] as const).flatMap((dtype) => [
      reduction([17, 65], [0], combine, dtype),
      reduction([17, 65], [1], combine, dtype),
      reduction([197], [0], combine, dtype),
    ]),
  ),
  reduction([5, 17, 4, 9], [0, 2], "sum"),
  reduction([5, 17, 4, 9], [1, 3], "sum"),
  reduction([65, 64, 17], [1], "sum"),
  reduction([2, 3, 4, 5, 2, 3], [1, 2, 4], "max"),
  reduction([65, 17], [1], "sum", "f32", { dtype: "f32", offset: 0, strides: [1, 65] }),
  reduction([0, 5], [0], "sum"),
  reduction([5, 0], [1], "prod"),
  reduction([1 << 20], [0], "sum"),
  reduction([4160, 192], [0], "sum"),
  reduction([19, 30000], [0], "sum"),
  reduction([3, 70000], [1], "max"),
  reduction([65, 197], [1], "sum", "f16"),
  reduction([65, 197], [0], "max", "bf16"),
];
