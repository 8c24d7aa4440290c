import { afterAll, describe, expect, test } from "vitest";
import { encodeProgram } from "../../kernels/elementwise/program.ts";
import { elementwise } from "../../kernels/elementwise/kernel.ts";
import { opcodes, scalarRow } from "../../kernels/elementwise/scalar.ts";
import { loadAddon, NativeBackend } from "../../src/backends/native.ts";
import { type KernelCall, run } from "./call.ts";

// How far the vector functions are from f64, in units in the last place of the exact result. Where the result passes through 0
// (geluGrad) or its argument is scaled up on the way (geluTanh's tail) the bound is absolute instead.
const backends = loadAddon().levels.map((isa) => ({ isa, backend: new NativeBackend({ isa, threads: 1 }) }));
afterAll(() => Promise.all(backends.map(({ backend }) => backend.dispose())));

interface Bound {
  readonly from: number;
  readonly to: number;
  readonly ulp?: number;
  readonly absolute?: number;
}
const f32: Record<string, Bound> = {
  exp: { from: -87.3, to: 88.7, ulp: 1.5 },
  expm1: { from: -100, to: 88.7, ulp: 2 },
  log: { from: 1e-45, to: 3e38, ulp: 1 },
  log1p: { from: -0.9999, to: 3e38, ulp: 1.5 },
  sqrt: { from: 0, to: 3e38, ulp: 0.5 },
  rsqrt: { from: 1e-38, to: 3e38, ulp: 2 },
  reciprocal: { from: 1e-37, to: 1e37, ulp: 1 },
  sin: { from: -1e5, to: 1e5, ulp: 2.5 },
  cos: { from: -1e5, to: 1e5, ulp: 2.5 },
  tan: { from: -1e4, to: 1e4, ulp: 4 },
  tanh: { from: -100, to: 100, ulp: 3 },
  sigmoid: { from: -87, to: 100, ulp: 3 },
  softplus: { from: -87, to: 100, ulp: 2.5 },
  erf: { from: -10, to: 10, ulp: 2 },
  erfinv: { from: -0.9999999, to: 0.9999999, ulp: 4 },
  // Below -4 the baseline level, which has no FMA, loses the rounding error of the square: 66 at -13.
  gelu: { from: -3, to: 1e4, ulp: 8 },
  geluGrad: { from: -10, to: 10, absolute: 2.5e-7 },
  geluTanh: { from: -10, to: 10, absolute: 8e-7 },
  geluTanhGrad: { from: -10, to: 10, absolute: 2.5e-7 },
  geluTanhGrad2: { from: -10, to: 10, absolute: 8e-7 },
  floor: { from: -1e9, to: 1e9, ulp: 0 },
  ceil: { from: -1e9, to: 1e9, ulp: 0 },
  round: { from: -1e9, to: 1e9, ulp: 0 },
};
const f64: Record<string, Bound> = {
  exp: { from: -700, to: 700, ulp: 2 },
  log: { from: 1e-300, to: 1e300, ulp: 2 },
  tanh: { from: -30, to: 30, ulp: 3 },
  erf: { from: -8, to: 8, ulp: 3 },
  erfinv: { from: -0.999999, to: 0.999999, ulp: 8 },
  sigmoid: { from: -700, to: 100, ulp: 4 },
  softplus: { from: -700, to: 100, ulp: 4 },
  gelu: { from: -3, to: 100, ulp: 16 },
  geluGrad: { from: -10, to: 10, absolute: 2e-15 },
  geluTanhGrad2: { from: -10, to: 10, absolute: 4e-15 },
  floor: { from: -1e12, to: 1e12, ulp: 0 },
  round: { from: -1e12, to: 1e12, ulp: 0 },
};

/** Half of them evenly spaced, half of them evenly spaced in the logarithm, down to 1e-30. */
function samples({ from, to }: Bound, count: number): Float64Array {
  const half = count / 2,
    step = (to - from) / half;
  return Float64Array.from({ length: count }, (_, i) => {
    if (i < half) return from + step * (i + 0.5);
    const end = from < 0 && i % 2 === 0 ? from : to,
      u = (i - half) / half;
    return Math.sign(end) * 1e-30 * (Math.abs(end) / 1e-30) ** u;
  }).filter((x) => x >= from && x <= to);
}

/** The unit in the last place of a number of p bits, smallest normal exponent e. */
const ulp = (x: number, p: number, e: number): number => 2 ** (Math.max(Math.floor(Math.log2(Math.abs(x) || 2 ** e)), e) - p + 1);

const unary = (op: string, type: "f32" | "f64", size: number): number[] =>
  Array.from(
    encodeProgram(
      {
        shape: [size],
        reduced: [false],
        registers: 2,
        inputs: [{ dtype: type, offset: 0, strides: [1] }],
        outputs: [{ dtype: type, combine: "none" }],
        code: [
          { op: "load", type, destination: 0, a: 0, b: 0, c: 0 },
          { op, type, destination: 1, a: 0, b: 0, c: 0 },
          { op: "store", type, destination: 0, a: 0, b: 1, c: 0 },
        ],
      },
      opcodes,
    ),
  );

async function apply(backend: NativeBackend, op: string, type: "f32" | "f64", numbers: Float64Array): Promise<ArrayLike<number>> {
  const bound = (name: string) => ({ name, extra: 0, dtype: type, size: numbers.length, present: true });
  const call: KernelCall = {
    kernel: elementwise,
    dtype: "f32",
    params: { program: unary(op, type, numbers.length) },
    inputs: [bound("x")],
    outputs: [bound("y")],
    numbers: [numbers],
  };
  return (await run(backend, call))[0]![0]!;
}

describe.each([
  ["f32", f32, 24, -126],
  ["f64", f64, 53, -1022],
] as const)("%s", (type, bounds, bits, exponent) => {
  test.each(Object.entries(bounds))("%s", async (op, bound) => {
    const numbers = type === "f32" ? Float64Array.from(Float32Array.from(samples(bound, 20000))) : samples(bound, 5000);
    const exact = Array.from(numbers, (x) => scalarRow(op)!.f64(x, 0, 0));
    for (const { isa, backend } of backends) {
      const got = await apply(backend, op, type, numbers);
      let worst = 0,
        at = 0;
      exact.forEach((y, i) => {
        const error = Math.abs(got[i]! - y) / (bound.absolute === undefined ? ulp(y, bits, exponent) : 1);
        if (!(error <= worst)) [worst, at] = [error, i];
      });
      expect(worst, `${isa}: ${op}(${numbers[at]}) is ${got[at]}, exactly ${exact[at]}`).toBeLessThanOrEqual((bound.absolute ?? bound.ulp)!);
    }
  });
});

test.each(Object.keys(f32))("%s at NaN, the infinities and zeros", async (op) => {
  const numbers = Float64Array.from([NaN, Infinity, -Infinity, 0, -0]),
    exact = Array.from(numbers, (x) => Math.fround(scalarRow(op)!.f64(x, 0, 0)));
  for (const { isa, backend } of backends) {
    const got = Array.from(await apply(backend, op, "f32", numbers), (y) => y + 0);
    expect(got, isa).toEqual(exact.map((y) => (Number.isFinite(y) ? expect.closeTo(y + 0, 6) : y)));
  }
});
