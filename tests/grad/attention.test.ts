import { describe, expect, test } from "vitest";
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import type { Case } from "./cases.ts";
import { expectClose, firstOrder, mapsLikeALoop, normal, numbers, prepare, secondOrder, transposes } from "./checks.ts";

const heads = [
  [2, 2, 3, 4],
  [2, 2, 5, 4],
  [2, 2, 5, 4],
];

describe.each([
  ["every pair", [2, 2, 3, 5]],
  ["keys of an image", [2, 1, 1, 5]],
  ["queries", [3, 1]],
] as const)("a mask of numbers for %s has a gradient", (_, shape) => {
  const c: Case = { ops: "attention", shapes: [...heads, shape], f: (q, k, v, mask) => st.attention(q!, k!, v!, { mask }) };
  test("first order", () => firstOrder(prepare(c)));
  test("jvp against vjp", () => transposes(prepare(c)));
  test("second order", () => secondOrder(prepare(c)));
  test("vmap against a loop", () => mapsLikeALoop(c, c.f));
});

describe("queries that see nothing", () => {
  const [q, k, v] = [normal(1, [1, 2, 6, 4]), normal(2, [1, 2, 3, 4]), normal(3, [1, 2, 3, 4])] as const; // the first three queries come before all keys
  const loss = (args: readonly Tensor[]): Tensor => st.attention(args[0]!, args[1]!, args[2]!, { causal: true }).square().sum();

  test("give zeros, zero gradients and zero curvature", async () => {
    const [dq] = st.grad(loss)([q, k, v]);
    const [hq] = st.hvp(loss)([q, k, v], [normal(4, q.shape), normal(5, k.shape), normal(6, v.shape)]);
    for (const x of [st.attention(q, k, v, { causal: true }), dq!, hq!]) {
      const rows = await numbers(x.at(0, 0));
      expect(rows.slice(0, 12)).toEqual(new Array(12).fill(0));
      expect(rows.every(Number.isFinite)).toBe(true);
    }
  });
  test("do not change what others see", async () => {
    const shown = st.attention(q.at(null, null, [3, 6]), k, v, { causal: true });
    await expectClose(st.attention(q, k, v, { causal: true }).at(null, null, [3, 6]), shown, 1e-13, "the last three queries");
  });
  test("by a mask, too", async () => {
    const mask = st.tensor([true, false, true]).expandDims(1); // [queries, 1]
    const few = q.at(null, null, [0, 3]);
    const [dq, dk] = st.grad((args: readonly Tensor[]) => st.attention(args[0]!, args[1]!, v, { mask }).square().sum())([few, k]);
    expect((await numbers(dq!.at(0, 1, 1))).every((x) => x === 0)).toBe(true);
    expect((await numbers(dk!)).every(Number.isFinite)).toBe(true);
  });
});

test("what hidden keys hold does not matter", async () => {
  const [q, k, v] = [0, 1, 2].map((i) => normal(i, [1, 1, 4, 3])) as [Tensor, Tensor, Tensor];
  const mask = st.tensor([true, true, false, true]);
  const hole = st.tensor([false, false, true, false]).reshape([4, 1]);
  const poisoned = (x: Tensor): Tensor => st.where(hole, Number.POSITIVE_INFINITY, x);
  await expectClose(st.attention(q, poisoned(k), poisoned(v), { mask }), st.attention(q, k, v, { mask }), 1e-13, "attention");
});
