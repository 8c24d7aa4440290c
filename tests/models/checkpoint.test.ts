import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, st } from "./helpers.ts";

const key = st.random.key(2);
const common = { classes: 3, dtype: "f64", dropout: 0.2, dropPath: 0.4 } as const;
const families: Record<string, (checkpoint: boolean) => models.Model<any>> = {
  vit: (checkpoint) => models.vit({ ...common, image: 8, patch: 4, hidden: 6, layers: 3, heads: 2, checkpoint }),
  mixer: (checkpoint) => models.mixer({ ...common, image: 8, patch: 4, hidden: 6, layers: 3, checkpoint }),
  resnet: (checkpoint) => models.resnet({ ...common, image: 8, blocks: [1, 2], block: "basic", width: 4, stem: "cifar", checkpoint }),
};

/** Scales and heads that start as zeros hide what is behind them. */
const moved = (tree: any): any => {
  if (tree instanceof st.Tensor) return tree.add(f64(3, ...tree.shape).mul(0.1));
  if (Array.isArray(tree)) return tree.map(moved);
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, moved(item)]));
};

/** Loss, state and observed values as aux, gradients. */
function training(net: models.Model<any>) {
  const { params, state } = net.init(key) as any;
  const x = f64(1, 6, 8, 8, 3),
    y = st.tensor([0, 1, 2, 0, 1, 2], { dtype: "i32" });
  const loss = (p: any, images: any, labels: any) => {
    const applied = net.apply({ params: p, state }, images, { train: true, key, observe: (path) => /hidden|relu/.test(path) });
    return [st.crossEntropy(applied.out, labels), { state: applied.state, seen: applied.seen }] as const;
  };
  return { loss, args: [moved(params), x, y] as const };
}

describe.each(Object.entries(families))("%s with each block checkpointed", (_, make) => {
  const [plain, again] = [training(make(false)), training(make(true))];
  for (const [how, wrap] of [
    ["lazy", (f: any) => f],
    ["compiled", (f: any) => st.compile(f)],
  ] as const) {
    it(`gives the same loss, state, observed values and gradients, ${how}`, async () => {
      const run = ({ loss, args }: typeof plain) => wrap(st.valueAndGrad(loss, { hasAux: true }))(...args);
      const [wanted, got] = [run(plain), run(again)];
      await st.evaluate(wanted, got);
      expect(leavesOf(got).length).toBe(leavesOf(wanted).length);
      for (const [i, leaf] of leavesOf(got).entries()) expectClose(await leaf.data(), await leavesOf(wanted)[i]!.data(), 1e-11);
    });
  }
  it("gives the same Hessian-vector product", async () => {
    const product = ({ loss, args: [p, x, y] }: typeof plain) => st.hvp((q: any) => loss(q, x, y)[0])(p, moved(p));
    const [wanted, got] = [product(plain), product(again)];
    await st.evaluate(wanted, got);
    expectClose(await flatNumbers(got), await flatNumbers(wanted), 1e-10);
  });
});

it("a deep ViT's gradient takes less memory", async () => {
  const arena = async (checkpoint: boolean): Promise<number> => {
    const net = models.vit({ image: 16, patch: 4, classes: 3, hidden: 16, layers: 8, heads: 2, checkpoint });
    const { params, state } = net.init(key);
    const step = st.compile(st.grad((p: any, x: any) => net.apply({ params: p, state }, x, { train: true, key }).out.square().mean()));
    await st.evaluate(step(params, st.zeros([8, 16, 16, 3])));
    return Number(/arena (\d+)/.exec(step.explain())![1]);
  };
  const [kept, again] = [await arena(false), await arena(true)];
  expect(again).toBeLessThan(kept / 2);
});

it("options out of range", async () => {
  const vit = (options: object) => models.create("vit-ti/4", { image: 32, ...options });
  await expectCode("ERR_ARGUMENT", () => vit({ checkpoint: "yes" }));
  await expectCode("ERR_ARGUMENT", () => vit({ dropPath: 1 }));
  await expectCode("ERR_ARGUMENT", () => vit({ dropPath: -0.1 }));
});
