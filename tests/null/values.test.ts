import { beforeAll, expect, test } from "vitest";
import type { DType, Tensor } from "../../src/index.ts";
import * as st from "../../src/index.ts";

beforeAll(() => st.setDevice("reference"));

const ints = (list: readonly number[], shape = [list.length]): Tensor => st.tensor(Int32Array.from(list), { shape });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test("making", async () => {
  expect(await st.arange(2, 3, 0.25).array()).toEqual([2, 2.25, 2.5, 2.75]);
  expect(await st.arange(5, 0, -2, { dtype: "i32" }).array()).toEqual([5, 3, 1]);
  expect(await st.arange(3, 1).array()).toEqual([]);
  expect(await st.linspace(0, 1, 1).array()).toEqual([0]);
  expect(await st.eye(2, 3, { dtype: "bool" }).array()).toEqual([
    [true, false, false],
    [false, true, false],
  ]);
  expect(await st.full([2], 300, { dtype: "u8" }).array()).toEqual([44, 44]);
  expect(await st.full([1], -1, { dtype: "u32" }).array()).toEqual([2 ** 32 - 1]);
  expect(st.tensor([]).shape).toEqual([0]);
  expect(st.tensor([[], []]).shape).toEqual([2, 0]);
  expect([
    st.tensor([1, 2]).dtype,
    st.tensor([true]).dtype,
    st.tensor(new Uint8Array(2)).dtype,
    st.tensor([1.7, -1], { dtype: "i32" }).dtype,
  ]).toEqual(["f32", "bool", "u8", "i32"]);
  expect(await st.tensor([1.7, -1.7], { dtype: "i32" }).array()).toEqual([1, -1]);
  expect(await st.tensor([1, 0.1], { dtype: "f16" }).array()).toEqual([1, 0.0999755859375]);
  expect(await st.fullLike(st.ones([2], { dtype: "i32" }), 3).array()).toEqual([3, 3]);
});

test("result types", () => {
  const all: DType[] = ["bool", "u8", "i32", "u32", "f16", "bf16", "f32", "f64"];
  // Rows and columns in this order; JAX's table without 64-bit integers.
  const expected = [
    "bool u8 i32 u32 f16 bf16 f32 f64",
    "u8 u8 i32 u32 f16 bf16 f32 f64",
    "i32 i32 i32 f32 f16 bf16 f32 f64",
    "u32 u32 f32 u32 f16 bf16 f32 f64",
    "f16 f16 f16 f16 f16 f32 f32 f64",
    "bf16 bf16 bf16 bf16 f32 bf16 f32 f64",
    "f32 f32 f32 f32 f32 f32 f32 f64",
    "f64 f64 f64 f64 f64 f64 f64 f64",
  ];
  const of = (dtype: DType): Tensor => st.zeros([1], { dtype });
  expect(all.map((a) => all.map((b) => of(a).add(of(b)).dtype).join(" "))).toEqual(expected);
  expect(all.map((a) => of(a).mul(2).dtype)).toEqual(["i32", "u8", "i32", "u32", "f16", "bf16", "f32", "f64"]);
  expect(all.map((a) => of(a).mul(0.5).dtype)).toEqual(["f32", "f32", "f32", "f32", "f16", "bf16", "f32", "f64"]);
  expect(all.map((a) => of(a).div(of(a)).dtype)).toEqual(["f32", "f32", "f32", "f32", "f16", "bf16", "f32", "f64"]);
  expect(all.map((a) => of(a).sum().dtype)).toEqual(["i32", "i32", "i32", "u32", "f16", "bf16", "f32", "f64"]);
  expect(all.map((a) => of(a).mean().dtype)).toEqual(["f32", "f32", "f32", "f32", "f16", "bf16", "f32", "f64"]);
  expect(all.map((a) => of(a).neg().dtype)).toEqual(["i32", "u8", "i32", "u32", "f16", "bf16", "f32", "f64"]);
  expect(st.add(1, 2).dtype).toBe("f32");
});

test("integers and truth values", async () => {
  expect(
    await st
      .tensor([true, true, false])
      .add(st.tensor([true, false, false]))
      .array(),
  ).toEqual([true, true, false]);
  expect(
    await st
      .tensor([true, true, false])
      .mul(st.tensor([true, false, false]))
      .array(),
  ).toEqual([true, false, false]);
  expect(await st.tensor([true, true, false]).sum().item()).toBe(2);
  expect(
    await ints([-7, 7, -7])
      .mod(ints([3, -3, -3]))
      .array(),
  ).toEqual([2, -2, -1]);
  expect(await ints([3]).pow(4).array()).toEqual([81]);
  expect(
    await ints([3, -2])
      .pow(ints([2, 3]))
      .array(),
  ).toEqual([9, -8]);
  expect(await st.tensor(Uint8Array.of(250)).add(10).array()).toEqual([4]);
  expect(await ints([3, -4]).relu().array()).toEqual([3, 0]);
  expect(await ints([3, 4]).floor().array()).toEqual([3, 4]);
  expect(await ints([3, 0]).logicalNot().array()).toEqual([false, true]);
  expect(await st.tensor([-1.5, 300.7, NaN]).cast("u8").array()).toEqual([255, 44, 0]);
});

