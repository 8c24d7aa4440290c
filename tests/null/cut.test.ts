import { describe, expect, test } from "vitest";
import "../../src/primitives/index.ts";
import { sizeOf } from "../../src/core/shape.ts";
import { o } from "../../src/graph/algebra.ts";
import { standIn } from "../../src/graph/control.ts";
import type { Value } from "../../src/graph/node.ts";
import { minimumCut } from "../../src/transforms/cut.ts";

const argument = (...shape: number[]): Value => standIn({ shape, dtype: "f32" }, "reference");
const bytes = (values: readonly Value[]): number => values.reduce((n, v) => n + 4 * sizeOf(v.shape), 0);

describe("the minimum cut of what a tangent map keeps", () => {
  test("several functions of one value: the value", () => {
    const h = o.matmul(argument(4, 5), argument(5, 6));
    const { kept, again } = minimumCut([o.exp(h), o.mul(h, o.sin(h)), o.transpose(h)]);
    expect(kept).toEqual([h]);
    expect(again.map(({ node }) => node.primitive.name)).toEqual(["exp", "sin", "mul", "transpose"]);
  });
  test("one function of several values: itself", () => {
    const y = o.mul(o.add(argument(9), argument(9)), 3);
    expect(minimumCut([y])).toEqual({ kept: [y], again: [] });
  });
  test("a broadcast: what is narrow", () => {
    const narrow = o.sum(argument(8, 100), { axis: 1, keepDims: true }),
      wide = o.broadcastTo(o.exp(narrow), [8, 100]);
    expect(bytes(minimumCut([wide]).kept)).toBe(4 * 8);
  });
  test("a value in the middle of the way, where that is the least", () => {
    const middle = o.add(o.matmul(argument(3, 3), argument(3, 3)), o.matmul(argument(3, 3), argument(3, 3)));
    const { kept } = minimumCut([o.exp(middle), o.sin(middle), o.tanh(middle)]);
    expect(kept).toEqual([middle]);
  });
  test("constants are never kept", () => expect(minimumCut([o.mul(o.constant(2, "f32", [50]), argument())]).kept.length).toBe(1));
  test("what a reduction takes in is not done again", () => {
    const x = argument(4),
      { kept } = minimumCut([o.exp(o.sum(o.exp(x), { keepDims: true }))]);
    expect(kept.map((v) => v.shape)).toEqual([[1]]);
  });
});
