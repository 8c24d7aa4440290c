import { describe, expect, it } from "vitest";
import * as st from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import type { Model } from "../../src/models/index.ts";
import * as optim from "../../src/optim/index.ts";
import { golden } from "./goldens.ts";

const sizes = { image: 16, classes: 4 } as const;
const adamw = optim.adamw({ lr: 1e-3, weightDecay: 2 ** -13 / 1e-3 });
/** What make/curves.py trains under the same name. */
const runs: Record<string, [Model<any>, optim.Optimizer]> = {
  vit: [models.vit({ ...sizes, patch: 4, hidden: 32, layers: 2, heads: 2 }), adamw],
  mixer: [models.mixer({ ...sizes, patch: 4, hidden: 32, layers: 2 }), adamw],
  resnet: [models.create("resnet-20", { ...sizes, width: 8 }), optim.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 5e-4 })],
};

async function lossesOf([net, opt]: [Model<any>, optim.Optimizer], { params, state = {} }: any, { images, labels, batches }: any): Promise<number[]> {
  const loss = (p: any, s: any, x: st.Tensor, y: st.Tensor): [st.Tensor, any] => {
    const { out, state: moved } = net.apply({ params: p, state: s }, x, { train: true });
    return [st.crossEntropy(out, y), moved];
  };
  const gradient = st.valueAndGrad(loss as any, { hasAux: true }) as any;
  const step = st.compile((p: any, s: any, o: any, picked: st.Tensor) => {
    const [[value, moved], grads] = gradient(p, s, st.take(images, picked, { axis: 0 }), st.take(labels, picked)),
      next = opt.step(p, grads, o);
    return { value, training: [next.params, moved, next.state] };
  });
  let training: any = [params, state, opt.init(params)];
  const losses: st.Tensor[] = [];
  for (let i = 0; i < batches.shape[0]; i++) {
    const done = step(...(training as [any, any, any]), batches.at(i));
    losses.push(done.value);
    training = done.training;
  }
  return Array.from((await st.stack(losses).data()) as Float32Array);
}

/** Steps that are compared: the first three, before rounding has grown, and each fifty. */
const windows = (steps: number): [number, number][] => [
  [0, 3],
  ...Array.from({ length: steps / 50 }, (_, w): [number, number] => [w * 50, w * 50 + 50]),
];
const mean = (x: readonly number[]): number => x.reduce((sum, v) => sum + v, 0) / x.length;
/** Root mean square of a - b. */
const distance = (a: readonly number[], b: readonly number[]): number => Math.sqrt(mean(a.map((v, i) => (v - b[i]!) ** 2)));

describe("the losses of 1,000 steps stay within the spread of PyTorch's own runs, which differ in the order of their sums", async () => {
  const { tree } = (await st.load(golden("curves.safetensors"))) as any;
  for (const [name, run] of Object.entries(runs)) {
    it(name, { timeout: 600_000 }, async () => {
      const ours = await lossesOf(run, tree[name], tree),
        theirs: number[][] = await tree[name].losses.array();
      /** How far the farthest two of theirs are from each other, by any measure. */
      const spread = (measure: (a: number[], b: number[]) => number): number =>
        Math.max(...theirs.flatMap((a, i) => theirs.slice(0, i).map((b) => measure(a, b))));
      const report = windows(ours.length).map(([from, to]) => {
        const measure = (a: number[], b: number[]): number => distance(a.slice(from, to), b.slice(from, to));
        return { from, to, nearest: Math.min(...theirs.map((run) => measure(ours, run))), spread: spread(measure) };
      });
      expect(report.length).toBe(21);
      expect(report.filter(({ nearest, spread }) => !(nearest <= spread))).toEqual([]);
      // On average over all steps: no farther outside their range than it is wide.
      const apart = (a: number[], b: number[]): number => Math.abs(mean(a) - mean(b));
      expect(Math.max(...theirs.map((run) => apart(ours, run)))).toBeLessThanOrEqual(2 * spread(apart));
    });
  }
});
