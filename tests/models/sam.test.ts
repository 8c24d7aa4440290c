import { describe, expect, it } from "vitest";
import * as optim from "../../src/optim/index.ts";
import { expectClose, expectCode, f64, flatNumbers, norm, st, vector } from "./helpers.ts";

const n = 6,
  rho = 0.05;
const root = f64(7, n, n),
  A = root.add(root.mT()).mul(0.5);
const loss = (p: any, m: any) => p.x.dot(m.matmul(p.x)).mul(0.5);

async function quadratic() {
  const a = (await A.array()) as number[][],
    x = Array.from(await f64(8, n).data());
  const times = (v: number[]): number[] => a.map((row) => row.reduce((s, r, j) => s + r * v[j]!, 0));
  const g = times(x),
    there = x.map((v, i) => v + (rho * g[i]!) / norm(g));
  return { times, x, g, there, value: x.reduce((s, v, i) => s + (v * g[i]!) / 2, 0) };
}

describe("SAM", () => {
  for (const [how, wrap] of [
    ["lazy", (f: any) => f],
    ["compiled", (f: any) => st.compile(f)],
  ] as const) {
    it(`is the gradient at x + rho g / |g| and the loss at x, ${how}`, async () => {
      const params = { x: f64(8, n) },
        before = await params.x.data(),
        { times, there, value } = await quadratic();
      const [got, grads] = wrap(optim.sam(loss, { rho }))(params, A);
      expectClose(await flatNumbers(grads), times(there), 1e-12);
      expectClose([await got.item()], [value], 1e-12);
      expect(await params.x.data()).toEqual(before);
    });
  }

  it("is the plain gradient for rho 0", async () => {
    const { g } = await quadratic();
    expectClose(await flatNumbers(optim.sam(loss, { rho: 0 })({ x: f64(8, n) }, A)[1]), g, 1e-12);
  });

  it("has no NaN where the gradient is zero", async () => {
    const [value, grads] = optim.sam(loss)({ x: vector(0, 0, 0, 0, 0, 0) }, A);
    expect(await flatNumbers([value, grads])).toEqual([0, 0, 0, 0, 0, 0, 0]);
  });

  it("perturbs several arguments by one norm, and gives aux of the unperturbed point", async () => {
    const f = (scale: any, a: any, b: any) => [a.square().sum().add(b.square().sum()).mul(0.5).mul(scale), { a }] as const;
    const [[value, aux], [ga, gb]] = optim.sam(f, { rho: 1, argnums: [1, 2], hasAux: true })(2, vector(3), vector(4));
    expectClose(await flatNumbers([value, aux, ga, gb]), [25, 3, 2 * 3.6, 2 * 4.8], 1e-12);
  });

  describe("with shards of m images", () => {
    // loss = mean over images of (w - image)^2 / 2: the gradient of a shard is w - its mean, of length |w - mean|
    const distance = (p: any, images: any) => p.sub(images).square().mean().mul(0.5);
    const sharded = (w: number, images: number[], m: number): number => {
      let total = 0;
      for (let at = 0; at < images.length; at += m) {
        const shard = images.slice(at, at + m),
          g = w - shard.reduce((a, b) => a + b, 0) / shard.length;
        total += ((g + rho * Math.sign(g)) * shard.length) / images.length;
      }
      return total;
    };
    const images = [1, 2, 6, 7, -3, 8, 4];
    for (const m of [1, 2, 3, 7, 20]) {
      it(`m = ${m}`, async () => {
        const [value, grad] = optim.sam(distance, { rho, m })(vector(2.5), vector(...images).reshape([7, 1]));
        expectClose(await flatNumbers(grad), [sharded(2.5, images, m)], 1e-12);
        expectClose(await flatNumbers(value), [images.reduce((s, v) => s + (2.5 - v) ** 2 / 14, 0)], 1e-12);
      });
    }
    it("splits only what inAxes names, and lists aux by shard", async () => {
      const f = (p: any, images: any, shift: any) => [distance(p.add(shift), images), images] as const;
      const [[, aux], grad] = optim.sam(f, { rho, m: 3, hasAux: true, inAxes: [null, 0, null] })(
        vector(2),
        vector(...images).reshape([7, 1]),
        vector(0.5),
      );
      expectClose(await flatNumbers(grad), [sharded(2.5, images, 3)], 1e-12);
      expect(aux.map((x: any) => x.shape[0])).toEqual([3, 3, 1]);
    });
    it("refuses arguments of different lengths", async () => {
      const f = (p: any, a: any, b: any) => p.mul(a.sum()).mul(b.sum()).sum();
      await expectCode("ERR_SHAPE", () => optim.sam(f, { m: 2 })(vector(1), f64(1, 4), f64(2, 3)));
    });
  });

  describe("adaptive", () => {
    const eta = 0.1;
    /** rho T^2 g / |T g|, T = |x| + eta, in plain numbers. */
    function perturbed(x: number[], g: number[], radius: number, least: number): number[] {
      const scales = x.map((v) => Math.abs(v) + least),
        length = norm(g.map((v, i) => v * scales[i]!));
      return x.map((v, i) => v + (radius * scales[i]! ** 2 * g[i]!) / length);
    }
    for (const [how, wrap] of [
      ["lazy", (f: any) => f],
      ["compiled", (f: any) => st.compile(f)],
    ] as const) {
      it(`is the gradient at x + rho T^2 g / |T g|, ${how}`, async () => {
        const { times, x, g, value } = await quadratic();
        const [got, grads] = wrap(optim.sam(loss, { rho: 0.7, adaptive: true, eta }))({ x: f64(8, n) }, A);
        expectClose(await flatNumbers(grads), times(perturbed(x, g, 0.7, eta)), 1e-12);
        expectClose([await got.item()], [value], 1e-12);
      });
    }
    it("has rho 0.5 and eta 0.01 unless given", async () => {
      const { times, x, g } = await quadratic();
      expectClose(await flatNumbers(optim.sam(loss, { adaptive: true })({ x: f64(8, n) }, A)[1]), times(perturbed(x, g, 0.5, 0.01)), 1e-12);
    });
    it("moves by the parameters' own scale: x and 1000 x are perturbed alike", async () => {
      // With eta = 0 a loss that depends on x / scale alone gives gradients that depend on it alone.
      const f = (p: any, scale: any) => p.div(scale).sin().sum();
      const at = async (scale: number) =>
        flatNumbers(optim.sam(f, { adaptive: true, rho: 0.3, eta: 0 })(f64(8, n).mul(scale), vector(scale))[1].mul(scale));
      expectClose(await at(1000), await at(1), 1e-12);
    });
    it("has one norm over several arguments and one perturbation a shard", async () => {
      const f = (images: any, a: any, b: any) => a.sub(images).square().mean().add(b.square().mean()).mul(0.5);
      const images = [1, 2, 6, 7, -3];
      const [, [ga, gb]] = optim.sam(f, { rho: 0.4, adaptive: true, eta, m: 2, argnums: [1, 2], inAxes: [0, null, null] })(
        vector(...images),
        vector(2.5),
        vector(-0.5),
      );
      const wanted = [0, 0];
      for (let at = 0; at < images.length; at += 2) {
        const shard = images.slice(at, at + 2),
          mean = shard.reduce((s, v) => s + v, 0) / shard.length,
          there = perturbed([2.5, -0.5], [2.5 - mean, -0.5], 0.4, eta);
        wanted[0]! += ((there[0]! - mean) * shard.length) / images.length;
        wanted[1]! += (there[1]! * shard.length) / images.length;
      }
      expectClose(await flatNumbers([ga, gb]), wanted, 1e-12);
    });
    it("is as many passes over the parameters as plain: one to the norm, one to the point", async () => {
      const size = 24 * 16 + 16,
        f = (p: any, x: any) => x.matmul(p.kernel).add(p.bias).tanh().sum();
      const flat = f64(1, size),
        params = { bias: flat.at([0, 16]), kernel: flat.at([16, size]).reshape([24, 16]) };
      const passes = (adaptive: boolean): string[] => {
        const step = st.compile(optim.sam(f, { adaptive }));
        step(params, f64(3, 5, 24));
        return Array.from(step.explain().matchAll(new RegExp(`elementwise_\\w+ <(.*?)> \\[${size}\\]`, "g")), (match) => match[1]!);
      };
      expect(passes(false)).toEqual(["square+sum", "mul+add"]);
      expect(passes(true)).toEqual(["abs+add+mul+square+sum+mul", "mul+add"]);
    });
    it("has no NaN where the gradient is zero", async () => {
      const [value, grads] = optim.sam(loss, { adaptive: true })({ x: vector(0, 0, 0, 0, 0, 0) }, A);
      expect(await flatNumbers([value, grads])).toEqual([0, 0, 0, 0, 0, 0, 0]);
    });
  });

  it("steps with every optimizer", async () => {
    for (const adaptive of [false, true]) {
      for (const opt of [
        optim.sgd({ lr: 0.1, momentum: 0.9 }),
        optim.adamw({ lr: 0.1 }),
        optim.lamb({ lr: 0.1 }),
        optim.clipByGlobalNorm(optim.sgd({ lr: 0.1 }), 1e-3),
      ]) {
        const vg = optim.sam(loss, { adaptive }),
          params = { x: f64(8, n) };
        const step = st.compile((p: any, s: any, m: any) => opt.step(p, vg(p, m)[1], s));
        const got = step(params, opt.init(params), A),
          wanted = opt.step(params, vg(params, A)[1] as any, opt.init(params));
        expectClose(await flatNumbers(got.params), await flatNumbers(wanted.params), 1e-12);
        expect(await flatNumbers(got.params)).not.toEqual(await flatNumbers(params));
      }
    }
  });

  it("options out of range", async () => {
    await expectCode("ERR_ARGUMENT", () => optim.sam(loss, { rho: -1 }));
    await expectCode("ERR_ARGUMENT", () => optim.sam(loss, { adaptive: true, eta: -1 }));
    await expectCode("ERR_ARGUMENT", () => optim.sam(loss, { eta: 0.01 }));
    await expectCode("ERR_ARGUMENT", () => optim.sam(loss, { m: 0 }));
  });
});
