import { beforeAll, describe, expect, test } from "vitest";
import "../../src/primitives/index.ts";
import { o } from "../../src/graph/algebra.ts";
import { standIn } from "../../src/graph/control.ts";
import { idMark, type Value } from "../../src/graph/node.ts";
import { printGraph } from "../../src/graph/print.ts";
import { setDevice } from "../../src/run/devices.ts";
import { planCounts } from "../../src/run/engine.ts";
import { compile } from "../../src/tensor/compile.ts";
import { Tensor, wrap } from "../../src/tensor/tensor.ts";
import { forward } from "../../src/transforms/jvp.ts";
import { batch } from "../../src/transforms/vmap.ts";
import { backward } from "../../src/transforms/vjp.ts";

const argument = (...shape: number[]): Value => standIn({ shape, dtype: "f32" }, "reference");

describe("transforms rewrite graphs", () => {
  test("reverse mode of x * x", () => {
    const x = argument(2),
      mark = idMark(),
      y = o.mul(x, x);
    expect(printGraph(backward([y], [o.constant(1, "f32", [2])], [x], mark) as Value[], (v) => v === x)).toBe(
      [
        '%0 = constant() {"value":1} f32[2]',
        "%1 = input f32[2]",
        "%2 = mul(%0, %1) f32[2]",
        "%3 = mul(%0, %1) f32[2]",
        "%4 = add(%2, %3) f32[2]",
        "return %4",
      ].join("\n"),
    );
  });
  test("forward mode of a sum of sines", () => {
    const x = argument(3),
      dx = argument(3),
      mark = idMark(),
      y = o.sum(o.sin(x));
    const text = printGraph(forward([y], [x], [dx], mark) as Value[], (v) => v === x || v === dx);
    expect(text).toContain("cos(");
    expect(text).toMatch(/sum\(.*\) \{"axes":\[0\]\} f32\[\]/);
  });
  test("vmap of a dot product sums over one axis of the batch, without a loop", () => {
    const a = argument(4),
      b = argument(4),
      mark = idMark(),
      y = o.dot(a, b);
    const many = argument(7, 4);
    const [mapped] = batch([y], [a], [many], 7, mark);
    expect(mapped!.shape).toEqual([7]);
    expect(printGraph([mapped!], (v) => v === many || v === b)).toContain('{"axes":[1]} f32[7]');
  });
  test("what does not depend on the arguments has no derivative", () => {
    const x = argument(2),
      mark = idMark();
    expect(backward([o.sin(argument(2))], [o.constant(1, "f32", [2])], [x], mark)).toEqual([null]);
  });
});

describe("plans are cached by structure", () => {
  beforeAll(() => setDevice("reference"));
  const scaled = (by: number): Promise<number> => {
    const x = wrap(o.tensor([1, 2, 3]));
    return wrap(o.sum(o.mul(Tensor.value(x, "test"), by))).item();
  };
  test("an equal graph on other numbers plans nothing", async () => {
    expect(await scaled(3)).toBe(18);
    const before = { ...planCounts };
    expect(await scaled(5)).toBe(30);
    expect(await scaled(-7.5)).toBe(-45);
    expect(planCounts).toEqual({ made: before.made, reused: before.reused + 2 });
  });
  test("explain gives the plan or the graph", async () => {
    const f = compile((x: Tensor) => wrap(o.add(o.mul(Tensor.value(x, "test"), 2), 1)));
    expect(f.explain()).toContain("not been called");
    await f(wrap(o.tensor([1, 2]))).data();
    expect(f.explain()).toMatch(/^1 kernel calls[\s\S]*elementwise_f32 <mul\+add>/);
    expect(f.explain("graph")).toContain("mul(");
  });
});