/** Python's slice.indices. */
function sliced(n: number, start: number | null, stop: number | null, step: number): number[] {
  const low = step > 0 ? 0 : -1,
    high = step > 0 ? n : n - 1;
  const bound = (v: number | null, open: number): number => (v === null ? open : Math.min(Math.max(v < 0 ? v + n : v, low), high));
  const [from, to] = step > 0 ? [bound(start, 0), bound(stop, n)] : [bound(start, n - 1), bound(stop, -1)];
  const out: number[] = [];
  for (let k = from; step > 0 ? k < to : k > to; k += step) out.push(k);
  return out;
}
test("at: every slice of an axis of 4", async () => {
  const x = st.arange(4),
    bounds = [null, -6, -4, -3, -1, 0, 1, 3, 4, 6];
  for (const step of [-3, -2, -1, 1, 2, 5]) {
    const pairs = bounds.flatMap((start) => bounds.map((stop) => [start, stop] as const));
    const pieces = pairs.map(([start, stop]) => x.at([start, stop, step])),
      expected = pairs.map(([start, stop]) => sliced(4, start, stop, step));
    expect(
      pieces.map((piece) => piece.size),
      `sizes, step ${step}`,
    ).toEqual(expected.map((list) => list.length));
    expect(await st.concat(pieces).array(), `step ${step}`).toEqual(expected.flat());
  }
});

test("einsum against loops", async () => {
  const sizes: Record<string, number> = { i: 2, j: 3, k: 4, l: 2 };
  for (const equation of [
    "ij,jk->ik",
    "ij,jk",
    "ij,kj->ik",
    "ij->ji",
    "ij->",
    "ij->j",
    "ij,ij->",
    "ij,ij->ij",
    "i,j->ij",
    "ij,jk,kl->il",
    "ikj,kj->ik",
    "ii->i",
    "ii",
    "iji,j->i",
    "ij,k->",
  ]) {
    const [left, right] = equation.split("->") as [string, string | undefined],
      parts = left.split(","),
      joined = parts.join("");
    const out =
        right ??
        [...new Set(joined)]
          .filter((c) => joined.split(c).length === 2)
          .sort()
          .join(""),
      letters = [...new Set(joined)];
    const arrays = parts.map((part, p) => range([...part].reduce((n, c) => n * sizes[c]!, 1)).map((v) => ((v * 7 + p * 3) % 11) - 5));
    const offset = (part: string, at: Record<string, number>): number => [...part].reduce((o, c) => o * sizes[c]! + at[c]!, 0);
    const result = new Array<number>([...out].reduce((n, c) => n * sizes[c]!, 1)).fill(0);
    const visit = (depth: number, at: Record<string, number>): void => {
      if (depth < letters.length) return range(sizes[letters[depth]!]!).forEach((v) => visit(depth + 1, { ...at, [letters[depth]!]: v }));
      result[offset(out, at)]! += parts.reduce((product, part, p) => product * arrays[p]![offset(part, at)]!, 1);
    };
    visit(0, {});
    const y = st.einsum(equation, ...parts.map((part, p) => st.tensor(Float64Array.from(arrays[p]!), { shape: [...part].map((c) => sizes[c]!) })));
    expect([[...y.shape], Array.from(await y.data(), (v) => v + 0)], equation).toEqual([[...out].map((c) => sizes[c]!), result.map((v) => v + 0)]);
  }
  const batched = st.einsum("...ij,...jk->...ik", st.ones([5, 1, 2, 3]), st.ones([4, 3, 2]));
  expect([batched.shape, await batched.at(0, 0, 0, 0).item()]).toEqual([[5, 4, 2, 2], 3]);
});

