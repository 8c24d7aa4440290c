import { describe, expect, it } from "vitest";
import { filterDirection, landscape } from "../../src/analysis/landscape.ts";
import * as models from "../../src/models/index.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, st, vector } from "./helpers.ts";

const key = st.random.key(3);

/** The norms of the filters, by plain loops: one a last index, or one in all. */
async function filterNorms(x: st.Tensor, whole: boolean): Promise<number[]> {
  const filters = whole ? 1 : x.shape.at(-1)!,
    squares = new Array<number>(filters).fill(0);
  Array.from((await x.data()) as Float64Array).forEach((v, i) => {
    squares[i % filters]! += v * v;
  });
  return squares.map(Math.sqrt);
}

describe("filterDirection", () => {
  const params = {
    dense: { kernel: f64(1, 5, 3), bias: f64(2, 3) },
    conv: f64(3, 3, 3, 2, 4),
    pointwise: f64(4, 1, 1, 2, 4),
    position: f64(5, 1, 4, 6),
    rate: f64(6),
  };

  it("has filters as long as the weights', and leaves biases where they are", async () => {
    const d = filterDirection(params, key);
    // Each norm is a sum of n squares and a root: at most about n + 3 roundings on either side.
    for (const [w, v, whole, n] of [
      [params.dense.kernel, d.dense.kernel, false, 5],
      [params.conv, d.conv, false, 18],
      [params.pointwise, d.pointwise, false, 2],
      [params.position, d.position, true, 24],
    ] as const)
      expectClose(await filterNorms(v, whole), await filterNorms(w, whole), 2 * (n + 3) * 2 ** -52);
    expect(await flatNumbers([d.dense.bias, d.rate])).toEqual([0, 0, 0, 0]);
  });

  it("is the normal numbers of the key, scaled", async () => {
    const again = await flatNumbers(filterDirection(params, key)),
      other = await flatNumbers(filterDirection(params, st.random.key(4)));
    expect(await flatNumbers(filterDirection(params, key))).toEqual(again);
    expect(other.filter((v, i) => v === again[i] && v !== 0)).toEqual([]);
    const [a, b] = leavesOf(filterDirection({ a: f64(1, 400, 2), b: f64(1, 400, 2) }, key));
    const cosine = await a!
      .mul(b!)
      .sum()
      .div(f64(1, 400, 2).square().sum())
      .item();
    expect(Math.abs(cosine)).toBeLessThan(0.2); // of 800 numbers: more than five standard deviations
  });

  it("of zeros is zero, in the weights' dtype", async () => {
    const d = filterDirection({ w: st.zeros([3, 2]) }, key);
    expect(d.w.dtype).toBe("f32");
    expect((await flatNumbers(d)).map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("is of floats", async () => {
    await expectCode("ERR_DTYPE", () => filterDirection({ w: st.tensor([[1, 2]], { dtype: "i32" }) }, key));
    await expectCode("ERR_ARGUMENT", () => filterDirection({}, key));
  });
});

describe("landscape", () => {
  // L(w) = mean over rows x of (x . w - y)^2 / 2, whose second derivative along d is mean (x . d)^2
  const params = { w: f64(7, 4, 1) };
  const loss = (p: any, x: any, y: any) => x.matmul(p.w).sub(y).square().mean().mul(0.5);
  const batches = [
    [f64(8, 6, 4), f64(9, 6, 1)],
    [f64(10, 6, 4), f64(11, 6, 1)],
  ];
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const lossAt = async (w: st.Tensor) => mean(await Promise.all(batches.map(([x, y]) => loss({ w }, x, y).item() as Promise<number>)));
  const direction = (k: number): st.Tensor => filterDirection(params, st.random.foldIn(key, k)).w;

  it("of a quadratic is its parabola, with the loss in the middle", async () => {
    const { axis, loss: line } = await landscape(loss, params, batches, { points: 5, radius: 2, dimensions: 1, key });
    expect(axis).toEqual([-2, -1, 0, 1, 2]);
    const d = direction(0);
    const slope = mean(
      await Promise.all(batches.map(([x, y]) => x!.matmul(params.w).sub(y!).mul(x!.matmul(d)).mean().item() as unknown as Promise<number>)),
    );
    const bend = mean(await Promise.all(batches.map(([x]) => x!.matmul(d).square().mean().item() as unknown as Promise<number>)));
    const at0 = await lossAt(params.w);
    expectClose([line[2]!], [at0], 1e-14);
    expectClose(
      line,
      axis.map((a) => at0 + a * slope + (a * a * bend) / 2),
      1e-13,
    );
  });

  it("along two directions holds that along one, and the loss at every corner", async () => {
    const plane = await landscape(loss, params, batches, { points: 3, key }),
      line = await landscape(loss, params, batches, { points: 3, dimensions: 1, key });
    expect(plane.axis).toEqual([-1, 0, 1]);
    expectClose(
      plane.loss.map((row) => row[1]!),
      line.loss,
      1e-14,
    );
    const [d1, d2] = [direction(0), direction(1)];
    const wanted = await Promise.all([-1, 0, 1].flatMap((a) => [-1, 0, 1].map((b) => lossAt(params.w.add(d1.mul(a)).add(d2.mul(b))))));
    expectClose(plane.loss.flat(), wanted, 1e-13);
  });

  it("is decided by the key", async () => {
    const of = async (seed: number) => (await landscape(loss, params, batches, { points: 4, dimensions: 1, key: st.random.key(seed) })).loss;
    expect(await of(1)).toEqual(await of(1));
    expect(await of(1)).not.toEqual(await of(2));
  });

  it("records the loss once for all points, says how far it is, and keeps memory flat", async () => {
    const net = models.create("vit-ti/4", { image: 8, classes: 3, hidden: 8, heads: 2, layers: 2 }),
      variables = net.init(st.random.key(0)),
      images = st.random.normal(st.random.key(1), [4, 8, 8, 3]),
      labels = st.tensor([0, 1, 2, 0], { dtype: "i32" });
    await st.evaluate(variables, images, labels);
    const inUse = () => st.memory()[images.device]!.bytesInUse;
    const before = inUse(),
      seen: number[] = [],
      held: number[] = [];
    let recorded = 0;
    const crossEntropy = (p: any, x: any, y: any) => {
      recorded++;
      return st.crossEntropy(net.apply({ params: p, state: variables.state }, x).out, y);
    };
    const { loss: plane } = await landscape(crossEntropy, variables.params, [[images, labels]], {
      points: 5,
      onPoint: (done, all) => {
        seen.push(done / all);
        held.push(inUse());
      },
    });
    expect(recorded).toBe(1);
    expect(seen).toEqual(Array.from({ length: 25 }, (_, i) => (i + 1) / 25));
    expect(new Set(held.slice(1)).size).toBe(1);
    expect(inUse()).toBe(before);
    expect(plane.flat().every(Number.isFinite)).toBe(true);
    const at = await crossEntropy(variables.params, images, labels).item();
    expectClose([plane[2]![2]!], [at], 8 * 2 ** -23);
  });

  it("says what is wrong", async () => {
    const of = (options: any, list: any = batches) => landscape(loss, params, list, options);
    for (const points of [1, 2.5, "5", undefined]) await expectCode("ERR_ARGUMENT", () => of({ points }));
    for (const radius of [0, -1, Number.NaN]) await expectCode("ERR_ARGUMENT", () => of({ points: 3, radius }));
    const error = await expectCode("ERR_ARGUMENT", () => of({ points: 3, dimensions: 3 }));
    expect(error.message).toBe("[landscape] dimensions must be 1 or 2, got 3");
    await expectCode("ERR_ARGUMENT", () => of({ points: 3 }, []));
    await expectCode("ERR_DTYPE", () => landscape(loss, { w: vector(1).cast("i32") }, batches, { points: 3 }));
  });
});
