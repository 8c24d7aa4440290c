import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import * as optim from "../../src/optim/index.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, st, vector } from "./helpers.ts";

describe("ema", () => {
  const decay = 0.9,
    average = optim.ema(decay);
  const start = () => ({ w: [f64(1, 3, 2), f64(2, 4)], u: f64(3, 2) });
  const at = (t: number) => ({ w: [f64(10 * t, 3, 2), f64(10 * t + 1, 4)], u: f64(10 * t + 2, 2) });

  it("starts at the parameters, to the bit, in memory of its own", async () => {
    const params = start(),
      wanted = await flatNumbers(params),
      a = average.init(params);
    for (const leaf of leavesOf<st.Tensor>(params)) leaf.dispose();
    expect(await flatNumbers(a)).toEqual(wanted);
  });
  it("of what does not change does not change, to the bit", async () => {
    const params = start();
    let a = average.init(params);
    for (let t = 0; t < 5; t++) a = average.update(a, params);
    expect(await flatNumbers(a)).toEqual(await flatNumbers(params));
  });
  for (const compiled of [false, true]) {
    it(`is decay * average + (1 - decay) * params${compiled ? ", as part of a compiled step with donated trees" : ""}`, async () => {
      const update = compiled ? st.compile((a: any, p: any) => average.update(a, p), { donate: [0] }) : average.update;
      let a: any = average.init(start()),
        plain = await flatNumbers(a);
      for (let t = 1; t <= 8; t++) {
        a = update(a, at(t));
        const p = await flatNumbers(at(t));
        plain = plain.map((v, i) => decay * v + (1 - decay) * p[i]!);
      }
      expectClose(await flatNumbers(a), plain, 1e-14);
    });
  }
  it("follows an optimizer in one compiled step, both donated, and comes back from a file", async () => {
    const opt = optim.adamw({ lr: 0.1 });
    const move = (p: any, s: any, a: any, g: any) => {
      const next = opt.step(p, g, s);
      return [next.params, next.state, average.update(a, next.params)] as const;
    };
    const step = st.compile(move, { donate: [0, 1, 2] });
    const run = async (f: typeof move, params: any) => {
      let trees: readonly any[] = [params, opt.init(params), average.init(params)];
      await st.evaluate(trees);
      for (let t = 1; t <= 4; t++) trees = f(trees[0], trees[1], trees[2], at(t));
      return trees;
    };
    const [, , plain] = await run(move, start()),
      [p, s, a] = await run(step as any, start());
    expectClose(await flatNumbers(a), await flatNumbers(plain), 1e-13);
    expect(await flatNumbers(a)).not.toEqual(await flatNumbers(p));
    const folder = await mkdtemp(join(tmpdir(), "steppe-ema-"));
    try {
      await st.save(join(folder, "run.safetensors"), { params: p, optimizer: s, average: a });
      const { tree } = await st.load(join(folder, "run.safetensors"));
      expect(await flatNumbers((tree as any).average)).toEqual(await flatNumbers(a));
      expect(await flatNumbers((tree as any).optimizer)).toEqual(await flatNumbers(s));
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  it("is one pass over the parameters of a network", () => {
    const { params } = models.vit({ image: 8, patch: 4, classes: 3, hidden: 8, layers: 1, heads: 2 }).init(st.random.key(0));
    const update = st.compile((a: any, p: any) => leavesOf<st.Tensor>(average.update(a, p)).map((x) => x.mul(2)));
    update(average.init(params), params);
    const chains = update.explain().match(/<sub\+mul\+add/g);
    expect(chains?.length).toBe(1);
  });
  it("wants one structure and a decay from 0 and below 1", async () => {
    await expectCode("ERR_ARGUMENT", () => average.update({ a: vector(1) }, { b: vector(1) } as any));
    await expectCode("ERR_SHAPE", () => average.update({ a: vector(1) }, { a: vector(1, 2) }));
    for (const wrong of [1, -0.1, Number.NaN]) await expectCode("ERR_ARGUMENT", () => optim.ema(wrong));
  });
});

describe("decayKernels", () => {
  const paths = (tree: any, path = ""): [string, number][] =>
    Array.isArray(tree?.shape)
      ? [[path, tree.shape.length]]
      : Object.entries(tree).flatMap(([name, item]) => paths(item, path ? `${path}.${name}` : name));
  const small = { image: 16, classes: 3 };
  const nets = {
    vit: models.vit({ ...small, patch: 8, hidden: 8, layers: 1, heads: 2, representation: 4 }),
    mixer: models.mixer({ ...small, patch: 8, hidden: 8, layers: 1 }),
    resnet: models.create("resnet-50", { ...small, width: 4, blocks: [1, 1, 1, 1] }),
  };
  for (const [name, net] of Object.entries(nets)) {
    it(`takes the weights of a ${name}, and neither biases, norms nor tokens`, () => {
      const all = paths(net.shapes().params),
        expected = all.filter(([path, ndim]) => ndim >= 2 && path !== "cls" && path !== "position");
      expect(expected.length).toBeGreaterThan(4);
      expect(all.filter(([path]) => optim.decayKernels(path))).toEqual(expected);
    });
  }
  it("is a decayMask", async () => {
    const params = { kernel: vector(1, 2), head: { kernel: vector(3), bias: vector(4) }, kernels: vector(5) };
    const zero = { kernel: vector(0, 0), head: { kernel: vector(0), bias: vector(0) }, kernels: vector(0) };
    const opt = optim.adamw({ lr: 0.1, weightDecay: 0.5, decayMask: optim.decayKernels });
    const { params: next } = opt.step(params, zero, opt.init(params));
    expectClose(await flatNumbers(next), [4, 3 * 0.95, 0.95, 2 * 0.95, 5], 1e-15);
  });
});
