import { describe, expect, test } from "vitest";
import "../../src/primitives/index.ts";
import { NullBackend } from "../../src/backends/null.ts";
import { o } from "../../src/graph/algebra.ts";
import { standIn } from "../../src/graph/control.ts";
import { idMark, type Value } from "../../src/graph/node.ts";
import { reachable } from "../../src/graph/walk.ts";
import { planGraph } from "../../src/plan/planner.ts";
import { recompute } from "../../src/plan/recompute.ts";
import { setDevice } from "../../src/run/devices.ts";
import { evaluateValues, readValue } from "../../src/run/engine.ts";
import { retain } from "../../src/run/life.ts";
import { backward } from "../../src/transforms/vjp.ts";

/** Gradients of the sum of f by all of its arguments. */
function gradients(f: (args: readonly Value[]) => Value, args: readonly Value[]): Value[] {
  const mark = idMark();
  const y = f(args);
  return backward([y], [o.constant(1, y.dtype, y.shape)], args, mark).map((ct) => ct!);
}
const layers = 12;
/** Perceptron layers: x = x + gelu(layerNorm(x) w) w. */
const perceptron = ([input, scale, bias, ...weights]: readonly Value[]): Value =>
  weights.reduce((x, w) => o.add(x, o.matmul(o.gelu(o.matmul(o.layerNorm(x, scale!, bias!), w), { approximate: "tanh" }), w)), input!);
/** Residual convolutions with batchNorm and relu. */
const residual = ([input, scale, bias, ...weights]: readonly Value[]): Value => {
  const norm = (x: Value): Value => o.batchNorm(x, scale!, bias!).y;
  return weights.reduce((x, w) => o.add(x, o.relu(norm(o.conv2d(o.relu(norm(o.conv2d(x, w))), w)))), input!);
};

describe("values that wait for the backward pass", () => {
  const primitives = (outputs: readonly Value[], isInput: (v: Value) => boolean): string[] =>
    reachable(outputs, isInput).map((node) => node.primitive.name);

  test.each([
    { name: "perceptron", net: perceptron, input: [6, 5], weight: [5, 5] },
    { name: "residual convolutions", net: residual, input: [2, 4, 4, 3], weight: [3, 3, 3, 3] },
  ])("$name: gradients are the same when they are made again", async ({ net, input, weight }) => {
    setDevice("reference");
    let seed = 1;
    const numbers = (shape: readonly number[], size: number, mean = 0): Value => {
      const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return mean + size * (seed / 2 ** 31 - 1);
      });
      return o.tensor(new Float32Array(values), { shape });
    };
    const args = [numbers(input, 1), numbers(input.slice(-1), 0.2, 1), numbers(input.slice(-1), 0.2)];
    for (let i = 0; i < layers; i++) args.push(numbers(weight, 0.4));
    const isInput = (v: Value): boolean => args.includes(v);
    const plain = gradients(net, args),
      again = recompute(plain, isInput, 0);
    expect(primitives(again, isInput).filter((name) => name === "barrier").length).toBeGreaterThan(layers / 2);
    for (const v of [...plain, ...again]) retain(v);
    await evaluateValues(plain);
    await evaluateValues([...again]);
    for (const [i, v] of plain.entries()) {
      const [expected, got] = [await readValue(v), await readValue(again[i]!)];
      got.forEach((x, k) => expect(x).toBeCloseTo(expected[k] as number, 4));
    }
  });

  test("a layer of a perceptron holds its input and what GELU takes, no more", () => {
    const rows = 512,
      width = 256,
      bytes = 4 * rows * width;
    const argument = (...shape: number[]): Value => standIn({ shape, dtype: "f32" }, "null");
    const args = [argument(rows, width), argument(width), argument(width), ...Array.from({ length: layers }, () => argument(width, width))];
    const plan = planGraph({
      outputs: gradients(perceptron, args),
      inputs: args,
      places: args.map((_, buffer) => ({ buffer, offset: 0 })),
      lifted: [],
      backend: new NullBackend(),
    });
    const arena = plan.buffers.find(({ role }) => role === "arena")!.bytes;
    expect(arena / bytes).toBeLessThan(2 * layers + 5);
    // One pass behind the product of the cotangent gives both.
    expect(plan.steps.filter(({ label }) => /^matmul.*geluTanhGrad\+geluTanh\+mul$/.test(label)).length).toBeGreaterThan(layers - 4);
  });
});
