import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/index.ts";
import * as st from "../../src/index.ts";

const z = (...shape: number[]): st.Tensor => st.zeros(shape);
const i = (...list: number[]): st.Tensor => st.tensor(Int32Array.from(list));
const key = st.random.key(0);
const S = "ERR_SHAPE",
  D = "ERR_DTYPE",
  A = "ERR_ARGUMENT";

// What was called, its code, and the wrong call. The message begins with the name of the operation.
const wrong: [string, ErrorCode, () => unknown][] = [
  ["add", S, () => z(2, 3).add(z(2, 4))],
  ["add", A, () => z(2).add(undefined as never)],
  ["add", A, () => z(2).add("1" as never)],
  ["add", A, () => z(2).add([1, 2] as never)],
  ["where", S, () => st.where(z(2), z(3), z(4))],
  ["where", A, () => st.where(null as never, 1 as never, 2 as never)],
  ["cast", D, () => z(2).cast("int64" as never)],
  ["pow", A, () => i(1, 2).pow(-1)],
  ["gelu", A, () => z(2).gelu({ approximate: "fast" as never })],
  ["sub", A, () => st.sub(st.zeros as never, 1 as never)],
  ["bernoulli", A, () => st.random.bernoulli(key, [2], { p: 2 })],
  ["sum", A, () => z(2, 3).sum({ axis: 5 })],
  ["sum", A, () => z(2, 3).sum({ axis: [0, -2] })],
  ["sum", A, () => z(2, 3).sum({ axes: 0 } as never)],
  ["sum", A, () => z(2, 3).sum(0 as never)],
  ["max", A, () => z(0).max()],
  ["argmin", A, () => z(2, 0).argmin({ axis: 1 })],
  ["mean", A, () => z(2).mean({ axis: 1 })],
  ["variance", A, () => z(2).variance({ ddof: NaN })],
  ["cumsum", A, () => z(2).cumsum({ axis: 1 })],
  ["reshape", S, () => z(2, 3).reshape([4, 2])],
  ["reshape", A, () => z(2, 3).reshape([-1, -1])],
  ["reshape", S, () => z(2, 3).reshape([-1, 4])],
  ["reshape", S, () => z(0).reshape([-1, 0])],
  ["reshape", A, () => z(2).reshape(2 as never)],
  ["transpose", A, () => z(2, 3).transpose([0, 0])],
  ["transpose", A, () => z(2, 3).transpose([0])],
  ["mT", S, () => z(3).mT()],
  ["swapAxes", A, () => z(3).swapAxes(0, 1)],
  ["squeeze", S, () => z(2, 1).squeeze(0)],
  ["expandDims", A, () => z(2).expandDims(3)],
  ["broadcastTo", S, () => z(3).broadcastTo([4])],
  ["broadcastTo", S, () => z(2, 3).broadcastTo([3])],
  ["flip", A, () => z(3).flip({ axis: 2 })],
  ["roll", A, () => z(3).roll(0.5)],
  ["roll", A, () => z(3, 3).roll([1, 2], { axis: [0, 1, 0] })],
  ["concat", S, () => st.concat([z(2, 3), z(2, 4)])],
  ["concat", A, () => st.concat([])],
  ["concat", A, () => st.concat(z(2) as never)],
  ["stack", S, () => st.stack([z(2), z(3)])],
  ["split", S, () => z(5).split(2)],
  ["split", S, () => z(5).split([2, 2])],
  [
    "pad",
    A,
    () =>
      z(2).pad([
        [1, 1],
        [1, 1],
      ]),
  ],
  ["pad", A, () => z(2).pad([[-3, 0]])],
  ["tile", A, () => z(2).tile(-1)],
  ["repeat", A, () => z(2).repeat(0.5)],
  ["tril", S, () => z(2).tril()],
  ["at", A, () => z(2, 3).at(0, 0, 0)],
  ["at", A, () => z(2, 3).at(2)],
  ["at", A, () => z(2).at([0, 2, 0])],
  ["at", A, () => z(2, 2).at("...", "...")],
  ["at", A, () => z(2).at(0.5)],
  ["at", A, () => z(2).at(undefined as never)],
  ["take", D, () => st.take(z(3), z(2))],
  ["take", A, () => st.take(z(0), i(0))],
  ["takeAlongAxis", S, () => z(3, 3).takeAlongAxis(i(0))],
  ["scatterAdd", S, () => z(3, 2).scatterAdd(i(0, 1), z(3, 2))],
  ["scatterAdd", D, () => z(3).scatterAdd(z(1), 1)],
  ["oneHot", D, () => st.oneHot(z(3), 2)],
  ["oneHot", A, () => st.oneHot(i(0), 0)],
  ["topK", A, () => z(3).topK(5)],
  ["sort", A, () => z(3).sort({ axis: 1 })],
  ["einsum", S, () => st.einsum("ij,jk->ik", z(2, 3), z(4, 5))],
  ["einsum", A, () => st.einsum("ij,->>k", z(2, 3), z(4))],
  ["einsum", A, () => st.einsum("ij->ik", z(2, 3))],
  ["einsum", S, () => st.einsum("ijk->i", z(2, 3))],
  ["einsum", A, () => st.einsum("ij,jk->ik", z(2, 3))],
  ["tensor", S, () => st.tensor([[1, 2], [3]])],
  ["tensor", S, () => st.tensor([[1, 2], 3] as never)],
  ["tensor", S, () => st.tensor(new Float32Array(5), { shape: [2, 3] })],
  ["tensor", A, () => st.tensor("1" as never)],
  ["tensor", A, () => st.tensor([1, null] as never)],
  ["zeros", S, () => z(-1)],
  ["zeros", D, () => st.zeros([2], { dtype: "f23" as never })],
  ["zeros", A, () => st.zeros([2], { dtyp: "f32" } as never)],
  ["zeros", A, () => st.zeros(2 as never)],
  ["full", A, () => st.full([2], "1" as never)],
  ["arange", A, () => st.arange(0, 5, 0)],
  ["arange", A, () => st.arange(NaN)],
  ["linspace", A, () => st.linspace(0, 1, -1)],
  ["eye", A, () => st.eye(1.5)],
  ["zeros", "ERR_DEVICE", () => st.zeros([2], { device: "quantum" })],
  ["normal", A, () => st.random.normal(7 as never, [2])],
  ["normal", D, () => st.random.normal(z(2), [2])],
  ["normal", "ERR_SHAPE", () => st.random.normal(st.random.split(key), [2])],
  ["uniform", D, () => st.random.uniform(key, [2], { dtype: "i32" })],
  ["randint", A, () => st.random.randint(key, [2], { min: 3, max: 3 })],
  ["randint", A, () => st.random.randint(key, [2], {} as never)],
  ["key", A, () => st.random.key(0.5)],
  ["split", A, () => st.random.split(key, 0)],
  ["beta", A, () => st.random.beta(key, [2], { a: 0, b: 1 })],
  ["categorical", S, () => st.random.categorical(key, z(2, 3), { shape: [3] })],
  ["dropout", A, () => z(4).dropout(2, key)],
  ["dropout", A, () => z(4).dropout(0.5, undefined as never)],
  ["dropout", D, () => i(4).dropout(0.5, key)],
];

describe("wrong calls throw at once", () => {
  test.each(
    wrong.map(
      ([op, code, call]) =>
        [
          call
            .toString()
            .replaceAll(/__vite_ssr_import_\d__\./g, "")
            .replaceAll(/\s+/g, " ")
            .slice(6),
          op,
          code,
          call,
        ] as const,
    ),
  )("%s", (_text, op, code, call) => {
    let error: unknown;
    try {
      call();
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(st.SteppeError);
    expect((error as st.SteppeError).code).toBe(code);
    expect((error as st.SteppeError).message.startsWith(`[${op}] `), (error as Error).message).toBe(true);
  });

  test("a misspelled option is told the right spelling", () => {
    expect(() => z(2).sum({ keepdims: true } as never)).toThrow('did you mean "keepDims"?');
    expect(() => st.zeros([2], { dtype: "f33" as never })).toThrow('did you mean "f32"?');
  });
});
