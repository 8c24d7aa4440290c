import { describe, expect, test } from "vitest";
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import { expectClose, normal, numbers } from "./checks.ts";

// Hessian-vector products through attention's tangent kernels, against those of attention written in plain operations.

interface Form {
  readonly mask?: Tensor;
  readonly causal?: true;
}
type Attention = (q: Tensor, k: Tensor, v: Tensor, form: Form) => Tensor;

const fused: Attention = (q, k, v, form) => st.attention(q, k, v, form);
const plain: Attention = (q, k, v, { mask, causal }) => {
  const [queries, keys] = [q.shape[2]!, k.shape[2]!];
  let scores = q.matmul(k.mT()).mul(1 / Math.sqrt(q.shape[3]!));
  if (mask) scores = st.where(mask, scores, Number.NEGATIVE_INFINITY);
  if (causal)
    scores = st.where(
      st.arange(keys).lessEqual(
        st
          .arange(queries)
          .expandDims(1)
          .add(keys - queries),
      ),
      scores,
      Number.NEGATIVE_INFINITY,
    );
  return scores.softmax().matmul(v);
};

const shapes = (queries: number, keys: number, dim: number): number[][] => [
  [2, 3, queries, dim],
  [2, 3, keys, dim],
  [2, 3, keys, dim],
];
const some = (seed: number, queries: number, keys: number, dim: number): Tensor[] =>
  shapes(queries, keys, dim).map((shape, i) => normal(seed + i, shape));
const lossOf =
  (attention: Attention, form: Form) =>
  (x: readonly Tensor[]): Tensor => {
    const y = attention(x[0]!, x[1]!, x[2]!, form);
    return y
      .square()
      .mul(0.5)
      .add(y.mul(normal(99, y.shape).cast(y.dtype)))
      .sum();
  };
const forms: [string, Form, number, number][] = [
  ["every pair", {}, 5, 7],
  ["causal", { causal: true }, 5, 7],
  ["a mask", { mask: normal(8, [3, 5, 7]).greater(-1) }, 5, 7],
  ["one query", {}, 1, 7],
  ["more keys than a block", {}, 3, 150],
];

describe.each(forms)("%s", (_, form, queries, keys) => {
  const x = some(0, queries, keys, 4),
    v = some(10, queries, keys, 4);
  const product = (attention: Attention) => (dx: readonly Tensor[]) => st.hvp(lossOf(attention, form))(x, dx) as Tensor[];

  test("one direction", async () => {
    const [got, wanted] = [product(fused)(v), product(plain)(v)];
    for (const i of [0, 1, 2]) await expectClose(got[i]!, wanted[i]!, 1e-12, `input ${i}`);
  });
  test("several directions", async () => {
    const vs = [v, some(20, queries, keys, 4), some(30, queries, keys, 4)],
      stacked = [0, 1, 2].map((i) => st.stack(vs.map((one) => one[i]!)));
    const got = st.vmap(product(fused))(stacked) as Tensor[];
    for (const i of [0, 1, 2]) await expectClose(got[i]!, st.stack(vs.map((one) => product(plain)(one)[i]!)), 1e-12, `input ${i}`);
  });
  test("some operands move, for one direction and for several", async () => {
    for (const moving of [[0], [1], [2], [0, 1], [0, 2], [1, 2]]) {
      const along = (attention: Attention) => (dx: readonly Tensor[]) =>
        st.jvp(
          (some: readonly Tensor[]) =>
            st.grad(lossOf(attention, form))(x.map((still, i) => (moving.includes(i) ? some[moving.indexOf(i)]! : still))) as Tensor[],
          [moving.map((i) => x[i]!)],
          [dx],
        )[1] as Tensor[];
      const dx = moving.map((i) => v[i]!),
        [got, wanted] = [along(fused)(dx), along(plain)(dx)];
      const both = st.vmap(along(fused))(dx.map((t) => st.stack([t, t.mul(-2)]))) as Tensor[];
      for (const i of [0, 1, 2]) {
        await expectClose(got[i]!, wanted[i]!, 1e-12, `input ${i} as ${moving} move`);
        await expectClose(both[i]!, st.stack([wanted[i]!, wanted[i]!.mul(-2)]), 1e-12, `input ${i} as ${moving} move in two directions`);
      }
    }
  });
  test("a direction of its own for each place, and one for all places", async () => {
    const places = [x, some(40, queries, keys, 4)],
      xs = [0, 1, 2].map((i) => st.stack(places.map((place) => place[i]!)));
    const at = (attention: Attention) => (place: readonly Tensor[], dx: readonly Tensor[]) => st.hvp(lossOf(attention, form))(place, dx) as Tensor[];
    const own = st.vmap(at(fused))(
      xs,
      [0, 1, 2].map((i) => st.stack([v[i]!, v[i]!.mul(3)])),
    ) as Tensor[];
    const shared = st.vmap(at(fused), { inAxes: [0, null] })(xs, v) as Tensor[];
    for (const i of [0, 1, 2]) {
      const [first, second] = places.map((place) => at(plain)(place, v)[i]!) as [Tensor, Tensor];
      await expectClose(own[i]!, st.stack([first, second.mul(3)]), 1e-12, `input ${i}, own directions`);
      await expectClose(shared[i]!, st.stack([first, second]), 1e-12, `input ${i}, one direction`);
    }
  });
  test("third derivatives, forward and in reverse", async () => {
    const third = (attention: Attention) => {
      const bent = (p: readonly Tensor[]): Tensor =>
        (st.hvp(lossOf(attention, form))(p, v) as Tensor[]).map((h, i) => h.mul(normal(60 + i, h.shape)).sum()).reduce((a, b) => a.add(b));
      return [...(st.grad(bent)(x) as Tensor[]), st.jvp(bent, [x], [some(70, queries, keys, 4)])[1]];
    };
    const [got, wanted] = [third(fused), third(plain)];
    for (const [i, result] of got.entries()) await expectClose(result, wanted[i]!, 1e-11, `result ${i}`);
  });
});

