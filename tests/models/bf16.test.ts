import { expect, it } from "vitest";
import * as st from "../../src/index.ts";
import * as models from "../../src/models/index.ts";

type Tree = any;
const map = (tree: Tree, f: (x: st.Tensor) => st.Tensor): Tree =>
  st.isTensor(tree)
    ? f(tree)
    : Array.isArray(tree)
      ? tree.map((x) => map(x, f))
      : Object.fromEntries(Object.entries(tree).map(([name, x]) => [name, map(x, f)]));

const layers = 2,
  sizes = { image: 16, classes: 10, patch: 4, hidden: 64, layers } as const;
const nets = {
  vit: (dtype: "bf16" | "f64") => models.vit({ ...sizes, heads: 4, dtype }),
  mixer: (dtype: "bf16" | "f64") => models.mixer({ ...sizes, dtype }),
};
/** Values that a block stores, each rounded to bf16: norm, three products or attention, activation and sum, twice. */
const roundings = 10;

for (const [name, make] of Object.entries(nets)) {
  it(`the gradient of a ${name} in bf16 is off by the roundings of what is stored`, async () => {
    const root = st.random.key(3);
    const params = map(make("f64").init(root).params, (x) => x.add(st.random.normal(root, x.shape).cast("f64").mul(0.05)).cast("bf16")),
      images = st.random.normal(st.random.key(1), [32, 16, 16, 3]).cast("bf16"),
      labels = st.arange(32, { dtype: "i32" }).mod(10);
    const gradientOf = async (dtype: "bf16" | "f64"): Promise<number[]> => {
      const net = make(dtype);
      const loss = (p: Tree): st.Tensor => st.crossEntropy(net.apply({ params: p, state: {} }, images.cast(dtype)).out.cast("f64"), labels);
      const leaves: st.Tensor[] = [];
      map((st.grad(loss) as any)(map(params, (x) => x.cast(dtype))), (x) => {
        expect(x.dtype).toBe(dtype);
        leaves.push(x.cast("f64"));
        return x;
      });
      return Array.from(await st.concat(leaves.map((x) => x.reshape([-1]))).data());
    };
    const [half, exact] = await Promise.all([gradientOf("bf16"), gradientOf("f64")]);
    const length = (x: readonly number[]): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
    // A rounding is off by at most 2^-9 of the value; as many again on the way back, at random; twice that for what cancels.
    expect(length(half.map((v, i) => v - exact[i]!)) / length(exact)).toBeLessThanOrEqual(2 * 2 ** -9 * Math.sqrt(2 * roundings * layers));
  });
}
