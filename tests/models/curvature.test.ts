import { describe, expect, it } from "vitest";
import * as curvature from "../../src/curvature/index.ts";
import { tridiagonalEigen } from "../../src/curvature/tridiagonal.ts";
import { expectClose, expectCode, f64, flatNumbers, leavesOf, norm, numbers, st, vector } from "./helpers.ts";

type Matrix = number[][];
const times = (a: Matrix, x: ArrayLike<number>): number[] => a.map((row) => row.reduce((s, v, j) => s + v * x[j]!, 0));

/** A symmetric matrix with these eigenvalues: two Householder reflections around a diagonal. */
function withSpectrum(eigenvalues: readonly number[]): Matrix {
  const n = eigenvalues.length;
  let a: Matrix = eigenvalues.map((e, i) => eigenvalues.map((_, j) => (i === j ? e : 0)));
  const product = (x: Matrix, y: Matrix): Matrix => x.map((row) => row.map((_, j) => row.reduce((s, v, k) => s + v * y[k]![j]!, 0)));
  for (const seed of [1, 2]) {
    const u = numbers(seed, n),
      square = u.reduce((s, v) => s + v * v, 0);
    const q = a.map((_, i) => a.map((__, j) => Number(i === j) - (2 * u[i]! * u[j]!) / square));
    a = product(product(q, a), q);
  }
  return a.map((row, i) => row.map((v, j) => (v + a[j]![i]!) / 2));
}
const tensorOf = (a: Matrix): st.Tensor => st.tensor(Float64Array.from(a.flat()), { shape: [a.length, a.length] });

const loss = (p: any, m: any) => {
  const x = st.concat([p.p, p.q]);
  return x.dot(m.matmul(x)).mul(0.5);
};
function setup(eigenvalues: readonly number[], options: curvature.HessianOptions & { batches?: number } = {}) {
  const { batches = 1, ...rest } = options,
    n = eigenvalues.length,
    matrix = withSpectrum(eigenvalues);
  const params = { p: f64(5, 7), q: f64(6, n - 7) };
  const shifted = (by: number): Matrix => matrix.map((row, i) => row.map((v, j) => (i === j ? v + by : v)));
  const list = batches === 1 ? [matrix] : [shifted(0.5), shifted(-0.5)]; // two that average to the matrix
  return {
    H: curvature.hessian(
      loss,
      params,
      list.map((a) => [tensorOf(a)]),
      rest,
    ),
    matrix,
    n,
  };
}
async function expectPair(matrix: Matrix, result: { value: number; residual: number; vector: unknown }, wanted: number, tol: number) {
  expect(Math.abs(result.value - wanted)).toBeLessThanOrEqual(tol * Math.max(1, Math.abs(wanted)));
  const v = await flatNumbers(result.vector),
    product = times(matrix, v);
  expect(norm(v)).toBeCloseTo(1, 9);
  const truth = norm(product.map((h, i) => h - result.value * v[i]!));
  expect(Math.abs(truth - result.residual)).toBeLessThanOrEqual(1e-10 + 0.01 * truth);
}

const positive = Array.from({ length: 20 }, (_, i) => 10 * 0.7 ** i);
const mixed = [-30, -25, 12, 9, ...Array.from({ length: 16 }, (_, i) => 5 - 0.5 * i)];
const key = st.random.key(0);

