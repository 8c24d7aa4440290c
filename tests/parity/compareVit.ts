import * as models from "../../src/models/index.ts";
import * as optim from "../../src/optim/index.ts";
import * as st from "../../src/index.ts";

type Tree = any;
export const dtypes = ["f64", "f32"] as const;
const epsilon = { f64: 2 ** -52, f32: 2 ** -23 } as const;

const mapTree = (tree: Tree, f: (leaf: st.Tensor) => st.Tensor): Tree => {
  if (tree instanceof st.Tensor) return f(tree);
  if (Array.isArray(tree)) return tree.map((item) => mapTree(item, f));
  return Object.fromEntries(Object.entries(tree).map(([key, item]) => [key, mapTree(item, f)]));
};
function* leavesOf(tree: Tree, path: string): Generator<[string, st.Tensor]> {
  if (tree instanceof st.Tensor) yield [path, tree];
  else for (const [key, item] of Object.entries(tree)) yield* leavesOf(item, `${path}.${key}`);
}

/** What make/vit.py computes, by steppe. */
export function ours(golden: Tree, dtype: "f64" | "f32"): Tree {
  const net = models.vit({ image: 8, patch: 4, classes: 3, hidden: 8, layers: 2, heads: 2, dtype });
  const params = mapTree(golden.params, (x) => x.cast(dtype)),
    tangent = mapTree(golden.tangent, (x) => x.cast(dtype));
  const batch = (i: number): [st.Tensor, st.Tensor] => [golden.images.at(i).cast(dtype), golden.labels.at(i)];
  const forward = (p: Tree, x: st.Tensor): st.Tensor => net.apply({ params: p, state: {} }, x).out;
  const loss = (p: Tree, x: st.Tensor, y: st.Tensor): st.Tensor => st.crossEntropy(forward(p, x), y);
  const train = (gradient: (...args: any[]) => [any, any]): Tree => {
    const opt = optim.adamw({ lr: 1e-2, weightDecay: 0.1 });
    const step = st.compile((p: Tree, state: any, x: any, y: any) => {
      const [value, grads] = gradient(p, x, y);
      return { value, ...opt.step(p, grads, state) };
    });
    const losses: st.Tensor[] = [];
    let p = params,
      state = opt.init(params);
    for (let i = 0; i < 5; i++) {
      const done = step(p, state, ...batch(i));
      losses.push(done.value);
      ({ params: p, state } = done);
    }
    return { losses: st.stack(losses), params: p };
  };
  const [images, labels] = batch(0),
    [value, grads] = st.valueAndGrad(loss)(params, images, labels);
  return {
    logits: forward(params, images),
    loss: value,
    grads,
    hvp: st.hvp(loss)(params, tangent, images, labels),
    adamw: train(st.valueAndGrad(loss) as any),
    sam: train(optim.sam(loss, { rho: 0.05 })),
  };
}

/** Softmax sees only differences of keys, so the gradient of their bias (the middle third) is rounding, which Adam's division blows up: left out after training. */
async function numbersOf(name: string, x: st.Tensor): Promise<number[]> {
  const all = Array.from((await x.data()) as Float64Array);
  return /params.*qkv\.bias/.test(name) ? all.filter((_, i) => Math.floor((3 * i) / all.length) !== 1) : all;
}

export interface Difference {
  readonly name: string;
  /** Largest |ours - theirs| over the root mean square of theirs. */
  readonly error: number;
  readonly allowed: number;
}

/** Largest |a - b| over the root mean square of b. */
function distance(a: readonly number[], b: readonly number[]): number {
  const rms = Math.sqrt(b.reduce((s, v) => s + v * v, 0) / b.length);
  return Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(rms, Number.MIN_VALUE);
}

/** How rounding grows on the way to each quantity (logits, grads, hvp, ...): PyTorch's own f32 against its f64, in units of f32's epsilon. */
async function growths(golden: Tree): Promise<Map<string, number>> {
  const exact = new Map(leavesOf(golden.f64, ""));
  const found = new Map<string, number>();
  for (const [name, x] of leavesOf(golden.f32, "")) {
    const error = distance(await numbersOf(name, x), await numbersOf(name, exact.get(name)!)) / epsilon.f32;
    found.set(quantityOf(name), Math.max(found.get(quantityOf(name)) ?? 1, error));
  }
  // A step of training goes through a gradient, so what it makes is at least as uncertain (one f32 run is one sample of that).
  for (const trained of ["adamw", "sam"]) found.set(trained, Math.max(found.get(trained)!, found.get("grads")!));
  return found;
}
const quantityOf = (name: string): string => name.split(".")[1]!;

export async function differences(golden: Tree, dtype: "f64" | "f32"): Promise<Difference[]> {
  const theirs = new Map(leavesOf(golden[dtype], dtype)),
    growth = await growths(golden),
    found: Difference[] = [];
  for (const [name, x] of leavesOf(ours(golden, dtype), dtype)) {
    const wanted = theirs.get(name);
    if (wanted === undefined || wanted.dtype !== x.dtype || String(wanted.shape) !== String(x.shape))
      throw new Error(`${name}: ${x.dtype} [${x.shape}] is not what PyTorch has`);
    const error = distance(await numbersOf(name, x), await numbersOf(name, wanted));
    // Theirs is off by one such error, and ours may be by two.
    found.push({ name, error, allowed: 3 * growth.get(quantityOf(name))! * epsilon[dtype] });
    theirs.delete(name);
  }
  if (theirs.size > 0) throw new Error(`not computed: ${[...theirs.keys()].join(", ")}`);
  return found;
}