test("a kept primal pass holds rows, never the scores", async () => {
  const tokens = 40,
    x = some(0, tokens, tokens, 4),
    g = (p: readonly Tensor[]) => st.grad(lossOf(fused, {}))(p) as Tensor[];
  await st.evaluate(x);
  const before = st.memory()["cpu"]!.bytesInUse;
  const [out, push] = st.linearize(g, x);
  await st.evaluate(out);
  const rows = 2 * 3 * tokens,
    kept = st.memory()["cpu"]!.bytesInUse - before - 3 * rows * 4 * 8;
  expect(kept).toBeLessThan(rows * tokens * 8);
  const v = some(10, tokens, tokens, 4),
    got = push(v) as Tensor[],
    wanted = st.hvp(lossOf(plain, {}))(x, v) as Tensor[];
  for (const i of [0, 1, 2]) await expectClose(got[i]!, wanted[i]!, 1e-12, `input ${i}`);
});

test("a plan has no matrix of scores", async () => {
  const tokens = 50,
    x = some(0, tokens, tokens, 4),
    product = st.compile((p: readonly Tensor[], dx: readonly Tensor[]) => st.hvp(lossOf(fused, {}))(p, dx));
  await st.evaluate(product(x, some(10, tokens, tokens, 4)));
  const sizes = Array.from(product.explain().matchAll(/:f64\[(\d+)\]/g), (match) => Number(match[1]));
  expect(Math.max(...sizes)).toBeLessThan(2 * 3 * tokens * tokens);
});

// Errors in f32 against f64: root mean square over all three results.
test("in f32 as near to the exact product as plain operations are", async () => {
  const f32 = (list: readonly Tensor[]): Tensor[] => list.map((t) => t.cast("f32"));
  for (const [tokens, dim, shift] of [
    [65, 32, 0],
    [65, 64, 3],
    [197, 16, 0],
  ] as const) {
    // Keys with a common part, as a bias gives them: it moves all scores of a row alike.
    const x = f32(some(0, tokens, tokens, dim)).map((t, i) => (i === 1 ? t.add(shift) : t)),
      v = f32(some(10, tokens, tokens, dim));
    const wide = (list: readonly Tensor[]): Tensor[] => list.map((t) => t.cast("f64"));
    const exact = st.hvp(lossOf(plain, {}))(wide(x), wide(v)) as Tensor[];
    const errorOf = async (attention: Attention): Promise<number> => {
      const got = st.hvp(lossOf(attention, {}))(x, v) as Tensor[];
      const squares = got.map((h, i) => h.cast("f64").sub(exact[i]!).square().sum());
      return Math.sqrt((await numbers(st.stack(squares))).reduce((a, b) => a + b));
    };
    expect(await errorOf(fused), `${tokens} tokens, dim ${dim}, shift ${shift}`).toBeLessThan(2 * (await errorOf(plain)));
  }
});
