import { contiguousStrides } from "../../src/core/shape.ts";
import { encodeProgram, type Program } from "../elementwise/program.ts";
import { opcodes } from "../elementwise/scalar.ts";
import type { MatmulParams } from "./kernel.ts";

function plain(m: number, k: number, n: number): MatmulParams {
  return {
    batch: [1, 1, 1, 1],
    aBatch: [0, 0, 0, 0],
    bBatch: [0, 0, 0, 0],
    m,
    n,
    outer: 1,
    k,
    aOffset: 0,
    aRow: k,
    aCol: 1,
    aOuter: 0,
    bOffset: 0,
    bRow: n,
    bCol: 1,
    bOuter: 0,
    program: [],
  };
}
function transposed(m: number, k: number, n: number, a: boolean, b: boolean): MatmulParams {
  return { ...plain(m, k, n), ...(a ? { aRow: 1, aCol: m } : {}), ...(b ? { bRow: 1, bCol: k } : {}) };
}
function batched(sizes: readonly number[], m: number, k: number, n: number): MatmulParams {
  const batch = [...new Array<number>(4 - sizes.length).fill(1), ...sizes];
  const strides = (size: number): number[] => batch.map((_, axis) => batch.slice(axis + 1).reduce((product, each) => product * each, size));
  return { ...plain(m, k, n), batch, aBatch: strides(m * k), bBatch: strides(k * n) };
}
/** The weight gradient of a product over token axes that do not merge: a is [outer, m, k], b is [outer, k, n]. */
function summed(outer: number, m: number, k: number, n: number): MatmulParams {
  return { ...plain(m, k, n), outer, aOuter: m * k, bOuter: k * n };
}
/** The chain gives gelu(y + bias) and 2 * y + residual. */
function withChain(p: MatmulParams): MatmulParams {
  const shape = [...p.batch.filter((size) => size > 1), p.m, p.n],
    rank = shape.length;
  const instruction = (op: string, destination: number, a = 0, b = 0) => ({ op, type: "f32" as const, destination, a, b, c: 0 });
  const program: Program = {
    shape,
    reduced: shape.map(() => false),
    registers: 4,
    inputs: [
      { dtype: "f32", offset: 0, strides: [...new Array<number>(rank - 1).fill(0), 1] },
      { dtype: "f32", offset: 0, strides: contiguousStrides(shape) },
    ],
    outputs: [
      { dtype: "f32", combine: "none" },
      { dtype: "f32", combine: "none" },
    ],
    code: [
      instruction("load", 0, -1),
      instruction("load", 1, 0),
      instruction("add", 1, 0, 1),
      instruction("gelu", 1, 1),
      instruction("store", 0, 0, 1),
      instruction("load", 2, 1),
      instruction("add", 3, 0, 0),
      instruction("add", 3, 3, 2),
      instruction("store", 0, 1, 3),
    ],
  };
  return { ...p, program: Array.from(encodeProgram(program, opcodes)) };
}

/** A chain that the kernel runs on the tile: v = y (+ or *) inputs, stored as it is (null) or through functions of one operand. */
function withFusedChain(
  p: MatmulParams,
  steps: readonly (readonly ["add" | "mul", "row" | "column" | "full"])[],
  results: readonly (string | null)[] = [null],
): MatmulParams {
  const shape = [...p.batch.filter((size) => size > 1), p.m, p.n],
    leading = new Array<number>(shape.length - 2).fill(0);
  const strides = { row: [...leading, 0, 1], column: [...leading, 1, 0], full: contiguousStrides(shape) };
  const instruction = (op: string, destination: number, a = 0, b = 0) => ({ op, type: "f32" as const, destination, a, b, c: 0 });
  const program: Program = {
    shape,
    reduced: shape.map(() => false),
    registers: 2 + results.length,
    inputs: steps.map(([, lies]) => ({ dtype: "f32", offset: 0, strides: strides[lies] })),
    outputs: results.map(() => ({ dtype: "f32", combine: "none" })),
    code: [
      instruction("load", 0, -1),
      ...steps.flatMap(([op], i) => [instruction("load", 1, i), instruction(op, 0, 1, 0)]),
      ...results.flatMap((name, i) => [...(name ? [instruction(name, 2 + i, 0)] : []), instruction("store", 0, i, name ? 2 + i : 0)]),
    ],
  };
  return { ...p, program: Array.from(encodeProgram(program, opcodes)) };
}