describe("hessian", () => {
  for (const keep of [true, false, 5000]) {
    for (const batches of [1, 2]) {
      it(`matvec and matmat over ${batches} batches, keep ${keep}`, async () => {
        const { H, matrix, n } = setup(positive, { keep, batches });
        expect(H.dim).toBe(n);
        const v = { p: f64(8, 7), q: f64(9, n - 7) },
          w = { p: f64(10, 7), q: f64(11, n - 7) };
        const wanted = times(matrix, await flatNumbers(v));
        for (let again = 0; again < 2; again++) expectClose(await flatNumbers(H.matvec(v)), wanted, 1e-12);
        const [first, second] = H.matmat([v, w]);
        expectClose(await flatNumbers(first), wanted, 1e-12);
        expectClose(await flatNumbers(second), times(matrix, await flatNumbers(w)), 1e-12);
        const flat = H.matvec(st.concat([v.p, v.q]));
        expect(flat.shape).toEqual([n]);
        expectClose(await flat.data(), wanted, 1e-12);
        H.dispose();
      });
    }
  }

  it("a network's product is hvp, and lambdaMax is the dense Hessian's", async () => {
    const f = (p: any, a: any, b: any) => a.matmul(p.w).tanh().matmul(p.u).sub(b).square().mean();
    const x = f64(1, 5, 3),
      y = f64(2, 5, 2),
      params = { u: f64(4, 4, 2), w: f64(3, 3, 4) },
      v = { u: f64(6, 4, 2), w: f64(5, 3, 4) };
    const H = curvature.hessian(f, params, [[x, y]]);
    expectClose(await flatNumbers(H.matvec(v)), await flatNumbers(st.hvp(f)(params, v, x, y)), 1e-12);
    const rows = await Promise.all(H.matmat(Array.from({ length: H.dim }, (_, i) => st.eye(H.dim, { dtype: "f64" }).at(i))).map((row) => row.data()));
    const dense = rows.map((row) => Array.from(row));
    const result = await curvature.lambdaMax(H, { tol: 1e-8, key });
    expect(result.converged).toBe(true);
    await expectPair(dense, result, result.value, 1);
    let b = Array.from(numbers(9, H.dim)),
      largest = 0; // power iteration on H + 100
    for (let i = 0; i < 5000; i++) {
      const c = times(dense, b).map((h, j) => h + 100 * b[j]!),
        length = norm(c);
      [b, largest] = [c.map((z) => z / length), length - 100];
    }
    expect(result.value).toBeCloseTo(largest, 4);
    H.dispose();
  });

  it("batches of different shapes count alike", async () => {
    const f = (p: any, x: any) => p.mul(x).square().sum(); // H = 2 diag(sum of x^2)
    const H = curvature.hessian(f, vector(1, 2), [[f64(1, 3, 2)], [f64(2, 5, 2)]]);
    const square = async (x: any) => Array.from((await x.square().sum({ axis: 0 }).data()) as Float64Array);
    const [a, b] = [await square(f64(1, 3, 2)), await square(f64(2, 5, 2))];
    expectClose(await H.matvec(vector(1, -1)).data(), [a[0]! + b[0]!, -a[1]! - b[1]!], 1e-12);
    H.dispose();
  });

  it("vectors of another size are refused", async () => {
    const { H } = setup(positive);
    await expectCode("ERR_SHAPE", () => H.matvec(f64(1, 19)));
    await expectCode("ERR_SHAPE", () => H.matvec({ p: f64(1, 6), q: f64(1, 14) }));
    await expectCode("ERR_ARGUMENT", () => H.matvec({ p: f64(1, 7) } as any));
    await expectCode("ERR_ARGUMENT", () => curvature.hessian(loss, { p: f64(1, 7), q: f64(1, 3) }, []));
    await expectCode("ERR_ARGUMENT", () => curvature.hessian(loss, { p: f64(1, 7), q: f64(1, 3) }, [[]], { keep: -1 }));
  });
});

