import { bytesPer } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { interpret } from "../elementwise/interpret.ts";
import { decodeProgram, type Program } from "../elementwise/program.ts";
import { opNames } from "../elementwise/scalar.ts";
import { kernel, type KernelIO, type Numbers } from "../kernel.ts";
import { cases } from "./cases.ts";

/** One batched matrix product. Strides and offsets count elements; a stride of 0 broadcasts. */
export interface MatmulParams {
  batch: readonly number[]; // four sizes, the last varies fastest
  aBatch: readonly number[];
  bBatch: readonly number[];
  m: number;
  n: number;
  /** The summed axis is outer * k long; `outer` is 1 unless a batch axis is summed, too. */
  outer: number;
  k: number;
  aOffset: number;
  aRow: number; // stride of m
  aCol: number; // stride of k
  aOuter: number;
  bOffset: number;
  bRow: number; // stride of k
  bCol: number; // stride of n
  bOuter: number;
  /** The words of an encoded chain (kernels/elementwise/program.ts), or empty. */
  program: readonly number[];
}

const decode = (p: MatmulParams): Program | null => (p.program.length > 0 ? decodeProgram(p.program, opNames) : null);
const rowsOf = (p: MatmulParams): number => p.batch.reduce((rows, size) => rows * size, p.m);

/**
 * y[batch, i, j] = sum over o, l of a[batch, o, i, l] * b[batch, o, l, j]; y is contiguous.
 * An empty sum is 0. Every product is formed, so 0 * inf gives NaN. bf16 is summed in f32, which the chain gets; y is rounded.
 *
 * `program` is a chain that runs on each finished tile of y while that is in cache:
 * - Its shape is [rows..., n]: the last axis is n itself (never merged with another), the axes before it, in row-major
 *   order, multiply to batch * m. Row r of the chain is row r of y seen as [batch * m, n].
 * - `load` of input -1 gives the matmul's result. No output combines.
 * - Buffers: a, b, the program's inputs, y, the program's outputs. y is absent when only the chain reads it.
 * Without a program: a, b, y.
 */
export const matmul = kernel<MatmulParams>({
  name: "matmul",
  dtypes: ["f32", "f64", "bf16"],
  inputs: { a: "T", b: "T" },
  outputs: { "y?": "T" },
  extra(p) {
    const program = decode(p);
    return { inputs: program?.inputs.map((x) => x.dtype) ?? [], outputs: program?.outputs.map((y) => y.dtype) ?? [] };
  },
  params: {
    batch: "i32[4]",
    aBatch: "i32[4]",
    bBatch: "i32[4]",
    m: "i32",
    n: "i32",
    outer: "i32",
    k: "i32",
    aOffset: "i32",
    aRow: "i32",
    aCol: "i32",
    aOuter: "i32",
    bOffset: "i32",
    bRow: "i32",
    bCol: "i32",
    bOuter: "i32",
    program: "i32[]",
  },
  sizes: (p) => ({
    a: extent(p.aOffset, [...p.batch, p.m, p.outer, p.k], [...p.aBatch, p.aRow, p.aOuter, p.aCol]),
    b: extent(p.bOffset, [...p.batch, p.n, p.outer, p.k], [...p.bBatch, p.bCol, p.bOuter, p.bRow]),
    y: rowsOf(p) * p.n,
  }),
  extraSizes(p) {
    const program = decode(p);
    return {
      inputs: program?.inputs.map((x) => extent(x.offset, program.shape, x.strides)) ?? [],
      outputs: program?.outputs.map(() => sizeOf(program.shape)) ?? [],
    };
  },
  cost(p) {
    const rows = rowsOf(p),
      depth = p.outer * p.k,
      program = decode(p);
    const read = program?.inputs.reduce((sum, x) => sum + bytesPer[x.dtype] * sizeOf(program.shape.filter((_, i) => x.strides[i] !== 0)), 0) ?? 0;
    const written = program?.outputs.reduce((sum, y) => sum + bytesPer[y.dtype] * rows * p.n, 0) ?? 4 * rows * p.n;
    return { flops: 2 * rows * p.n * depth, bytes: 4 * (rows + p.n) * depth + read + written };
  },
  terms: (p) => Math.max(8, p.outer * p.k),
  reference(io, p) {
    const y = io.outputs.y ?? new Float64Array(rowsOf(p) * p.n);
    product(io, p, y);
    const program = decode(p);
    if (program) interpret(program, io.extraInputs, io.extraOutputs, y);
  },
  cases,
});

function product({ inputs }: KernelIO, p: MatmulParams, y: Numbers): void {
  const a = inputs.a!,
    b = inputs.b!;
  const [n0, n1, n2, n3] = p.batch as [number, number, number, number];
  let at = 0;
  for (let i0 = 0; i0 < n0; i0++)
    for (let i1 = 0; i1 < n1; i1++)
      for (let i2 = 0; i2 < n2; i2++)
        for (let i3 = 0; i3 < n3; i3++) {
          const index = [i0, i1, i2, i3];
          const aBase = index.reduce((sum, i, axis) => sum + i * p.aBatch[axis]!, p.aOffset);
          const bBase = index.reduce((sum, i, axis) => sum + i * p.bBatch[axis]!, p.bOffset);
          for (let i = 0; i < p.m; i++)
            for (let j = 0; j < p.n; j++) {
              let sum = 0;
              for (let o = 0; o < p.outer; o++)
                for (let l = 0; l < p.k; l++) {
                  sum += a[aBase + i * p.aRow + o * p.aOuter + l * p.aCol]! * b[bBase + o * p.bOuter + l * p.bRow + j * p.bCol]!;
                }
              y[at++] = sum;
            }
        }
}

/** Elements from the buffer's start to the last one that is read. */
function extent(offset: number, sizes: readonly number[], strides: readonly number[]): number {
  if (sizes.includes(0)) return 0;
  return sizes.reduce((last, size, axis) => last + Math.max(0, (size - 1) * strides[axis]!), offset) + 1;
}
