import { describe, expect, it } from "vitest";
import * as optim from "../../src/optim/index.ts";
import { expectClose, expectCode, f64, flatNumbers, norm, numbers, st, vector } from "./helpers.ts";

interface Memory {
  m?: number[];
  v?: number[];
  b?: number[];
}
type Formula = (p: number[], g: number[], memory: Memory, t: number, decays: boolean) => number[];

// The formulas in plain JS, for one tensor; g is the gradient of step t = 1, 2, ...
function adam(g: number[], memory: Memory, t: number, eps: number): number[] {
  memory.m ??= g.map(() => 0);
  memory.v ??= g.map(() => 0);
  return g.map((gi, i) => {
    memory.m![i] = 0.9 * memory.m![i]! + 0.1 * gi;
    memory.v![i] = 0.999 * memory.v![i]! + 0.001 * gi * gi;
    return memory.m![i]! / (1 - 0.9 ** t) / (Math.sqrt(memory.v![i]! / (1 - 0.999 ** t)) + eps);
  });
}
const formulas = {
  sgd:
    ({ lr, momentum = 0, nesterov = false, weightDecay = 0 }: any): Formula =>
    (p, g, memory, _, decays) => {
      memory.b ??= p.map(() => 0);
      return p.map((w, i) => {
        const d = g[i]! + (decays ? weightDecay * w : 0),
          b = (memory.b![i] = momentum * memory.b![i]! + d);
        return w - lr * (nesterov ? d + momentum * b : b);
      });
    },
  adamw:
    ({ lr, weightDecay = 0 }: any): Formula =>
    (p, g, memory, t, decays) => {
      const u = adam(g, memory, t, 1e-8);
      return p.map((w, i) => w * (1 - lr * (decays ? weightDecay : 0)) - lr * u[i]!);
    },
  lamb:
    ({ lr, weightDecay = 0 }: any): Formula =>
    (p, g, memory, t, decays) => {
      const u = adam(g, memory, t, 1e-6).map((v, i) => v + (decays ? weightDecay : 0) * p[i]!),
        ratio = norm(p) / norm(u);
      return p.map((w, i) => w - lr * (Number.isFinite(ratio) && ratio > 0 ? ratio : 1) * u[i]!);
    },
};

const make = { sgd: optim.sgd, adamw: optim.adamw, lamb: optim.lamb };
const settings: [keyof typeof formulas, Record<string, unknown>][] = [
  ["sgd", { lr: 0.1 }],
  ["sgd", { lr: 0.1, weightDecay: 0.01 }],
  ["sgd", { lr: 0.1, momentum: 0.9 }],
  ["sgd", { lr: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 }],
  ["adamw", { lr: 0.01 }],
  ["adamw", { lr: 0.01, weightDecay: 0.1 }],
  ["adamw", { lr: 0.01, weightDecay: 0.1, decayMask: { u: false, w: [true, true] } }],
  ["lamb", { lr: 0.01 }],
  ["lamb", { lr: 0.01, weightDecay: 0.1 }],
  ["lamb", { lr: 0.01, weightDecay: 0.1, decayMask: (path: string) => path !== "u" }],
];

const params = () => ({ w: [f64(1, 3, 2), f64(2, 4)], u: f64(3, 2, 2) });
const sizes: [name: string, size: number][] = [
  ["u", 4],
  ["w.0", 6],
  ["w.1", 4],
];
const gradientOf = (t: number, seed: number, size: number): number[] => Array.from(numbers(10 * t + seed, size));
function gradients(t: number) {
  const [u, a, b] = sizes.map(([, size], i) => vector(...gradientOf(t, i, size)));
  return { u: u!.reshape([2, 2]), w: [a!.reshape([3, 2]), b!] };
}

