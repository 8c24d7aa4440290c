import { afterAll, describe, expect, test } from "vitest";
import type { DType, Tensor } from "../../src/index.ts";
import * as st from "../../src/index.ts";

// Every operation on every dtype: the CPU gives what the reference gives.
const dtypes: readonly DType[] = ["f64", "f32", "f16", "bf16", "i32", "u32", "u8", "bool"];
const numbers = [0, 1, 2.5, 3, 250, -1, -2.5, 7, 0.3, 1e5, -7, 4];
const indices = (list: number[], shape = [list.length]): Tensor => st.tensor(Int32Array.from(list), { shape });

// x is [3, 4].
const operations: Record<string, (x: Tensor) => Tensor> = {
  neg: (x) => x.neg(),
  abs: (x) => x.abs(),
  sign: (x) => x.sign(),
  square: (x) => x.square(),
  relu: (x) => x.relu(),
  exp: (x) => x.mul(0.01).exp(),
  sqrt: (x) => x.abs().sqrt(),
  floor: (x) => x.floor(),
  round: (x) => x.round(),
  gelu: (x) => x.gelu(),
  silu: (x) => x.silu(),
  add: (x) => x.add(x),
  "mul by a number": (x) => x.mul(3),
  mod: (x) => x.mod(3),
  div: (x) => x.div(2),
  "pow 2": (x) => x.clip(0, 3).pow(2),
  pow: (x) => x.clip(0, 3).pow(x.clip(0, 2)),
  maximum: (x) => x.maximum(1),
  clip: (x) => x.clip(0, 2),
  where: (x) => st.where(x.greater(1), x, 0),
  lessEqual: (x) => x.lessEqual(x.mT().reshape([3, 4])),
  equal: (x) => x.equal(1),
  logicalAnd: (x) => x.logicalAnd(1),
  logicalNot: (x) => x.logicalNot(),
  isNaN: (x) => x.isNaN(),
  "cast to i32": (x) => x.clip(-100, 100).cast("i32"),
  "cast to u8": (x) => x.cast("u8"),
  "cast to u32": (x) => x.cast("u32"),
  "cast to bool": (x) => x.cast("bool"),
  "cast to f16": (x) => x.cast("f16"),
  "cast to bf16": (x) => x.cast("bf16"),
  "sum over 0": (x) => x.sum({ axis: 0 }),
  sum: (x) => x.sum(),
  "sum of halves": (x) => x.mul(0.5).sum(),
  prod: (x) => x.clip(1, 3).prod({ axis: 1 }),
  max: (x) => x.max({ axis: 1 }),
  min: (x) => x.min(),
  mean: (x) => x.mean({ axis: 0 }),
  variance: (x) => x.clip(-3, 3).variance(),
  norm: (x) => x.clip(-9, 9).norm(),
  any: (x) => x.any({ axis: 0 }),
  all: (x) => x.all({ axis: 1 }),
  argmax: (x) => x.argmax({ axis: 1 }),
  argmin: (x) => x.argmin(),
  cumsum: (x) => x.cumsum({ axis: 1 }),
  logSumExp: (x) => x.logSumExp({ axis: 0 }),
  sort: (x) => x.sort(),
  argsort: (x) => x.argsort({ axis: 0 }),
  topK: (x) => x.topK(2).values,
  concat: (x) => st.concat([x, x], { axis: 1 }),
  stack: (x) => st.stack([x, x], { axis: 2 }),
  split: (x) => x.split(2, { axis: 1 })[1]!,
  pad: (x) =>
    x.pad([
      [1, 0],
      [0, 2],
    ]),
  flip: (x) => x.flip(),
  roll: (x) => x.roll(1, { axis: 1 }),
  tril: (x) => x.tril(),
  tile: (x) => x.tile([2, 2]),
  repeat: (x) => x.repeat(2, { axis: 0 }),
  transpose: (x) => x.mT().add(1),
  take: (x) => x.take(indices([2, 0]), { axis: 1 }),
  takeAlongAxis: (x) => x.takeAlongAxis(indices([1, 0, 2], [3, 1]), { axis: 1 }),
  scatterAdd: (x) => x.scatterAdd(indices([1, 1]), x.at([0, 2])),
  oneHot: (x) => st.oneHot(x.clip(0, 3).cast("i32"), 4),
  matmul: (x) => x.clip(0, 3).matmul(x.mT().clip(0, 3)),
  outer: (x) => x.clip(0, 3).flatten().outer(x.flatten()),
  einsum: (x) => st.einsum("ij,kj->ik", x.clip(0, 2), x.clip(0, 2)),
  softmax: (x) => x.softmax(),
  layerNorm: (x) => st.layerNorm(x, st.ones([4]), st.zeros([4])),
};
const tolerance: Partial<Record<DType, number>> = { f64: 1e-10, f32: 1e-5, f16: 2e-3, bf16: 2e-2 }; // a few roundings

afterAll(() => st.setDevice("cpu"));

async function on(device: "cpu" | "reference", f: (x: Tensor) => Tensor, dtype: DType): Promise<{ dtype: DType; shape: number[]; data: number[] }> {
  st.setDevice(device);
  const y = f(st.tensor(Float64Array.from(numbers), { shape: [3, 4], dtype }));
  return { dtype: y.dtype, shape: [...y.shape], data: Array.from(await y.data(), Number) };
}

describe.each(dtypes)("%s", (dtype) => {
  test.each(Object.keys(operations))("%s", async (name) => {
    const expected = await on("reference", operations[name]!, dtype),
      got = await on("cpu", operations[name]!, dtype);
    expect([got.dtype, got.shape]).toEqual([expected.dtype, expected.shape]);
    const allowed = tolerance[got.dtype] ?? 0;
    const wrong = expected.data.flatMap((v, i) => {
      const w = got.data[i]!;
      return v === w || (Number.isNaN(v) && Number.isNaN(w)) || Math.abs(v - w) <= allowed * Math.max(1, Math.abs(v))
        ? []
        : [`at ${i} ${w}, not ${v}`];
    });
    expect(wrong).toEqual([]);
  });
});
