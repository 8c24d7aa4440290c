import { describe, expect, it } from "vitest";
import * as curvature from "../../src/curvature/index.ts";
import * as models from "../../src/models/index.ts";
import * as optim from "../../src/optim/index.ts";
import { expectClose, expectCode, f64, flatNumbers, isTensor, leavesOf, st, vector } from "./helpers.ts";

type Matrix = number[][];
const key = st.random.key(0);

/** Eigenvalues of a symmetric matrix, descending, by Jacobi's rotations. */
function eigenvalues(matrix: Matrix): number[] {
  const a = matrix.map((row) => [...row]),
    n = a.length;
  for (let sweep = 0; sweep < 30; sweep++) {
    for (let p = 0; p < n; p++) {
      for (let q = p + 1; q < n; q++) {
        if (a[p]![q] === 0) continue;
        const angle = (a[q]![q]! - a[p]![p]!) / (2 * a[p]![q]!),
          t = (angle < 0 ? -1 : 1) / (Math.abs(angle) + Math.hypot(angle, 1)),
          c = 1 / Math.hypot(t, 1),
          s = t * c;
        for (let k = 0; k < n; k++) [a[k]![p], a[k]![q]] = [c * a[k]![p]! - s * a[k]![q]!, s * a[k]![p]! + c * a[k]![q]!];
        for (let k = 0; k < n; k++) [a[p]![k], a[q]![k]] = [c * a[p]![k]! - s * a[q]![k]!, s * a[p]![k]! + c * a[q]![k]!];
      }
    }
  }
  return a.map((row, i) => row[i]!).sort((x, y) => y - x);
}

const mapTree = (tree: any, f: (x: st.Tensor, i: number) => st.Tensor): any => {
  let i = 0;
  const walk = (node: any): any => {
    if (isTensor(node)) return f(node, i++);
    return Array.isArray(node) ? node.map(walk) : Object.fromEntries(Object.entries(node).map(([name, item]) => [name, walk(item)]));
  };
  return walk(tree);
};
const labelsOf = (count: number, classes: number): st.Tensor =>
  st.tensor(
    Array.from({ length: count }, (_, i) => (i * i) % classes),
    { dtype: "i32" },
  );

/** A network in f64 after some steps of training, where the largest eigenvalue stands out, with its loss and images. */
function settle(net: models.Model<any>, count: number) {
  const { params, state } = net.init(key),
    { image, classes } = net.config;
  const batch = [st.random.normal(key, [count, image, image, 3], { dtype: "f64" }), labelsOf(count, classes)];
  const loss = (p: any, x: any, y: any) => st.crossEntropy(net.apply({ params: p, state }, x).out, y);
  const opt = optim.adamw({ lr: 1e-2 });
  const step = st.compile((p: any, s: any) => opt.step(p, st.grad(loss)(p, ...(batch as [any, any])), s));
  let trained = { params, state: opt.init(params) } as any;
  for (let i = 0; i < 10; i++) trained = step(trained.params, trained.state);
  return { loss, params: trained.params, batch };
}