test("indices from the end, outside, and repeated", async () => {
  const x = st.arange(6).reshape([3, 2]);
  expect(await x.take(ints([-1, 0, 7, -9]), { axis: 0 }).array()).toEqual([
    [4, 5],
    [0, 1],
    [4, 5],
    [0, 1],
  ]);
  expect(await x.take(ints([5, 0])).array()).toEqual([5, 0]);
  expect(await x.take(1, { axis: 0 }).array()).toEqual([2, 3]);
  expect(
    await st
      .zeros([2])
      .scatterAdd(ints([1, 1, -2]), 1)
      .array(),
  ).toEqual([1, 2]);
  expect(
    await st
      .zeros([2], { dtype: "u8" })
      .scatterAdd(ints([1, 1]), st.ones([2], { dtype: "u8" }))
      .array(),
  ).toEqual([0, 2]);
  expect(await x.takeAlongAxis(ints([1, 0, 0], [3, 1]), { axis: 1 }).array()).toEqual([[1], [2], [4]]);
});

test("sorting is stable, NaN last", async () => {
  const x = st.tensor([2, NaN, 1, 2, -Infinity]);
  expect(await x.sort().array()).toEqual([-Infinity, 1, 2, 2, NaN]);
  expect(await x.argsort().array()).toEqual([4, 2, 0, 3, 1]);
  expect(await st.tensor([3, 1, 3, 2]).topK(3).indices.array()).toEqual([0, 2, 3]);
  expect(await st.tensor([0.5, -2], { dtype: "f16" }).sort().array()).toEqual([-2, 0.5]);
  expect(await st.tensor([3, 1]).topK(0).values.array()).toEqual([]);
});

test("reductions over nothing, and over no axis", async () => {
  expect(await st.ones([2, 0]).sum({ axis: 1 }).array()).toEqual([0, 0]);
  expect(await st.ones([2, 0]).prod({ axis: 1, keepDims: true }).array()).toEqual([[1], [1]]);
  expect(await st.ones([2, 0]).all({ axis: 1 }).array()).toEqual([true, true]);
  expect(await st.ones([2, 0]).any().item()).toBe(0);
  expect(await st.tensor([1, 2]).sum({ axis: [] }).array()).toEqual([1, 2]);
  expect(await st.ones([2]).variance({ ddof: 2 }).item()).toBeNaN();
  expect(await st.full([70000], 1, { dtype: "f16" }).mean().item()).toBe(1);
});

// Values of jax.random (0.5 and later, partitionable Threefry).
test("random numbers are JAX's", async () => {
  const key = st.random.key(0);
  expect(await st.random.split(key).array()).toEqual([
    [1797259609, 2579123966],
    [928981903, 3453687069],
  ]);
  expect(await st.random.uniform(key).item()).toBeCloseTo(0.947667, 6);
  expect(await st.random.normal(key).item()).toBeCloseTo(1.6226422, 5);
});

test("random numbers: range, moments and independence of shape", async () => {
  const key = st.random.key(2 ** 40 + 5),
    n = 3000;
  expect(await key.array()).toEqual([256, 5]);
  const moments = async (x: Tensor): Promise<number[]> => [await x.cast("f64").mean().item(), await x.cast("f64").variance().item()];
  const expected: [Tensor, number, number][] = [
    [st.random.uniform(key, [n], { min: -1, max: 3 }), 1, 16 / 12],
    [st.random.normal(key, [n], { dtype: "f64", mean: 2, std: 0.5 }), 2, 0.25],
    [st.random.truncatedNormal(key, [n]), 0, 0.7737],
    [st.random.bernoulli(key, [n], { p: 0.3 }), 0.3, 0.21],
    [st.random.randint(key, [n], { min: -5, max: 6 }), 0, 10],
    [st.random.gumbel(key, [n]), 0.5772, Math.PI ** 2 / 6],
    [st.random.beta(key, [n], { a: 0.2, b: 0.2 }), 0.5, 0.25 / 1.4],
    [st.random.beta(key, [n], { a: 2, b: 5 }), 2 / 7, 10 / 392],
    [st.random.categorical(key, st.tensor([0, Math.log(3)]), { shape: [n] }), 0.75, 0.1875],
  ];
  for (const [x, mean, variance] of expected) {
    const [m, v] = (await moments(x)) as [number, number];
    expect(Math.abs(m - mean)).toBeLessThan(5 * Math.sqrt(variance / n));
    expect(Math.abs(v - variance)).toBeLessThan(0.15 * variance);
  }
  const order = (await st.random.permutation(key, 100).array()) as number[];
  expect([...order].sort((a, b) => a - b)).toEqual(range(100));
  expect(order).not.toEqual(range(100));
  expect(await st.random.bits(key, [6]).array()).toEqual(await st.random.bits(key, [2, 3]).flatten().array());
  expect(await st.random.foldIn(key, 1).array()).not.toEqual(await st.random.foldIn(key, 2).array());
});
