import { bf16ToF32, type DType, dtypes, f16ToF32, f32ToBf16, f32ToF16 } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import type { Numbers } from "../kernel.ts";
import { type Combine, fromHalves, type Instruction, type Program } from "./program.ts";
import { scalarFunction, scalarRow } from "./scalar.ts";

/** A number rounded as a dtype holds it; integers truncate and wrap, everything but 0 is true. */
export function castTo(dtype: DType, value: number): number {
  switch (dtype) {
    case "f64":
      return value;
    case "f32":
      return Math.fround(value);
    case "f16":
      return f16ToF32(f32ToF16(value));
    case "bf16":
      return bf16ToF32(f32ToBf16(value));
    case "i32":
      return value | 0;
    case "u32":
      return value >>> 0;
    case "u8":
      return value & 255;
    case "bool":
      return value !== 0 ? 1 : 0;
  }
}

const combiners: Record<Combine, { start: number; step: (a: number, b: number) => number }> = {
  none: { start: 0, step: (_, b) => b },
  sum: { start: 0, step: (a, b) => a + b },
  max: { start: -Infinity, step: Math.max },
  min: { start: Infinity, step: Math.min },
  prod: { start: 1, step: (a, b) => a * b },
};

type Step = (r: Float64Array, element: number) => void;
const zeros: readonly number[] = new Array<number>(8).fill(0);

/** How an output accumulates; integers stay exact by wrapping at every step. */
function combiner(combine: Combine, dtype: DType): (a: number, b: number) => number {
  if (dtype !== "i32" && dtype !== "u32" && dtype !== "u8") return combiners[combine].step;
  if (combine === "prod") return (a, b) => castTo(dtype, Math.imul(a, b));
  return (a, b) => castTo(dtype, combiners[combine].step(a, b));
}

/** Runs a program in f64. `accumulator`, row-major over the shape, is what `load -1` reads. */
export function interpret(program: Program, inputs: readonly Numbers[], outputs: readonly Numbers[], accumulator?: Numbers): void {
  const { shape, reduced } = program;
  const rank = shape.length,
    size = sizeOf(shape);
  const keptStrides = new Array<number>(rank).fill(0);
  for (let i = rank - 1, step = 1; i >= 0; i--) {
    if (reduced[i]) continue;
    keptStrides[i] = step;
    step *= shape[i]!;
  }
  // Where each operand of the current element lies: the inputs', then the combining outputs'.
  const strides = [...program.inputs.map((x) => x.strides), ...program.outputs.map((y) => (y.combine === "none" ? zeros : keptStrides))];
  const at = [...program.inputs.map((x) => x.offset), ...program.outputs.map(() => 0)];

  const steps = program.code.map((instruction): Step => {
    const { op, destination: d, a, b } = instruction;
    if (op === "load") {
      if (a < 0)
        return (r, element) => {
          r[d] = accumulator![element]!;
        };
      const from = inputs[a]!;
      return (r) => {
        r[d] = from[at[a]!]!;
      };
    }
    if (op !== "store") return compute(instruction);
    const { combine, dtype } = program.outputs[a]!;
    const to = outputs[a]!;
    if (combine === "none")
      return (r, element) => {
        to[element] = r[b]!;
      };
    const step = combiner(combine, dtype),
      slot = program.inputs.length + a;
    return (r) => {
      to[at[slot]!] = step(to[at[slot]!]!, r[b]!);
    };
  });
  program.outputs.forEach(({ combine }, i) => {
    if (combine !== "none") outputs[i]!.fill(combiners[combine].start);
  });

  const registers = new Float64Array(program.registers);
  const index = new Array<number>(rank).fill(0);
  for (let element = 0; element < size; element++) {
    for (const step of steps) step(registers, element);
    for (let axis = rank - 1; axis >= 0; axis--) {
      const carry = ++index[axis]! === shape[axis]!;
      if (carry) index[axis] = 0;
      const move = carry ? 1 - shape[axis]! : 1;
      for (let k = 0; k < at.length; k++) at[k]! += move * strides[k]![axis]!;
      if (!carry) break;
    }
  }
}

function compute({ op, type, destination: d, a, b, c }: Instruction): Step {
  if (op === "constant") {
    const value = fromHalves(a, b);
    return (r) => {
      r[d] = value;
    };
  }
  if (op === "cast") {
    const dtype = dtypes[b]!;
    return (r) => {
      r[d] = castTo(dtype, r[a]!);
    };
  }
  const f = scalarFunction(scalarRow(op)!, type);
  return (r) => {
    r[d] = f(r[a]!, r[b]!, r[c]!);
  };
}
