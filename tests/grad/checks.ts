import { expect } from "vitest";
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import type { Case } from "./cases.ts";

/** Repeatable normal numbers. */
export const normal = (seed: number, shape: readonly number[]): Tensor => st.random.normal(st.random.key(seed), shape, { dtype: "f64" });

export const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);
export async function expectClose(got: Tensor, wanted: Tensor, relative: number, what: string): Promise<void> {
  expect([...got.shape], `${what}: shape`).toEqual([...wanted.shape]);
  expect(got.dtype, `${what}: dtype`).toBe(wanted.dtype);
  const [a, b] = await Promise.all([numbers(got), numbers(wanted)]);
  const scale = Math.sqrt(b.reduce((sum, v) => sum + v * v, 0) / Math.max(1, b.length));
  for (let i = 0; i < b.length; i++) {
    const allowed = relative * Math.max(1, scale, Math.abs(b[i]!));
    if (!(Math.abs(a[i]! - b[i]!) <= allowed)) expect.fail(`${what}: at ${i} ${a[i]} came, ${b[i]} was expected (within ${allowed})`);
  }
}

const dot = (a: readonly Tensor[], b: readonly Tensor[]): Tensor => a.map((x, i) => x.mul(b[i]!).sum()).reduce((p, q) => p.add(q));

/** The inputs of a case, a direction, and a scalar function with curvature everywhere. */
export function prepare({ shapes, f, positive }: Case, seed = 0) {
  const xs = shapes.map((shape, i) => {
    const x = normal(seed + i, shape);
    return positive ? x.abs().add(0.3) : x;
  });
  const v = shapes.map((shape, i) => normal(seed + 50 + i, shape));
  const loss = (list: Tensor[]): Tensor => {
    const y = f(...list);
    return y
      .mul(normal(seed + 99, y.shape))
      .add(y.square().mul(0.5))
      .sum();
  };
  return { xs, v, loss, f: (list: Tensor[]): Tensor => f(...list) };
}
type Prepared = ReturnType<typeof prepare>;

const step = 1e-5; // central differences err by about 1e-10 of the function's scale
const shifted = (xs: readonly Tensor[], v: readonly Tensor[], by: number): Tensor[] => xs.map((x, i) => x.add(v[i]!.mul(by)));

/** <gradient, v> is the slope of the function along v. */
export async function firstOrder({ xs, v, loss }: Prepared): Promise<void> {
  const slope = loss(shifted(xs, v, step))
    .sub(loss(shifted(xs, v, -step)))
    .div(2 * step);
  const gradients = st.grad(loss)(xs);
  gradients.forEach((g, i) => expect([...g.shape]).toEqual([...xs[i]!.shape]));
  await expectClose(dot(gradients, v), slope, 1e-6, "gradient against differences");
}
/** <u, J v> = <J^T u, v>. */
export async function transposes({ xs, v, f }: Prepared): Promise<void> {
  const [out, tangent] = st.jvp(f, [xs], [v]),
    u = normal(98, out.shape),
    [, pullback] = st.vjp(f, xs);
  await expectClose(dot(pullback(u)[0], v), dot([u], [tangent]), 1e-10, "<J^T u, v> against <u, J v>");
}
/** H v forward over reverse, reverse over reverse, and by differences of the gradient. */
export async function secondOrder({ xs, v, loss }: Prepared): Promise<void> {
  const g = st.grad(loss),
    up = g(shifted(xs, v, step)),
    down = g(shifted(xs, v, -step));
  const forward = st.jvp(g, [xs], [v])[1],
    reverse = st.grad((list: Tensor[]) => dot(g(list), v))(xs);
  for (let i = 0; i < xs.length; i++) {
    await expectClose(reverse[i]!, forward[i]!, 1e-9, `H v of input ${i}, reverse over reverse`);
    await expectClose(forward[i]!, up[i]!.sub(down[i]!).div(2 * step), 2e-5, `H v of input ${i} against differences`);
  }
}

const size = 3;
/** Which inputs are mapped: all, and each one alone. */
const selections = (n: number): boolean[][] => [
  Array.from({ length: n }, () => true),
  ...(n > 1 ? Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_item, j) => i === j)) : []),
];

export async function mapsLikeALoop(c: Case, f: (...x: Tensor[]) => Tensor): Promise<void> {
  for (const mapped of selections(c.shapes.length)) {
    const whole = prepare({ ...c, shapes: c.shapes.map((shape, i) => (mapped[i] ? [size, ...shape] : shape)) }).xs;
    const got = st.vmap(f, { inAxes: mapped.map((on) => (on ? 0 : null)) })(...whole);
    const rows = Array.from({ length: size }, (_, row) => f(...whole.map((x, i) => (mapped[i] ? x.at(row) : x))));
    await expectClose(got, st.stack(rows), 1e-11, `vmap over [${mapped}]`);
  }
}
export async function mapsTwice(c: Case): Promise<void> {
  const whole = prepare({ ...c, shapes: c.shapes.map((shape) => [2, size, ...shape]) }).xs;
  const got = st.vmap(st.vmap(c.f))(...whole);
  const rows = [0, 1].map((i) => st.stack([0, 1, 2].map((j) => c.f(...whole.map((x) => x.at(i, j))))));
  await expectClose(got, st.stack(rows), 1e-11, "vmap in vmap");
}