/** The chain gives f(x) and y f'(x). */
function withSlope(p: MatmulParams, f: string, slope: string): MatmulParams {
  const shape = [...p.batch.filter((size) => size > 1), p.m, p.n];
  const instruction = (op: string, destination: number, a = 0, b = 0) => ({ op, type: "f32" as const, destination, a, b, c: 0 });
  const program: Program = {
    shape,
    reduced: shape.map(() => false),
    registers: 3,
    inputs: [{ dtype: "f32", offset: 0, strides: contiguousStrides(shape) }],
    outputs: [
      { dtype: "f32", combine: "none" },
      { dtype: "f32", combine: "none" },
    ],
    code: [
      instruction("load", 0, -1),
      instruction("load", 1, 0),
      instruction(f, 2, 1),
      instruction(slope, 1, 1),
      instruction("mul", 1, 0, 1),
      instruction("store", 0, 0, 2),
      instruction("store", 0, 1, 1),
    ],
  };
  return { ...p, program: Array.from(encodeProgram(program, opcodes)) };
}

export const cases: readonly MatmulParams[] = [
  plain(1, 1, 1),
  plain(17, 65, 1),
  plain(65, 1, 197),
  plain(1, 197, 65),
  plain(197, 65, 17),
  plain(65, 197, 65),
  plain(3, 5, 7),
  plain(64, 192, 192),
  plain(5, 0, 3),
  plain(0, 4, 3),
  plain(4, 0, 0),
  plain(130, 600, 70),
  plain(6, 2500, 9),
  plain(1, 1000, 3),
  plain(3, 1000, 1),
  plain(31, 8, 515),
  transposed(65, 17, 197, true, false),
  transposed(17, 197, 65, false, true),
  transposed(40, 65, 40, true, true),
  transposed(1, 65, 197, false, true),
  transposed(197, 4100, 33, true, false),
  batched([3], 17, 65, 17),
  batched([2, 3], 5, 8, 6),
  batched([2, 2, 1, 3], 3, 4, 5),
  batched([7], 1, 65, 33),
  batched([5], 65, 64, 65),
  { ...batched([2, 3], 9, 8, 10), aBatch: [0, 0, 0, 72] },
  { ...batched([2, 3], 9, 8, 10), bBatch: [0, 0, 80, 0] },
  summed(6, 17, 20, 33),
  summed(3, 33, 1, 17),
  summed(20, 17, 64, 35),
  { ...summed(20, 17, 64, 35), bRow: 1, bCol: 64 },
  transposed(512, 1030, 37, true, false),
  transposed(29, 1030, 512, true, false),
  { ...plain(9, 10, 11), aOffset: 3, aRow: 25, aCol: 2, bOffset: 5, bRow: 40, bCol: 3 },
  { ...plain(9, 10, 11), aOffset: 80, aRow: -10 },
  withChain(plain(17, 65, 33)),
  withChain(plain(1, 65, 9)),
  withChain(batched([3], 65, 20, 50)),
  withFusedChain(plain(65, 17, 40), [["add", "row"]]),
  withFusedChain(plain(301, 33, 97), [
    ["add", "row"],
    ["add", "full"],
  ]),
  withFusedChain(batched([3], 17, 9, 33), [["mul", "full"]]),
  withFusedChain(batched([2, 3], 17, 20, 33), [
    ["add", "column"],
    ["mul", "full"],
  ]),
  withFusedChain(plain(65, 17, 71), [["add", "row"]], ["geluTanh", "geluTanhGrad"]),
  withFusedChain(plain(33, 17, 71), [["add", "row"]], ["geluTanh", "geluTanhGrad2", "geluTanhGrad"]),
  withFusedChain(batched([3], 9, 17, 40), [["add", "column"]], ["geluGrad", "gelu"]),
  withFusedChain(plain(20, 700, 35), [["add", "column"]], ["gelu"]),
  withFusedChain(plain(65, 17, 71), [["add", "row"]], [null, "geluTanh"]),
  withFusedChain(batched([3], 9, 17, 40), [], ["gelu", null, "geluGrad"]),
  withSlope(plain(65, 17, 71), "geluTanh", "geluTanhGrad"),
  withSlope(batched([3], 9, 17, 40), "gelu", "geluGrad"),
  withFusedChain(
    plain(5, 6, 7),
    [
      ["mul", "full"],
      ["add", "row"],
    ],
    ["geluTanh"],
  ),
  withFusedChain(plain(17, 1200, 9), [
    ["add", "row"],
    ["add", "full"],
  ]),
];
