import { describe, expect, it } from "vitest";
import { imageDefaults, makeBlocks } from "../../src/models/model.ts";
import * as nn from "../../src/nn/index.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, st } from "./helpers.ts";

const key = st.random.key(3);
const net = nn.sequential([
  nn.dense(4, 8, { dtype: "f64" }),
  nn.activation((x) => x.tanh()),
  nn.residual(nn.sequential([nn.layerNorm(8, { dtype: "f64" }), nn.dense(8, 8, { dtype: "f64" })])),
  nn.dropout(0.5),
  nn.dense(8, 2, { dtype: "f64" }),
]);

describe("modules", () => {
  it("compose: shapes and init agree", () => {
    const { params, state } = net.init(key);
    expect(leavesOf(params).map((p) => [...p.shape])).toEqual(leavesOf<any>(net.shapes().params).map((p) => [...p.shape]));
    expect(leavesOf(state)).toEqual([]);
  });

  it("apply is the formula", async () => {
    const variables = net.init(key),
      x = f64(1, 5, 4),
      [first, , middle, , last] = (variables.params as any).layers;
    const hidden = x.matmul(first.kernel).add(first.bias).tanh(),
      [scale, inner] = middle.branch.layers;
    const branch = st.layerNorm(hidden, scale.scale, scale.bias, { eps: 1e-6 }).matmul(inner.kernel).add(inner.bias);
    const wanted = hidden.add(branch).matmul(last.kernel).add(last.bias);
    expectClose(await net.apply(variables, x).out.data(), await wanted.data(), 1e-13);
  });

  it("over the axis before the last is over the last of the transposed", async () => {
    const make = (axis: -1 | -2) => nn.mlp(4, 7, { dtype: "f64", biasInit: nn.init.normal(1), axis });
    const variables = make(-1).init(key),
      x = f64(1, 5, 4, 3);
    expectClose(await make(-2).apply(variables, x).out.data(), await make(-1).apply(variables, x.mT()).out.mT().data(), 1e-13);
  });

  it("attention is the formula", async () => {
    const attention = nn.multiHeadAttention(6, 2, { dtype: "f64" }),
      variables = attention.init(key),
      { qkv, out } = variables.params as any,
      x = f64(2, 2, 5, 6);
    const packed = x.matmul(qkv.kernel).add(qkv.bias),
      head = (i: number, h: number) => packed.at(null, null, [i * 6 + h * 3, i * 6 + h * 3 + 3]);
    const heads = [0, 1].map((h) =>
      st
        .softmax(
          head(0, h)
            .matmul(head(1, h).mT())
            .mul(1 / Math.sqrt(3)),
        )
        .matmul(head(2, h)),
    );
    const wanted = st.concat(heads, { axis: 2 }).matmul(out.kernel).add(out.bias);
    expectClose(await attention.apply(variables, x).out.data(), await wanted.data(), 1e-13);
  });

  it("batch norm: of the batch in training, of the running statistics otherwise", async () => {
    const norm = nn.batchNorm(2, { dtype: "f64", eps: 1e-5 }),
      params = { scale: f64(1, 2), bias: f64(2, 2) },
      state = { mean: f64(3, 2), variance: f64(4, 2).square().add(0.5) },
      x = f64(5, 4, 3, 3, 2);
    const count = 36,
      mean = x.mean({ axis: [0, 1, 2] }),
      variance = x.variance({ axis: [0, 1, 2] });
    const formula = (m: any, v: any) => x.sub(m).div(v.add(1e-5).sqrt()).mul(params.scale).add(params.bias);
    const trained = norm.apply({ params, state }, x, { train: true }),
      tested = norm.apply({ params, state }, x);
    expectClose(await trained.out.data(), await formula(mean, variance).data(), 1e-12);
    expectClose(await tested.out.data(), await formula(state.mean, state.variance).data(), 1e-12);
    const moved = { mean: state.mean.mul(0.9).add(mean.mul(0.1)), variance: state.variance.mul(0.9).add(variance.mul((0.1 * count) / (count - 1))) };
    expectClose(await flatNumbers(trained.state), await flatNumbers(moved), 1e-12);
  });

  describe("stochastic depth", () => {
    it("drops a share of whole samples and scales the others, in training only", async () => {
      const rate = 0.3,
        samples = 2000,
        path = nn.dropPath(rate),
        variables = path.init(key),
        x = f64(1, samples, 2, 3);
      expect(await path.apply(variables, x).out.data()).toEqual(await x.data());
      const [before, after] = [(await x.data()) as Float64Array, (await path.apply(variables, x, { train: true, key }).out.data()) as Float64Array];
      let kept = 0;
      for (let i = 0; i < samples; i++) {
        const scale = after[6 * i] === 0 ? 0 : 1 / (1 - rate);
        if (scale > 0) kept++;
        for (let j = 6 * i; j < 6 * i + 6; j++) expect(Math.abs(after[j]! - scale * before[j]!)).toBeLessThanOrEqual(1e-15);
      }
      // Five standard deviations of the binomial distribution.
      expect(Math.abs(kept - samples * (1 - rate))).toBeLessThan(5 * Math.sqrt(samples * rate * (1 - rate)));
      await expectCode("ERR_ARGUMENT", () => path.apply(variables, x, { train: true }));
    });

    it("of a block is a mask for each branch of each sample", async () => {
      const make = (dropPath: number) => nn.transformerBlock(4, { heads: 2, mlp: 8, dropPath, dtype: "f64" });
      const block = make(0.5),
        variables = block.init(key),
        p = variables.params as any,
        samples = 64,
        x = f64(2, samples, 3, 4);
      expect(await flatNumbers(p)).toEqual(await flatNumbers(make(0).init(key).params));
      const norm = (y: any, { scale, bias }: any) => st.layerNorm(y, scale, bias, { eps: 1e-6 });
      const attended = nn.multiHeadAttention(4, 2, { dtype: "f64" }).apply({ params: p.attention, state: {} }, norm(x, p.norm1)).out;
      const outcomes = [0, 2].flatMap((first) => {
        const middle = x.add(attended.mul(first)),
          made = nn.mlp(4, 8, { dtype: "f64" }).apply({ params: p.mlp, state: {} }, norm(middle, p.norm2)).out;
        return [0, 2].map((second) => middle.add(made.mul(second)));
      });
      const got = await block.apply(variables, x, { train: true, key }).out.data(),
        wanted = await Promise.all(outcomes.map((y) => y.data())),
        counts = [0, 0, 0, 0];
      for (let at = 0; at < got.length; at += 12) {
        const matches = wanted.map((y) => Math.max(...Array.from({ length: 12 }, (_, j) => Math.abs(y[at + j]! - got[at + j]!))) < 1e-12);
        expect(matches.filter(Boolean).length).toBe(1);
        counts[matches.indexOf(true)]!++;
      }
      // Each outcome has a chance of 1/4 a sample: that one never comes up in 64 has a chance below 5e-8.
      expect(Math.min(...counts)).toBeGreaterThan(0);
    });

    it("grows linearly with the depth to the last block's rate", () => {
      const ratesOf = (count: number) => {
        const rates: number[] = [];
        makeBlocks({ ...imageDefaults, dropPath: 0.3 }, count, (_, rate) => {
          rates.push(rate);
          return nn.dropPath(rate);
        });
        return rates;
      };
      expectClose(ratesOf(4), [0, 0.1, 0.2, 0.3], 1e-15);
      expect(ratesOf(1)).toEqual([0.3]);
    });
  });

  it("missing parameters are named", () => expectCode("ERR_ARGUMENT", () => nn.dense(2, 2).apply({ params: {}, state: {} }, f64(1, 2, 2))));

  it("state is kept and moved on", async () => {
    const counter = nn.module({
      name: "counter",
      dtype: "f64",
      state: { calls: { shape: [], init: nn.init.zeros } },
      forward(call, x) {
        call.keep("calls", call.state("calls").add(1));
        return x.mul(call.state("calls"));
      },
    });
    const twice = nn.sequential([counter, nn.activation((x) => x), counter]);
    const variables = twice.init(key),
      { out, state } = twice.apply(variables, f64(1, 2));
    expect(await flatNumbers(state)).toEqual([1, 1]);
    expectClose(
      await twice.apply({ params: variables.params, state }, f64(1, 2)).out.data(),
      Array.from(await out.data(), (v) => 4 * v),
      1e-15,
    );
  });

  it("is differentiable and compiles", async () => {
    const { params, state } = net.init(key),
      x = f64(1, 5, 4);
    const loss = (p: any, inputs: any) => net.apply({ params: p, state }, inputs).out.square().mean();
    const lazy = await flatNumbers(st.grad(loss)(params, x)),
      compiled = await flatNumbers(st.compile(st.grad(loss))(params, x));
    expect(lazy.some((v) => v !== 0)).toBe(true);
    expectClose(compiled, lazy, 1e-13);
  });
});
