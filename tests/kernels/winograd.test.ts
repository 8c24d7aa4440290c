import { afterAll, describe, expect, test } from "vitest";
import { type Conv2dParams, conv2d, conv2dInputGrad, conv2dWeightGrad } from "../../kernels/conv2d/kernel.ts";
import type { Kernel } from "../../kernels/kernel.ts";
import { loadAddon, NativeBackend } from "../../src/backends/native.ts";
import { type KernelCall, makeCall, reference, run } from "./call.ts";
import { randomFrom, rounded } from "./numbers.ts";

// Convolutions by Winograd's filtering against direct sums, in f32 on normal numbers: the error is at most twice as large, and a
// number that is not finite reaches the outputs that see it and no others.
const backends = loadAddon().levels.map((isa) => ({ isa, backend: new NativeBackend({ isa, threads: 1 }) }));
afterAll(() => Promise.all(backends.map(({ backend }) => backend.dispose())));

const shape = (n: number, size: number, c: number, f: number): Conv2dParams => ({
  n,
  h: size,
  w: size,
  c,
  kH: 3,
  kW: 3,
  f,
  groups: 1,
  strideH: 1,
  strideW: 1,
  top: 1,
  left: 1,
  outH: size,
  outW: size,
});
/** The same with a fourth column of taps, which Winograd's filtering does not take: the direct sum. */
const widened = (p: Conv2dParams): Conv2dParams => ({ ...p, kW: 4 });

function normal(size: number, random: () => number): Float64Array {
  return rounded(
    "f32",
    Float64Array.from({ length: size }, () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())),
  );
}
/** [3, 3, ...] <-> [3, 4, ...] whose fourth column is zero. */
function widen(w: Float64Array): Float64Array {
  const tap = w.length / 9,
    wide = new Float64Array(12 * tap);
  for (let u = 0; u < 3; u++) wide.set(w.subarray(3 * u * tap, 3 * (u + 1) * tap), 4 * u * tap);
  return wide;
}
function narrow(wide: ArrayLike<number>): Float64Array {
  const tap = wide.length / 12,
    all = Float64Array.from(wide);
  return Float64Array.from([0, 1, 2].flatMap((u) => Array.from(all.subarray(4 * u * tap, (4 * u + 3) * tap))));
}

const callOf = (kernel: Kernel, p: Conv2dParams, numbers: readonly Float64Array[]): KernelCall => ({
  ...makeCall(kernel, "f32", p, () => 0),
  numbers,
});
const rms = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let squares = 0;
  for (let i = 0; i < a.length; i++) squares += (a[i]! - b[i]!) ** 2;
  return Math.sqrt(squares / a.length);
};

describe.each([shape(2, 16, 16, 16), shape(2, 16, 32, 32), shape(4, 8, 64, 64), shape(4, 8, 16, 160)])("%o", (p) => {
  test.each([conv2d, conv2dInputGrad, conv2dWeightGrad])("$name is at most twice as far off as the direct sum", async (kernel) => {
    const random = randomFrom(`${kernel.name} ${JSON.stringify(p)}`),
      narrowCall = makeCall(kernel, "f32", p, () => 0),
      numbers = narrowCall.inputs.map(({ size }) => normal(size, random)),
      call = callOf(kernel, p, numbers),
      direct = callOf(
        kernel,
        widened(p),
        numbers.map((x, i) => (call.inputs[i]!.name === "w" ? widen(x) : x)),
      ),
      exact = reference(call)[0]!;
    for (const { isa, backend } of backends) {
      const [[minimal]] = await run(backend, call),
        [[plain]] = await run(backend, direct);
      const sums = kernel === conv2dWeightGrad ? narrow(plain!) : plain!;
      expect(rms(minimal!, sums), "Winograd's filtering runs").toBeGreaterThan(0);
      expect(rms(minimal!, exact) / rms(sums, exact), isa).toBeLessThan(2);
    }
  });
});

test.each([NaN, Infinity, -Infinity, 3e38])("%d in the image", async (odd) => {
  const p = shape(2, 16, 16, 32),
    random = randomFrom("odd"),
    x = normal(2 * 16 * 16 * 16, random),
    w = normal(9 * 16 * 32, random),
    place = ((1 * 16 + 6) * 16 + 9) * 16 + 5; // image 1, row 6, column 9, channel 5
  const clean = callOf(conv2d, p, [x, w]),
    spoiled = callOf(conv2d, p, [x.map((value, i) => (i === place ? odd : value)), w]),
    exact = Float32Array.from(reference(spoiled)[0]!);
  for (const { isa, backend } of backends) {
    const [[before]] = await run(backend, clean),
      [[after]] = await run(backend, spoiled);
    for (let i = 0; i < after!.length; i++) {
      const [image, row, column] = [Math.floor(i / (256 * 32)), Math.floor(i / (16 * 32)) % 16, Math.floor(i / 32) % 16];
      if (image === 1 && Math.abs(row - 6) <= 1 && Math.abs(column - 9) <= 1) {
        if (Number.isFinite(exact[i])) expect(Math.abs(after![i]! / exact[i]! - 1), `${isa}, output ${i}`).toBeLessThan(1e-5);
        else expect(after![i], `${isa}, output ${i}`).toBe(exact[i]);
      } else {
        expect(Math.abs(after![i]! - before![i]!), `${isa}, output ${i}`).toBeLessThan(1e-4);
      }
    }
  }
});
