import { bytesPer } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { kernel } from "../kernel.ts";
import { cases } from "./cases.ts";
import { interpret } from "./interpret.ts";
import { decodeProgram, type Program, type ProgramInput, structural } from "./program.ts";
import { opNames } from "./scalar.ts";

/** `program`: an encoded Program. Its buffers are the program's inputs and outputs, all of them "extra". */
export type ElementwiseParams = { program: readonly number[] };

const structuralOps: readonly string[] = structural;
const decode = (p: ElementwiseParams): Program => decodeProgram(p.program, opNames);
const keptSize = ({ shape, reduced }: Program): number => sizeOf(shape.filter((_, i) => !reduced[i]));
const reducedSize = ({ shape, reduced }: Program): number => sizeOf(shape.filter((_, i) => reduced[i]));
/** Elements from the buffer's begin to the last one read. */
function reach(shape: readonly number[], { offset, strides }: ProgramInput): number {
  return sizeOf(shape) === 0 ? 0 : offset + shape.reduce((sum, n, i) => sum + Math.max(0, (n - 1) * strides[i]!), 0) + 1;
}
const outputSizes = (program: Program): number[] => program.outputs.map((y) => (y.combine === "none" ? sizeOf(program.shape) : keptSize(program)));

/** An elementwise chain, with combining (reducing) outputs. Programs carry their own types: one variant serves all dtypes. */
export const elementwise = kernel<ElementwiseParams>({
  name: "elementwise",
  dtypes: ["f32"],
  inputs: {},
  outputs: {},
  extra(p) {
    const program = decode(p);
    return { inputs: program.inputs.map((x) => x.dtype), outputs: program.outputs.map((y) => y.dtype) };
  },
  params: { program: "i32[]" },
  sizes: () => ({}),
  extraSizes(p) {
    const program = decode(p);
    return { inputs: program.inputs.map((x) => reach(program.shape, x)), outputs: outputSizes(program) };
  },
  cost(p) {
    const program = decode(p),
      size = sizeOf(program.shape);
    const arithmetic = program.code.filter((i) => !structuralOps.includes(i.op)).length + program.outputs.filter((y) => y.combine !== "none").length;
    const read = program.inputs.reduce((sum, x) => sum + bytesPer[x.dtype] * sizeOf(program.shape.filter((_, i) => x.strides[i] !== 0)), 0);
    const written = outputSizes(program).reduce((sum, n, i) => sum + n * bytesPer[program.outputs[i]!.dtype], 0);
    return { flops: size * arithmetic, bytes: read + written };
  },
  reference({ extraInputs, extraOutputs }, p) {
    interpret(decode(p), extraInputs, extraOutputs);
  },
  cases: cases.map((program) => ({ program })),
  terms(p) {
    const program = decode(p);
    return 4 * program.code.length + (program.outputs.some((y) => y.combine !== "none") ? reducedSize(program) : 0);
  },
});