describe("optimizers against their formulas in f64", () => {
  for (const [name, options] of settings) {
    for (const compiled of [false, true]) {
      it(`10 steps of ${name} ${JSON.stringify(options)}${compiled ? ", compiled" : ""}`, async () => {
        const opt = make[name](options as any),
          formula = formulas[name](options);
        const step = compiled ? st.compile((p: any, g: any, s: any) => opt.step(p, g, s)) : opt.step;
        let p: any = params(),
          state: any = opt.init(p);
        const plain = [Array.from(numbers(3, 4)), Array.from(numbers(1, 6)), Array.from(numbers(2, 4))];
        const memory: Memory[] = [{}, {}, {}];
        for (let t = 1; t <= 10; t++) {
          ({ params: p, state } = step(p, gradients(t), state));
          sizes.forEach(([leaf, size], i) => {
            plain[i] = formula(plain[i]!, gradientOf(t, i, size), memory[i]!, t, options.decayMask === undefined || leaf !== "u");
          });
        }
        expectClose(await flatNumbers(p), plain.flat(), 1e-12);
        expect(await state.step.item()).toBe(10);
      });
    }
  }

  it("lamb moves zeros by plain Adam", async () => {
    const opt = optim.lamb({ lr: 0.1 }),
      p = { w: vector(0, 0) };
    const { params: next } = opt.step(p, { w: vector(1, -2) }, opt.init(p));
    expectClose(await flatNumbers(next), [-0.1, 0.1], 1e-5);
  });

  it("f32 parameters stay f32 and close to f64", async () => {
    const opt = optim.adamw({ lr: 0.01, weightDecay: 0.1 }),
      formula = formulas.adamw({ lr: 0.01, weightDecay: 0.1 }),
      memory: Memory = {};
    let p: any = f64(1, 6).cast("f32"),
      state: any = opt.init(p),
      plain = Array.from((await p.data()) as Float32Array);
    for (let t = 1; t <= 10; t++) {
      const g = vector(...gradientOf(t, 0, 6)).cast("f32");
      plain = formula(plain, Array.from((await g.data()) as Float32Array), memory, t, true);
      ({ params: p, state } = opt.step(p, g, state));
    }
    expect(p.dtype).toBe("f32");
    expectClose(await p.data(), plain, 1e-6);
  });

  it("the gradients must be like the parameters", async () => {
    const opt = optim.sgd({ lr: 0.1 }),
      p = { w: f64(1, 3) };
    await expectCode("ERR_ARGUMENT", () => opt.step(p, { v: f64(1, 3) } as any, opt.init(p)));
    await expectCode("ERR_SHAPE", () => opt.step(p, { w: f64(1, 4) }, opt.init(p)));
  });

  it("options out of range", async () => {
    for (const lr of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "fast", undefined])
      await expectCode("ERR_ARGUMENT", () => optim.adamw({ lr } as any));
    await expectCode("ERR_ARGUMENT", () => optim.sgd({ lr: 1, momentum: 1 }));
    await expectCode("ERR_ARGUMENT", () => optim.sgd({ lr: 1, nesterov: true }));
    await expectCode("ERR_ARGUMENT", () => optim.lamb({ lr: 1, beta2: 1.5 }));
    await expectCode("ERR_ARGUMENT", () => optim.clipByGlobalNorm(optim.sgd({ lr: 1 }), 0));
  });
});

describe("clipByGlobalNorm", () => {
  const opt = optim.clipByGlobalNorm(optim.sgd({ lr: 1 }), 1),
    p = { a: vector(0, 0), b: vector(0) };
  const stepped = async (a: number[], b: number) => flatNumbers(opt.step(p, { a: vector(...a), b: vector(b) }, opt.init(p)).params);
  it("scales what is longer", async () => expectClose(await stepped([3, 0], 4), [-0.6, 0, -0.8], 1e-15));
  it("leaves what is shorter as it is", async () => expect(await stepped([0.3, 0], 0.4)).toEqual([-0.3, 0, -0.4]));
  it("leaves zeros", async () => expectClose(await stepped([0, 0], 0), [0, 0, 0], 0));
});

/** The rates that sgd sees: the parameter falls by lr each step. */
async function ratesOf(lr: number | optim.Schedule, steps: number): Promise<number[]> {
  const opt = optim.sgd({ lr }),
    rates: number[] = [],
    step = st.compile((p: any, s: any) => opt.step(p, vector(1), s));
  let p: any = vector(0),
    state: any = opt.init(p),
    last = 0;
  for (let i = 0; i < steps; i++) {
    ({ params: p, state } = step(p, state));
    const now = await p.item();
    rates.push(last - now);
    last = now;
  }
  return rates;
}

