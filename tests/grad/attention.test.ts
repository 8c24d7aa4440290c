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

// Kernels write their outputs where these are wanted; a caller who takes them otherwise must see the same numbers.
test("in whatever order results are taken, they are the same", async () => {
  const [x, w] = [normal(1, [2, 5, 8]), normal(2, [8, 24])] as const;
  const heads = (y: Tensor): Tensor[] => st.split(y, 3, { axis: -1 }).map((part) => part.reshape([2, 5, 2, 4]).transpose([0, 2, 1, 3]));
  const packed = x.matmul(w),
    [q, k, v] = heads(packed) as [Tensor, Tensor, Tensor];
  const attend = (y: Tensor): Tensor => {
    const [q, k, v] = heads(y) as [Tensor, Tensor, Tensor];
    return st.attention(q, k, v);
  };
  const step = st.compile((q: Tensor, k: Tensor, v: Tensor, y: Tensor) => {
    const [out, pull] = st.vjp(st.attention, q, k, v),
      [ofPacked, pullPacked] = st.vjp(attend, y);
    return {
      grads: pull(out.square()),
      packed: pullPacked(ofPacked.square())[0]!,
      tangent: st.jvp((y: Tensor) => st.vjp(attend, y)[1](ofPacked.square())[0]!, [y], [y])[1],
      ...{ out, swapped: out.transpose([0, 2, 1, 3]), more: out.add(1), mean: out.transpose([2, 0, 1, 3]).mean({ axis: 0 }) },
    };
  });
  const { grads, packed: ofPacked, tangent, out, swapped, more, mean } = step(q, k, v, packed);
  const alone = st.attention(q, k, v);
  await expectClose(out, alone, 1e-13, "heads first");
  await expectClose(swapped, alone.transpose([0, 2, 1, 3]), 1e-13, "tokens first");
  await expectClose(more, alone.add(1), 1e-13, "one more");
  await expectClose(mean, alone.mean({ axis: 2 }), 1e-13, "mean over tokens");
  const joined = st.concat(
    grads.map((g) => g!.transpose([0, 2, 1, 3]).reshape([2, 5, 8])),
    { axis: -1 },
  );
  await expectClose(ofPacked, joined, 1e-13, "a packed gradient");
  const apart = (q: Tensor, k: Tensor, v: Tensor): Tensor[] => st.vjp(st.attention, q, k, v)[1](alone.square()) as Tensor[];
  const [, tangents] = st.jvp(apart, [q, k, v], [q, k, v]) as [Tensor[], Tensor[]];
  const joinedTangent = st.concat(
    tangents.map((t) => t.transpose([0, 2, 1, 3]).reshape([2, 5, 8])),
    { axis: -1 },
  );
  await expectClose(tangent, joinedTangent, 1e-13, "its tangent");
});
