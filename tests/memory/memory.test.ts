import { beforeEach, describe, expect, test } from "vitest";
import * as st from "../../src/index.ts";

const inUse = () => st.memory()[st.devices()[0]!.name]!;
const settle = async () => {
  for (let i = 0; i < 5; i++) {
    globalThis.gc!();
    await new Promise((next) => setTimeout(next, 5));
  }
};

beforeEach(settle);

describe("who owns memory", () => {
  test("dispose gives a computed tensor's bytes back at once; twice is harmless", async () => {
    const before = inUse();
    const x = st.ones([1000]).add(1);
    await st.evaluate(x);
    expect(inUse().bytesInUse).toBeGreaterThanOrEqual(before.bytesInUse + 4000);
    x.dispose();
    x.dispose();
    expect(inUse().bytesInUse).toBe(before.bytesInUse);
    expect(() => x.add(1)).toThrow(/ERR_DISPOSED|live tensor/);
  });
  test("using disposes at the end of the block", () => {
    const before = inUse().tensors;
    {
      using x = st.ones([10]);
      using y = x.add(1);
      expect(y.shape).toEqual([10]);
      expect(inUse().tensors).toBe(before + 2);
    }
    expect(inUse().tensors).toBe(before);
  });
  test("a lazy tensor keeps what it is made of, though that was disposed", async () => {
    const x = st.tensor([1, 2, 3]);
    await st.evaluate(x);
    const y = x.mul(2);
    x.dispose();
    expect(await y.array()).toEqual([2, 4, 6]);
    y.dispose();
  });
  test("tidy, sync and async, keeps what is returned; an error frees everything", async () => {
    const before = inUse().tensors;
    const kept = st.tidy(() => ({ y: st.ones([3]).exp().sum() }));
    const later = await st.tidy(async () => {
      const x = st.ones([3]).add(1);
      await st.evaluate(x);
      return [x.mul(2)];
    });
    expect(inUse().tensors).toBe(before + 2);
    expect(() =>
      st.tidy(() => {
        st.ones([3]);
        throw new Error("no");
      }),
    ).toThrow("no");
    await expect(
      st.tidy(async () => {
        st.ones([3]);
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    expect(inUse().tensors).toBe(before + 2);
    kept.y.dispose();
    later[0]!.dispose();
    expect(inUse().tensors).toBe(before);
  });
  test("interleaved async tidies keep to their own tensors", async () => {
    const before = inUse().tensors;
    const work = (n: number) =>
      st.tidy(async () => {
        const x = st.full([4], n);
        await new Promise((next) => setTimeout(next, 1 + (n % 3)));
        const y = x.add(1);
        await st.evaluate(y);
        return y;
      });
    const all = await Promise.all([1, 2, 3, 4, 5].map(work));
    expect(inUse().tensors).toBe(before + 5);
    expect(await Promise.all(all.map(async (y) => (await y.data())[0]))).toEqual([2, 3, 4, 5, 6]);
    for (const y of all) y.dispose();
  });
  test("what a traced function makes inside is gone after the call", async () => {
    const x = st.tensor([1, 2, 3]);
    const before = inUse().tensors;
    const g = st.grad((p: st.Tensor) => p.mul(2).exp().sum())(x);
    expect(inUse().tensors).toBe(before + 1);
    await st.evaluate(g);
    g.dispose();
    x.dispose();
  });
  test("a pullback and a pushforward hold what they need, though the primal is disposed", async () => {
    const x = st.tensor([1, 2]);
    const [y, pullback] = st.vjp((p: st.Tensor) => p.mul(p), x);
    const [z, push] = st.linearize((p: st.Tensor) => p.mul(p), x);
    await st.evaluate(y, z);
    x.dispose();
    y.dispose();
    expect(await pullback(st.tensor([1, 1]))[0].array()).toEqual([2, 4]);
    expect(await (push as any)(st.tensor([3, 1])).array()).toEqual([6, 4]);
  });
  test("a pushforward works after the output was computed, whatever was kept", async () => {
    const x = st.tensor([0.5, 1]);
    const [y, push] = st.linearize((p: st.Tensor) => p.exp().mul(p.sin()).add(p.exp()), x);
    await st.evaluate(y);
    const wanted = [0.5, 1].map((v) => Math.exp(v) * (Math.sin(v) + Math.cos(v) + 1));
    const got = await (push as any)(st.tensor([1, 1])).array();
    for (const i of [0, 1]) expect(got[i]).toBeCloseTo(wanted[i]!, 5);
  });
  test("linearize computes the primal pass once", async () => {
    const x = st.tensor([[0.5, 1]]),
      w = st.tensor([
        [1, 2],
        [3, 4],
      ]);
    const [y, push] = st.linearize((p: st.Tensor) => p.matmul(w).exp().sum(), x);
    const first = await (push as any)(st.tensor([[1, 0]])).item();
    expect(first).toBeCloseTo(Math.exp(3.5) + 2 * Math.exp(5), 3);
    // Only the tangent is multiplied; elementwise work may be done again where that keeps less.
    const { kernels } = await st.profile(async () => {
      await (push as any)(st.tensor([[0, 1]])).item();
    });
    expect(kernels.reduce((calls, k) => calls + (k.name.startsWith("matmul") ? k.calls : 0), 0)).toBe(1);
    y.dispose();
  });
  test("dropped tensors that were computed are freed by the collector, and counted as leaks", async () => {
    const before = inUse().leaked;
    await (async () => {
      for (let i = 0; i < 50; i++) await st.evaluate(st.ones([1000]).add(i));
    })();
    await settle();
    expect(inUse().leaked - before).toBeGreaterThan(25);
  });
});

describe("memory is flat", () => {
  const network = (key = st.random.key(0)) => {
    const draw = (n: number, ...shape: number[]) => st.random.normal(st.random.foldIn(key, n), shape);
    const x = draw(1, 16, 8),
      y = draw(2, 16, 2);
    const loss = (p: { a: st.Tensor; b: st.Tensor }) => x.matmul(p.a).tanh().matmul(p.b).sub(y).square().mean();
    return { loss, params: { a: draw(3, 8, 8).mul(0.3), b: draw(4, 8, 2).mul(0.3) } };
  };
  const flat = async (steps: number, advance: (i: number) => Promise<void>) => {
    for (let i = 0; i < 50; i++) await advance(i);
    await settle();
    const before = inUse();
    for (let i = 0; i < steps; i++) await advance(i);
    await settle();
    const after = inUse();
    expect([after.bytesInUse, after.tensors, after.leaked]).toEqual([before.bytesInUse, before.tensors, before.leaked]);
  };

  test("over compiled steps with donation, which write over what they were given", async () => {
    const { loss, params } = network();
    const step = st.compile(
      (p: typeof params) => {
        const [value, g] = st.valueAndGrad(loss)(p);
        return { params: { a: p.a.sub(g.a.mul(0.1)), b: p.b.sub(g.b.mul(0.1)) }, value };
      },
      { donate: [0] },
    );
    let state = step(params);
    await flat(300, async (i) => {
      state.value.dispose();
      state = step(state.params);
      if (i % 10 === 0) await st.evaluate(state);
    });
    expect(step.explain()).toContain("(2 in donated memory)");
    expect(Number.isFinite(await state.value.item())).toBe(true);
    step.dispose();
  });
  test("over eager Hessian-vector products in tidy", async () => {
    const { loss, params } = network();
    await st.evaluate(params);
    await flat(60, async () => {
      await st.tidy(async () => {
        await st.evaluate(st.hvp(loss)(params, params));
      });
    });
  });
  test("when results are thrown away by errors", async () => {
    await flat(30, async () => {
      await st.tidy(async () => {
        const x = st.ones([8, 8]);
        expect(() => x.matmul(st.ones([7, 7]) as never)).toThrow(/inner dimensions/);
        await st.evaluate(x.add(1));
      });
    });
  });
});

describe("backpressure", () => {
  test("a thousand evaluations at once wait for each other and are all right", async () => {
    const x = st.ones([64, 64]);
    await st.evaluate(x);
    const sums = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        st.tidy(async () => {
          const y = x.mul(i).matmul(x).sum();
          await st.evaluate(y);
          return y.item();
        }),
      ),
    );
    expect(sums).toEqual(Array.from({ length: 1000 }, (_, i) => i * 64 ** 3));
  });
  test("what is out of memory rejects, and the next evaluation is right", async () => {
    await expect(st.evaluate(st.ones([1e7, 1e7]).add(1))).rejects.toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
    expect(await st.ones([3]).add(1).array()).toEqual([2, 2, 2]);
  });
});

describe("forced work", () => {
  test("a graph that nobody evaluates is run at 50,000 nodes, with a warning that names the operation", async () => {
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    let x = st.tensor([0]);
    await st.evaluate(x);
    for (let i = 0; i < 60_000; i++) x = x.add(1);
    expect((await warned).message).toContain("add");
    expect(await x.item()).toBe(60_000);
  }, 60_000);
});