describe("schedules", () => {
  const cosine = (i: number, peak: number, warmup: number, steps: number, end: number) =>
    i < warmup ? (peak * i) / warmup : end + ((peak - end) / 2) * (1 + Math.cos(Math.PI * Math.min(1, (i - warmup) / (steps - warmup))));
  it("warmupCosine", async () => {
    const rates = await ratesOf(optim.warmupCosine({ peak: 0.5, warmup: 10, steps: 60, end: 0.01 }), 70);
    expectClose(
      rates,
      rates.map((_, i) => cosine(i, 0.5, 10, 60, 0.01)),
      1e-12,
    );
  });
  it("warmupCosine without a warm-up", async () => {
    const rates = await ratesOf(optim.warmupCosine({ peak: 0.5, warmup: 0, steps: 20 }), 20);
    expectClose(
      rates,
      rates.map((_, i) => cosine(i, 0.5, 0, 20, 0)),
      1e-12,
    );
  });
  it("warmupLinear", async () =>
    expectClose(await ratesOf(optim.warmupLinear({ peak: 1, warmup: 2, steps: 6, end: 0.2 }), 8), [0, 0.5, 1, 0.8, 0.6, 0.4, 0.2, 0.2], 1e-12));
  it("linear", async () => expectClose(await ratesOf(optim.linear({ start: 1, end: 0.5, steps: 5 }), 7), [1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.5], 1e-12));
  it("constant", async () => expectClose(await ratesOf(optim.constant(0.25), 3), [0.25, 0.25, 0.25], 0));
  it("multiStep", async () =>
    expectClose(await ratesOf(optim.multiStep({ start: 1, milestones: [2, 4], gamma: 0.5 }), 6), [1, 1, 0.5, 0.5, 0.25, 0.25], 1e-15));
  it("warmupConstant", async () =>
    expectClose(await ratesOf(optim.warmupConstant({ peak: 0.8, warmup: 4 }), 7), [0, 0.2, 0.4, 0.6, 0.8, 0.8, 0.8], 1e-14));
  it("warmupConstant without a warm-up", async () =>
    expectClose(await ratesOf(optim.warmupConstant({ peak: 0.8, warmup: 0 }), 3), [0.8, 0.8, 0.8], 1e-14));
  it("warmupStep falls to a tenth at half and at three quarters", async () => {
    const steps = Array.from({ length: 14 }, (_, i) => i);
    expectClose(
      await ratesOf(optim.warmupStep({ peak: 0.5, warmup: 2, steps: 12 }), 14),
      steps.map((i) => (i < 2 ? i / 4 : i < 6 ? 0.5 : i < 9 ? 0.05 : 0.005)),
      1e-14,
    );
  });
  it("warmupStep with stairs of its own, in any order and rounded to steps, two at once too", async () =>
    expectClose(
      await ratesOf(optim.warmupStep({ peak: 1, warmup: 0, steps: 10, milestones: [0.81, 0.3, 0.32, 0.56], factor: 0.5 }), 10),
      [1, 1, 1, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625, 0.0625],
      1e-14,
    ));
  it("warmupStep within the warm-up takes effect after it", async () =>
    expectClose(await ratesOf(optim.warmupStep({ peak: 1, warmup: 3, steps: 4, milestones: [0.25] }), 5), [0, 1 / 3, 2 / 3, 0.1, 0.1], 1e-14));
  it("options out of range", async () => {
    await expectCode("ERR_ARGUMENT", () => optim.warmupConstant({ peak: 1, warmup: -1 }));
    await expectCode("ERR_ARGUMENT", () => optim.warmupStep({ peak: 1, warmup: 5, steps: 5 }));
    await expectCode("ERR_ARGUMENT", () => optim.warmupStep({ peak: 1, warmup: 0, steps: 5, milestones: [1] }));
    await expectCode("ERR_ARGUMENT", () => optim.warmupStep({ peak: 1, warmup: 0, steps: 5, factor: 0 }));
    await expectCode("ERR_ARGUMENT", () => optim.warmupCosine({ peak: 0, warmup: 1, steps: 2 }));
    await expectCode("ERR_ARGUMENT", () => optim.warmupCosine({ peak: 1, warmup: 5, steps: 5 }));
    await expectCode("ERR_ARGUMENT", () => optim.linear({ start: 1, steps: 0.5 }));
  });
});