describe("hessian of some of the parameters", () => {
  const sizes = [3, 4, 2];
  const params = {
    layers: [0, 1].map((i) => ({ kernel: f64(i, sizes[i]!, sizes[i + 1]!), bias: f64(i + 5, sizes[i + 1]!) })),
    scale: f64(9),
  };
  const loss = (p: any, x: any, y: any) =>
    p.layers
      .reduce((h: any, { kernel, bias }: any) => h.matmul(kernel).add(bias).tanh(), x)
      .mul(p.scale)
      .sub(y)
      .square()
      .mean();
  const batches = [
    [f64(11, 5, 3), f64(12, 5, 2)],
    [f64(13, 5, 3), f64(14, 5, 2)],
  ];
  // Places of the leaves in the flat vector: object keys in sorted order.
  const places: Record<string, number[]> = {};
  let dim = 0;
  for (const [path, size] of [
    ["layers.0.bias", 4],
    ["layers.0.kernel", 12],
    ["layers.1.bias", 2],
    ["layers.1.kernel", 8],
    ["scale", 1],
  ] as const) {
    places[path] = Array.from({ length: size }, (_, i) => dim + i);
    dim += size;
  }
  const shapes: Record<string, number[]> = { "layers.0.bias": [4], "layers.0.kernel": [3, 4], "layers.1.kernel": [4, 2], scale: [] };

  /** The dense Hessian of the mean loss, by reverse and forward derivatives of the flat parameters. */
  async function dense(): Promise<Matrix> {
    const flat = st.concat(leavesOf(params).map((x) => x.reshape([-1])));
    const rebuild = (v: any) => {
      const piece = (path: string, shape: number[]) => v.at([places[path]![0]!, places[path]!.at(-1)! + 1]).reshape(shape);
      return {
        layers: [0, 1].map((i) => ({
          kernel: piece(`layers.${i}.kernel`, [sizes[i]!, sizes[i + 1]!]),
          bias: piece(`layers.${i}.bias`, [sizes[i + 1]!]),
        })),
        scale: piece("scale", []),
      };
    };
    const all = await Promise.all(batches.map(([x, y]) => (st.hessian((v: any) => loss(rebuild(v), x, y)) as any)(flat).array() as Promise<Matrix>));
    return all[0]!.map((row, i) => row.map((v, j) => (v + all[1]![i]![j]!) / 2));
  }

  for (const keep of [true, false, 2000]) {
    it(`is the sub-matrix of the dense Hessian, keep ${keep}`, async () => {
      const whole = await dense();
      for (const chosen of [["layers.1.kernel"], ["layers.0.kernel", "layers.0.bias"], ["scale", "layers.1.kernel"]]) {
        const paths = [...chosen].sort(),
          at = paths.flatMap((path) => places[path]!);
        using H = curvature.hessian(loss, params, batches, { keep, only: (path) => chosen.includes(path) });
        expect(H.dim).toBe(at.length);
        const v = Object.fromEntries(paths.map((path, i) => [path, f64(20 + i, ...shapes[path]!)])),
          flat = await flatNumbers(v);
        const wanted = at.map((i) => at.reduce((sum, j, k) => sum + whole[i]![j]! * flat[k]!, 0));
        const got = H.matvec(v);
        expect(Object.keys(got).sort()).toEqual(paths);
        expectClose(await flatNumbers(got), wanted, 1e-12);
        expectClose(await H.matvec(vector(...flat)).data(), wanted, 1e-12);
        const { value, vector: found } = await curvature.lambdaMax(H, { tol: 1e-9, key });
        expect(Object.keys(found).sort()).toEqual(paths);
        expectClose([value], [eigenvalues(at.map((i) => at.map((j) => whole[i]![j]!)))[0]!], 1e-9);
      }
    });
  }

  it("of all parameters is the whole, and it lives on without the caller's", async () => {
    const own = mapTree(params, (x) => x.add(0));
    using H = curvature.hessian(loss, own, batches, { only: () => true, keep: false });
    using part = curvature.hessian(loss, own, batches, { only: (path) => path === "scale", keep: false });
    for (const leaf of leavesOf<st.Tensor>(own)) leaf.dispose();
    const whole = await dense(),
      v = f64(30, dim),
      numbers = await v.data();
    expectClose(
      await H.matvec(v).data(),
      whole.map((row) => row.reduce((s, h, j) => s + h * numbers[j]!, 0)),
      1e-12,
    );
    expectClose(await part.matvec(vector(2)).data(), [2 * whole[dim - 1]![dim - 1]!], 1e-12);
  });

  it("needs at least one, and vectors of those", async () => {
    const error = await expectCode("ERR_ARGUMENT", () => curvature.hessian(loss, params, batches, { only: (path) => path.startsWith("blocks") }));
    expect(error.message).toContain("layers.0.bias, layers.0.kernel");
    await expectCode("ERR_ARGUMENT", () => curvature.hessian(loss, params, batches, { only: "scale" as any }));
    using H = curvature.hessian(loss, params, batches, { only: (path) => path === "scale" });
    await expectCode("ERR_ARGUMENT", () => H.matvec(params as any));
    await expectCode("ERR_SHAPE", () => H.matvec(f64(1, dim)));
  });
});

