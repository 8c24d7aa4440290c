import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import * as nn from "../../src/nn/index.ts";
import { expectClose, f64, leavesOf, st } from "./helpers.ts";

const all = () => true;
const key = st.random.key(4);

/** Scales and heads that start as zeros hide what is behind them. */
const moved = (tree: any): any => {
  if (tree instanceof st.Tensor) return tree.add(f64(3, ...tree.shape).mul(0.1));
  if (Array.isArray(tree)) return tree.map(moved);
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, moved(item)]));
};
function ready(net: models.Model<any>) {
  const { params, state } = net.init(key) as any;
  const { image, channels } = net.config;
  return { variables: { params: moved(params), state }, x: f64(1, 2, image, image, channels) };
}

const vit = models.vit({ image: 8, patch: 4, classes: 3, hidden: 6, layers: 2, heads: 2, dtype: "f64" });
const mixer = models.mixer({ image: 8, patch: 4, classes: 3, hidden: 6, layers: 2, dtype: "f64" });
const basic = models.resnet({ image: 8, classes: 3, blocks: [1, 2], block: "basic", width: 4, stem: "cifar", dtype: "f64" });
const bottleneck = models.resnet({ image: 16, classes: 3, blocks: [1], width: 4, dtype: "f64" });

describe("observe", () => {
  const rows: [net: models.Model<any>, wanted: Record<string, number[]>][] = [
    [
      vit,
      Object.fromEntries(
        [0, 1].flatMap((i) => [
          [`blocks.${i}.attention.weights`, [2, 2, 5, 5]],
          [`blocks.${i}.mlp.hidden`, [2, 5, 24]],
        ]),
      ),
    ],
    [
      mixer,
      Object.fromEntries(
        [0, 1].flatMap((i) => [
          [`blocks.${i}.tokens.hidden`, [2, 3, 6]],
          [`blocks.${i}.channels.hidden`, [2, 4, 24]],
        ]),
      ),
    ],
    [
      basic,
      {
        "stage1.0.relu1": [2, 8, 8, 4],
        "stage1.0.relu2": [2, 8, 8, 4],
        "stage2.0.relu1": [2, 4, 4, 8],
        "stage2.0.relu2": [2, 4, 4, 8],
        "stage2.1.relu1": [2, 4, 4, 8],
        "stage2.1.relu2": [2, 4, 4, 8],
      },
    ],
    [bottleneck, { "stage1.0.relu1": [2, 4, 4, 4], "stage1.0.relu2": [2, 4, 4, 4], "stage1.0.relu3": [2, 4, 4, 16] }],
  ];
  for (const [net, wanted] of rows) {
    it(`${net.name}: names and shapes, and the output is what it is without`, async () => {
      const { variables, x } = ready(net);
      const { out, seen } = net.apply(variables, x, { observe: all });
      expect(Object.fromEntries(Object.entries(seen).map(([name, value]) => [name, [...value.shape]]))).toEqual(wanted);
      expectClose(await out.data(), await net.apply(variables, x).out.data(), 1e-14);
    });
  }

  it("attention weights are the softmax of q k^T / sqrt(D)", async () => {
    const { variables, x } = ready(vit);
    const { seen } = vit.apply(variables, x, { observe: (path) => path === "blocks.0.attention.weights" });
    expect(Object.keys(seen)).toEqual(["blocks.0.attention.weights"]);
    const p = variables.params,
      block = p.blocks[0];
    const embedded = st.concat([p.cls.broadcastTo([2, 1, 6]), st.patchEmbed(x, p.embed.kernel, p.embed.bias, { patch: 4 })], { axis: 1 });
    const normed = st.layerNorm(embedded.add(p.position), block.norm1.scale, block.norm1.bias, { eps: 1e-6 });
    const packed = (await normed.matmul(block.attention.qkv.kernel).add(block.attention.qkv.bias).array()) as number[][][];
    const wanted: number[] = [];
    for (const tokens of packed) {
      for (const head of [0, 1]) {
        for (const query of tokens) {
          const scores = tokens.map((one) => [0, 1, 2].reduce((s, d) => s + query[head * 3 + d]! * one[6 + head * 3 + d]!, 0) / Math.sqrt(3));
          const exps = scores.map(Math.exp),
            total = exps.reduce((a, b) => a + b);
          wanted.push(...exps.map((e) => e / total));
        }
      }
    }
    expectClose(await seen["blocks.0.attention.weights"]!.data(), wanted, 1e-12);
  });

  it("hidden units are what GELU gives, and the last ReLU is what the block gives", async () => {
    const mlp = nn.mlp(4, 5, { dtype: "f64" }),
      { params, state } = mlp.init(key) as any,
      x = f64(2, 3, 4);
    const { seen } = mlp.apply({ params, state }, x, { observe: all });
    const wanted = st.gelu(x.matmul(params.fc1.kernel).add(params.fc1.bias), { approximate: "tanh" });
    expectClose(await seen.hidden!.data(), await wanted.data(), 1e-13);
    const net = ready(basic),
      last = basic.apply(net.variables, net.x, { observe: all }).seen["stage2.1.relu2"]!;
    const { kernel, bias } = net.variables.params.head;
    expectClose(
      await basic.apply(net.variables, net.x).out.data(),
      await last
        .mean({ axis: [1, 2] })
        .matmul(kernel)
        .add(bias)
        .data(),
      1e-12,
    );
    expect(Math.min(...(await last.data()))).toBe(0);
  });

  it("passes through gradients, vmap and compile", async () => {
    const { variables, x } = ready(vit),
      path = "blocks.1.mlp.hidden";
    const hidden = (p: any, images: any) => vit.apply({ params: p, state: {} }, images, { observe: (at) => at === path }).seen[path]!;
    const plain = await hidden(variables.params, x).data();
    expectClose(await st.compile(hidden)(variables.params, x).data(), plain, 1e-13);
    const one = (image: any) => hidden(variables.params, image.expandDims(0)).at(0);
    expectClose(await st.vmap(one)(x).data(), plain, 1e-13);
    const loss = (p: any, images: any) => [vit.apply({ params: p, state: {} }, images).out.sum(), hidden(p, images)] as const;
    const [[, aux]] = st.valueAndGrad(loss, { hasAux: true })(variables.params, x);
    expectClose(await aux.data(), plain, 1e-13);
    const slope = st.grad((p: any) => hidden(p, x).sum())(variables.params) as any;
    expect(Math.max(...(await slope.embed.kernel.data()).map(Math.abs))).toBeGreaterThan(0);
  });

  it("outlives a tidy, and leaves no memory behind", async () => {
    const { variables, x } = ready(vit);
    await st.evaluate(variables, x);
    const device = x.device,
      before = st.memory()[device]!.bytesInUse;
    const { out, seen } = st.tidy(() => vit.apply(variables, x, { observe: all }));
    await st.evaluate(out, seen);
    for (const made of [out, ...leavesOf(seen)]) made.dispose();
    expect(st.memory()[device]!.bytesInUse).toBe(before);
  });

  it("costs nothing where it is absent or accepts nothing", async () => {
    const { variables, x } = ready(vit);
    expect("seen" in vit.apply(variables, x)).toBe(false);
    let asked = 0;
    const noting = nn.module({
      name: "noting",
      forward(call, input) {
        call.note("twice", () => {
          asked++;
          return input.mul(2);
        });
        return input;
      },
    });
    const wrapped = nn.sequential([noting]),
      variablesOf = wrapped.init(key);
    wrapped.apply(variablesOf, x);
    expect(wrapped.apply(variablesOf, x, { observe: (path) => path === "twice" }).seen).toEqual({});
    expect(asked).toBe(0);
    expect(Object.keys(wrapped.apply(variablesOf, x, { observe: (path) => path === "layers.0.twice" }).seen)).toEqual(["layers.0.twice"]);
    expect(asked).toBe(1);
  });
});
