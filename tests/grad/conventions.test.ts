import { expect, test } from "vitest";
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";

// What the derivatives are where a function has a corner, a tie or a pole: JAX's conventions.
const vec = (...list: number[]): Tensor => st.tensor(Float64Array.from(list));
const slope = async (f: (x: Tensor) => Tensor, ...at: number[]): Promise<number[]> =>
  (await st
    .grad((x: Tensor) => f(x).sum())(vec(...at))
    .array()) as number[];

test("corners", async () => {
  expect(await slope((x) => x.relu(), -1, 0, 2)).toEqual([0, 0, 1]);
  expect(await slope((x) => x.abs(), -1, 0, 2)).toEqual([-1, 0, 1]);
  expect(await slope((x) => x.clip(-1, 1), -2, 0, 2)).toEqual([0, 1, 0]);
  expect(await slope((x) => x.sign().add(x.floor()).add(x.ceil()).add(x.round()), 0.3, -1.7)).toEqual([0, 0]);
});

test("ties share", async () => {
  expect(await slope((x) => x.maximum(1), 0, 1, 2)).toEqual([0, 0.5, 1]);
  expect(await slope((x) => x.minimum(1), 0, 1, 2)).toEqual([1, 0.5, 0]);
  expect(await slope((x) => x.max(), 3, 1, 3)).toEqual([0.5, 0, 0.5]);
  expect(await slope((x) => x.min(), 3, 1, 3)).toEqual([0, 1, 0]);
});

test("powers at 0", async () => {
  for (const n of [0, 1, 2, 3]) {
    const expected = n === 1 ? 1 : 0;
    expect(await slope((x) => x.pow(n), 0), `x^${n}`).toEqual([expected]);
    expect(await slope((x) => x.pow(vec(n)), 0), `x^${n} with a tensor`).toEqual([expected]);
  }
  const byExponent = st.grad((b: Tensor) => st.pow(vec(0), b).sum());
  expect(await byExponent(vec(2)).array()).toEqual([0]);
  let third = (x: Tensor): Tensor => x.pow(vec(3)).sum();
  for (let order = 0; order < 3; order++) {
    const f = third;
    third = (x) => (st.grad(f)(x) as Tensor).sum();
  }
  expect(await third(vec(0)).item()).toBe(6);
});

test("products with zeros", async () => {
  expect(await slope((x) => x.prod(), 2, 0, 3)).toEqual([0, 6, 0]);
  expect(await slope((x) => x.prod(), 0, 0, 3)).toEqual([0, 0, 0]);
  expect(
    await st
      .hessian((x: Tensor) => x.prod())(vec(0, 0, 3))
      .array(),
  ).toEqual([
    [0, 3, 0],
    [3, 0, 0],
    [0, 0, 0],
  ]);
});

test("where keeps what is not taken out of the derivative", async () => {
  expect(await slope((x) => st.where(x.greater(0), x, 0), -1, 0, 2)).toEqual([0, 0, 1]);
  expect(
    await slope(
      (x) =>
        x
          .square()
          .sum()
          .mul(st.where(x.greater(0), 1, 0)),
      -1,
      2,
    ),
  ).toEqual([-2, 4]);
});

test("dtypes of derivatives are those of the arguments", async () => {
  for (const dtype of ["f64", "f32", "f16", "bf16"] as const) {
    const g = st.grad((x: Tensor) => x.cast("f32").mul(2).sum())(st.ones([2], { dtype }));
    expect([g.dtype, await g.array()]).toEqual([dtype, [2, 2]]);
    expect(st.grad((x: Tensor) => x.matmul(x).mean())(st.ones([2, 2], { dtype })).dtype).toBe(dtype);
  }
  expect(
    await st
      .grad((x: Tensor) => x.cast("i32").cast("f64").sum())(vec(1.5))
      .array(),
  ).toEqual([0]);
});

test("infinite inputs give no NaN where the limit is finite", async () => {
  expect(await slope((x) => x.tanh(), Infinity, -Infinity)).toEqual([0, 0]);
  expect(await slope((x) => x.sigmoid(), Infinity, -Infinity)).toEqual([0, 0]);
  expect(await slope((x) => x.relu(), Infinity, -Infinity)).toEqual([1, 0]);
  expect(await slope((x) => x.softplus(), Infinity, -Infinity)).toEqual([1, 0]);
});
