import { describe, expect, it } from "vitest";
import * as optim from "../../src/optim/index.ts";
import * as st from "../../src/index.ts";
import { golden } from "./goldens.ts";

type Gradient = (...args: any[]) => [any, any];
const steps = 10,
  warmup = 3,
  clip = 1.5,
  shard = 4;
const epsilon = { f64: 2 ** -52, f32: 2 ** -23 } as const;

function loss(p: any, x: st.Tensor, y: st.Tensor): st.Tensor {
  const hidden = st.layerNorm(x.matmul(p.first.kernel).add(p.first.bias), p.norm.scale, p.norm.bias, { eps: 1e-6 });
  return st.crossEntropy(st.gelu(hidden, { approximate: "tanh" }).matmul(p.head.kernel).add(p.head.bias), y);
}

const plain = st.valueAndGrad(loss) as Gradient;
const sam = (options: optim.SamOptions): Gradient => optim.sam(loss, options) as Gradient;
const momentum = { lr: 0.1, momentum: 0.9, weightDecay: 0.01 },
  adamw = { lr: 0.01, weightDecay: 0.1 };
const decayMask = optim.decayKernels;
const adaptive = { rho: 0.5, adaptive: true, eta: 0.01 };

/** What make/optim.py does under the same name. */
const runs: Record<string, [optim.Optimizer, Gradient]> = {
  sgd: [optim.sgd({ lr: 0.1 }), plain],
  sgdDecay: [optim.sgd({ lr: 0.1, weightDecay: 0.01 }), plain],
  momentum: [optim.sgd(momentum), plain],
  nesterov: [optim.sgd({ ...momentum, nesterov: true }), plain],
  adamw: [optim.adamw(adamw), plain],
  adamwKernels: [optim.adamw({ ...adamw, decayMask }), plain],
  lamb: [optim.lamb(adamw), plain],
  lambKernels: [optim.lamb({ ...adamw, decayMask }), plain],
  clip: [optim.clipByGlobalNorm(optim.sgd(momentum), clip), plain],
  clipAdamw: [optim.clipByGlobalNorm(optim.adamw(adamw), clip), plain],
  cosine: [optim.adamw({ ...adamw, lr: optim.warmupCosine({ peak: adamw.lr, warmup, steps }) }), plain],
  linear: [optim.sgd({ ...momentum, lr: optim.warmupLinear({ peak: momentum.lr, warmup, steps }) }), plain],
  step: [optim.sgd({ ...momentum, lr: optim.warmupStep({ peak: momentum.lr, warmup, steps }) }), plain],
  constant: [optim.adamw({ ...adamw, lr: optim.warmupConstant({ peak: adamw.lr, warmup }) }), plain],
  samSgd: [optim.sgd(momentum), sam({ rho: 0.05 })],
  samAdamw: [optim.adamw(adamw), sam({ rho: 0.05 })],
  samShards: [optim.adamw(adamw), sam({ rho: 0.05, m: shard })],
  asamSgd: [optim.sgd(momentum), sam(adaptive)],
  asamAdamw: [optim.adamw(adamw), sam(adaptive)],
  asamShards: [
    optim.clipByGlobalNorm(optim.sgd({ ...momentum, lr: optim.warmupCosine({ peak: momentum.lr, warmup, steps }) }), clip),
    sam({ ...adaptive, m: shard }),
  ],
};

function train([opt, gradient]: [optim.Optimizer, Gradient], { params, images, labels }: any): { losses: st.Tensor; params: any } {
  const step = st.compile((p: any, state: any, x: any, y: any) => {
    const [value, grads] = gradient(p, x, y);
    return { value, ...opt.step(p, grads, state) };
  });
  let p = params,
    state: any = opt.init(params);
  const losses: st.Tensor[] = [];
  for (let i = 0; i < steps; i++) {
    const done = step(p, state, images.at(i), labels.at(i));
    losses.push(done.value);
    ({ params: p, state } = done);
  }
  return { losses: st.stack(losses), params: p };
}

/** The numbers of a run by the names of its tensors. */
async function numbersOf(tree: any, path = ""): Promise<Map<string, number[]>> {
  if (st.isTensor(tree)) return new Map([[path, Array.from((await tree.data()) as Float64Array)]]);
  const parts = await Promise.all(Object.entries(tree).map(([name, item]) => numbersOf(item, path ? `${path}.${name}` : name)));
  return new Map(parts.flatMap((part) => [...part]));
}

/** Largest |a - b| over the root mean square of b, over all tensors of a run. */
function distance(a: Map<string, number[]>, b: Map<string, number[]>): number {
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  return Math.max(
    ...Array.from(b, ([name, wanted]) => {
      const rms = Math.sqrt(wanted.reduce((s, v) => s + v * v, 0) / wanted.length);
      return Math.max(...wanted.map((v, i) => Math.abs(v - a.get(name)![i]!))) / rms;
    }),
  );
}

describe("ten steps are PyTorch's, in f64", async () => {
  const { tree } = (await st.load(golden("optim.safetensors"))) as any;
  it("of every run", () => expect(Object.keys(tree.f64).sort()).toEqual(Object.keys(runs).sort()));
  // How rounding grows on the way: PyTorch's own f32 against its f64, the worst of all runs, each of which is one sample.
  const grown = await Promise.all(Object.keys(runs).map(async (name) => distance(await numbersOf(tree.f32[name]), await numbersOf(tree.f64[name]))));
  const growth = Math.max(epsilon.f32, ...grown) / epsilon.f32;
  for (const [name, run] of Object.entries(runs)) {
    it(name, async () => {
      const error = distance(await numbersOf(train(run, tree)), await numbersOf(tree.f64[name]));
      // Theirs is off by one such error, and ours may be by two.
      expect(error).toBeLessThanOrEqual(3 * growth * epsilon.f64);
    });
  }
});