describe("lambdaMax", () => {
  const cases = [
    ["lanczos", positive, 10],
    ["power", positive, 10],
    ["lanczos", mixed, 12],
    ["power", mixed, -30],
    ["lanczos", mixed.map((e) => e - 40), -28],
  ] as const;
  for (const [method, eigenvalues, wanted] of cases) {
    it(`${method}: ${wanted} where the spectrum reaches from ${Math.min(...eigenvalues).toFixed(1)}`, async () => {
      const { H, matrix } = setup(eigenvalues);
      const result = await curvature.lambdaMax(H, { method, maxIterations: 400, tol: 1e-7, key });
      expect(result.converged).toBe(true);
      expect(leavesOf<st.Tensor>(result.vector).map((x) => x.shape[0])).toEqual([7, 13]);
      await expectPair(matrix, result, wanted, 1e-6);
      H.dispose();
    });
  }

  it("stopped early says so, with the true residual", async () => {
    for (const method of ["lanczos", "power"] as const) {
      const { H, matrix } = setup(mixed),
        seen: number[] = [];
      const result = await curvature.lambdaMax(H, {
        method,
        maxIterations: 3,
        tol: 1e-12,
        key,
        onIteration: ({ iteration }) => seen.push(iteration),
      });
      expect([result.converged, result.iterations, seen]).toEqual([false, 3, [1, 2, 3]]);
      expect(result.residual).toBeGreaterThan(1e-6);
      await expectPair(matrix, result, result.value, 1);
      H.dispose();
    }
  });

  it("of nothing but zeros is zero", async () => {
    const H = curvature.hessian((p: any, x: any) => p.mul(x).sum(), vector(1, 2), [[vector(3, 4)]]);
    for (const method of ["lanczos", "power"] as const) {
      const { value, residual, converged } = await curvature.lambdaMax(H, { method, key });
      expect([value, residual, converged]).toEqual([0, 0, true]);
    }
    H.dispose();
  });

  it("in f32, to rounding", async () => {
    const matrix = withSpectrum(positive),
      params = { p: f64(5, 7).cast("f32"), q: f64(6, 13).cast("f32") };
    const H = curvature.hessian(loss, params, [[tensorOf(matrix).cast("f32")]]);
    const result = await curvature.lambdaMax(H, { tol: 1e-4, key });
    expect(result.converged).toBe(true);
    expect(Math.abs(result.value - 10)).toBeLessThan(1e-4);
    H.dispose();
  });

  it("leaves no memory behind, however many iterations", async () => {
    const { H } = setup(mixed),
      device = H.device,
      inUse = () => st.memory()[device]!.bytesInUse;
    H.matvec(await st.zeros([H.dim], { dtype: "f64" })).dispose();
    const before = inUse();
    for (const method of ["lanczos", "power"] as const) {
      const result = await curvature.lambdaMax(H, { method, maxIterations: 10, tol: 0, key });
      for (const leaf of leavesOf<st.Tensor>(result.vector)) leaf.dispose();
    }
    expect(inUse() - before).toBeLessThanOrEqual(2048);
    H.dispose();
    expect(inUse()).toBeLessThan(before);
  });

  it("options out of range", async () => {
    const { H } = setup(positive);
    await expectCode("ERR_ARGUMENT", () => curvature.lambdaMax(H, { method: "lanzcos" as any }));
    await expectCode("ERR_ARGUMENT", () => curvature.lambdaMax(H, { maxIterations: 0 }));
    await expectCode("ERR_ARGUMENT", () => curvature.lambdaMax(H, { tol: -1 }));
  });
});

describe("spectrum", () => {
  const ends = [
    ["largest", [12, 9, 5]],
    ["smallest", [-30, -25, -2.5]],
    ["both", [12, 9, 5, -30, -25, -2.5]],
  ] as const;
  for (const [which, wanted] of ends) {
    it(`k = 3, ${which}, in order`, async () => {
      const { H, matrix } = setup(mixed),
        pairs = await curvature.spectrum(H, { k: 3, which, tol: 1e-6, key });
      expect(pairs.length).toBe(wanted.length);
      for (const [i, pair] of pairs.entries()) await expectPair(matrix, pair, wanted[i]!, 1e-5);
      H.dispose();
    });
  }
  it("all of it, multiple eigenvalues too", async () => {
    const eigenvalues = [4, 4, 4, 1, 1, 0, 0, -2, -2, -2],
      { H } = setup(eigenvalues),
      pairs = await curvature.spectrum(H, { k: 10, key });
    expectClose(
      pairs.map(({ value }) => value),
      eigenvalues,
      1e-10,
    );
    H.dispose();
  });
  it("k out of range", async () => {
    const { H } = setup(positive);
    await expectCode("ERR_ARGUMENT", () => curvature.spectrum(H, { k: 21 }));
    await expectCode("ERR_ARGUMENT", () => curvature.spectrum(H, { k: 1, which: "all" as any }));
  });
});

describe("tridiagonalEigen", () => {
  for (const n of [1, 2, 3, 10, 60]) {
    it(`n = ${n}: T v = value v`, () => {
      const d = numbers(1, n),
        e = numbers(2, n - 1),
        identity = Array.from(d, (_, i) => Array.from(d, (__, j) => Number(i === j)));
      const { values, rows } = tridiagonalEigen(d, e, identity);
      for (let k = 0; k < n; k++) {
        const v = (i: number) => rows[i]?.[k] ?? 0;
        for (let i = 0; i < n; i++) expect(d[i]! * v(i) + (e[i - 1] ?? 0) * v(i - 1) + (e[i] ?? 0) * v(i + 1)).toBeCloseTo(values[k]! * v(i), 12);
      }
      expect(Array.from(values)).toEqual([...values].sort((a, b) => a - b));
    });
  }
});
