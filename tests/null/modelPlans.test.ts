import { beforeAll, describe, expect, test } from "vitest";
import * as st from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import * as optim from "../../src/optim/index.ts";

/** The steps of a plan, as explain() shows them. */
const stepsOf = (text: string): string[] => text.split("\n").filter((line) => /^ *\d+ /.test(line));

// The null device checks every span of a plan: that it lies in its buffer, is written before it is read, and overlaps nothing in use.
beforeAll(() => st.setDevice("null"));

describe.each(["vit-ti/16", "mixer-s/16", "resnet-20"])("plans of %s", (name) => {
  const small = name.startsWith("resnet") ? {} : { hidden: 48, layers: 2 };
  const setup = () => {
    const net = models.create(name, { image: 32, classes: 10, ...small });
    const { params, state } = net.init(st.random.key(0));
    const x = st.zeros([2, 32, 32, 3]),
      y = st.zeros([2], { dtype: "i32" });
    const loss = (p: any, images: any, labels: any) =>
      st.crossEntropy(net.apply({ params: p, state }, images, { train: true, key: st.random.key(1) }).out, labels);
    return { params, x, y, loss };
  };
  test("a SAM step with AdamW, donated", async () => {
    const { params, x, y, loss } = setup();
    const opt = optim.adamw({ lr: 1e-3 });
    const step = st.compile(
      (p: any, s: any, images: any, labels: any) => {
        const [value, grads] = optim.sam(loss, { rho: 0.05 })(p, images, labels);
        return { ...opt.step(p, grads, s), value };
      },
      { donate: [0, 1] },
    );
    let result: any = step(params, opt.init(params), x, y);
    result = step(result.params, result.state, x, y);
    await st.evaluate(result);
    expect(step.explain()).toMatch(/\([3-9] in donated memory\)/);
  });
  test("Hessian-vector products, one and several, the primal pass kept and not", async () => {
    const { params, x, y, loss } = setup();
    await st.evaluate(st.compile(st.hvp(loss))(params, params, x, y));
    const [, push] = st.linearize((p: any) => st.grad(loss)(p, x, y), params);
    await st.evaluate((push as any)(params));
    const flat = (tree: any): any =>
      Array.isArray(tree)
        ? tree.map(flat)
        : tree.shape
          ? st.stack([tree, tree])
          : Object.fromEntries(Object.entries(tree).map(([k, v]) => [k, flat(v)]));
    await st.evaluate(st.vmap(push as any)(flat(params)));
  });
});

test("products with the Hessian of a ViT whose activations are large enough to be made again", async () => {
  const net = models.vit({ image: 32, patch: 4, classes: 10, hidden: 32, layers: 6, heads: 2 });
  const { params, state } = net.init(st.random.key(0));
  const x = st.zeros([32, 32, 32, 3]),
    y = st.zeros([32], { dtype: "i32" });
  const loss = (p: any) => st.crossEntropy(net.apply({ params: p, state }, x, { train: true }).out, y);
  const step = st.compile((p: any) => st.hvp(loss)(p, p));
  await st.evaluate(step(params));
  const [, push] = st.linearize((p: any) => st.grad(loss)(p), params);
  await st.evaluate((push as any)(params));
});

describe("a Mixer of 16 tokens and 24 channels mixes tokens without a transposed copy of them", () => {
  const setup = () => {
    const net = models.mixer({ image: 16, patch: 4, classes: 3, hidden: 24, layers: 2 });
    const { params, state } = net.init(st.random.key(0));
    return { params, x: st.zeros([8, 16, 16, 3]), forward: (p: any, images: any) => net.apply({ params: p, state }, images).out };
  };
  test("forward: no copies at all, and the residual sums are epilogues", async () => {
    const { params, x, forward } = setup(),
      run = st.compile(forward);
    await st.evaluate(run(params, x));
    const steps = stepsOf(run.explain());
    expect(steps.filter((step) => /copy/.test(step))).toEqual([]);
    expect(steps.filter((step) => /matmul\+add\+add/.test(step)).length).toBe(4);
  });
  test("backward: what is copied has the size of a token kernel, but for the mean's cotangent", async () => {
    const { params, x, forward } = setup(),
      run = st.compile(st.grad((p: any, images: any) => forward(p, images).square().mean()));
    await st.evaluate(run(params, x));
    const copies = stepsOf(run.explain()).filter((step) => /copy/.test(step));
    const sizes = copies.map((step) => Number(/-> \(\w+\+\d+:f32\[(\d+)\]\)/.exec(step)![1]));
    expect(sizes.filter((size) => size > 16 * 12)).toEqual([8 * 16 * 24]);
    expect(copies.filter((step) => /\(\w+\+\d+:f32\[3072\]\) ->/.test(step))).toEqual([]);
  });
});