describe("eigenvalues of networks", () => {
  const small = { image: 8, classes: 3, dtype: "f64" } as const;
  const nets = {
    vit: models.vit({ ...small, patch: 4, hidden: 8, layers: 2, heads: 2 }),
    mixer: models.mixer({ ...small, patch: 4, hidden: 8, layers: 2 }),
    resnet: models.create("resnet-20", { ...small, width: 4, blocks: [1, 1, 1] }),
  };
  for (const [name, net] of Object.entries(nets)) {
    it(`power iteration and Lanczos agree on the largest of a ${name}, of the whole and of a block`, async () => {
      const { loss, params, batch } = settle(net, 4),
        first = { vit: "blocks.0.", mixer: "blocks.0.", resnet: "stage1.0." }[name]!;
      for (const only of [undefined, (path: string) => path.startsWith(first)]) {
        using H = curvature.hessian(loss, params, [batch], { only });
        const lanczos = await curvature.lambdaMax(H, { tol: 1e-5, key }),
          power = await curvature.lambdaMax(H, { method: "power", tol: 1e-4, maxIterations: 2000, key });
        expect([lanczos.converged, power.converged]).toEqual([true, true]);
        // An eigenvalue lies within the residual of each.
        expect(Math.abs(lanczos.value - power.value)).toBeLessThanOrEqual(lanczos.residual + power.residual);
      }
    });
  }

  it("both ends of the spectrum are those of the dense Hessian", async () => {
    const { loss, params, batch } = settle(models.vit({ ...small, patch: 8, hidden: 2, layers: 1, heads: 1, mlp: 2 }), 5);
    const only = (path: string) => path !== "embed.kernel";
    using H = curvature.hessian(loss, params, [batch], { only });
    const rows = H.matmat(Array.from({ length: H.dim }, (_, i) => st.eye(H.dim, { dtype: "f64" }).at(i)));
    const dense = await Promise.all(rows.map(async (row) => Array.from(await row.data())));
    const exact = eigenvalues(dense),
      size = Math.max(...exact.map(Math.abs)),
      rounding = 100 * H.dim * 2 ** -52 * size;
    const pairs = await curvature.spectrum(H, { k: 1, which: "both", tol: 1e-6, key });
    for (const [i, wanted] of [exact[0]!, exact.at(-1)!].entries()) {
      const { value, residual } = pairs[i]!;
      expect(residual).toBeLessThanOrEqual(1e-6 * size);
      expect(Math.abs(value - wanted)).toBeLessThanOrEqual(residual + rounding);
    }
    expect(exact.at(-1)).toBeLessThan(0);
  });
});

describe("spectrum's tolerance", () => {
  // H = diag(h), from 10 down to 1e-6.
  const h = Array.from({ length: 200 }, (_, i) => 10 * 0.922_1 ** i);
  const diagonal = () => curvature.hessian((p: any, x: any) => p.square().mul(x).sum().mul(0.5), f64(1, 200), [[vector(...h)]]);
  for (const which of ["smallest", "both"] as const) {
    it(`is relative to the norm of H at the smallest end, ${which}`, async () => {
      using H = diagonal();
      let products = 0;
      const pairs = await curvature.spectrum(H, { k: 1, which, key, maxIterations: 200, onIteration: ({ iteration }) => (products = iteration) });
      const { value, residual } = pairs.at(-1)!;
      expect(products).toBeLessThan(100);
      expect(residual).toBeLessThanOrEqual(1e-3 * h[0]!);
      expect(Math.min(...h.map((x) => Math.abs(x - value)))).toBeLessThanOrEqual(residual);
      if (which === "both") expect(pairs[0]!.residual).toBeLessThanOrEqual(1e-3 * pairs[0]!.value);
    });
  }
});

describe("several vectors at once", () => {
  it("share the primal pass: their multiply-adds grow by the tangents' alone", async () => {
    const f = (p: any, x: any) =>
      p
        .reduce((y: any, w: any) => y.matmul(w).tanh(), x)
        .square()
        .mean();
    const params = [f64(1, 24, 32), f64(2, 32, 40), f64(3, 40, 16)],
      batch = [f64(4, 20, 24)];
    /** Operations of the matrix products in H times so many vectors. */
    const products = async (H: curvature.HessianOperator, count: number): Promise<number> => {
      const vs = Array.from({ length: count }, (_, i) => f64(i, H.dim));
      await st.evaluate(vs);
      const { trace } = await st.profile(async () => st.evaluate(H.matmat(vs)));
      return trace.traceEvents.reduce((sum, event: any) => sum + (event.cat === "matmul" ? event.args.flops : 0), 0);
    };
    using anew = curvature.hessian(f, params, [batch], { keep: false });
    using kept = curvature.hessian(f, params, [batch], { keep: true });
    const [one, two, four] = [await products(anew, 1), await products(anew, 2), await products(anew, 4)];
    const tangents = two - one,
      primal = one - tangents;
    // Forward: one product a layer. Backward: one for the weights, and one for the input of all layers but the first.
    const layer = params.map(({ shape: [a, b] }) => 2 * 20 * a! * b!),
      forward = layer.reduce((a, b) => a + b),
      backward = forward - layer[0]!;
    expect(primal).toBe(forward + backward);
    expect(four).toBe(primal + 4 * tangents);
    expect(await products(kept, 1)).toBe(tangents);
    expect(await products(kept, 4)).toBe(4 * tangents);
  });
});
