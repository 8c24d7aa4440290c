import * as curvature from "../../src/curvature/index.ts";
import * as st from "../../src/index.ts";
import type { Model } from "../../src/models/index.ts";

type Tree = any;

export interface Comparison {
  readonly what: string;
  readonly ours: number;
  readonly theirs: number;
  readonly error: number;
  readonly allowed: number;
  readonly converged: boolean;
}

const inF64 = (tree: Tree): Tree => {
  if (st.isTensor(tree)) return tree.cast("f64");
  if (Array.isArray(tree)) return tree.map(inF64);
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, inF64(item)]));
};

/** lambdaMax of a network by both methods, its images in two batches, against what PyHessian found for all of them at once. */
export async function compare(net: Model<any>, { params, state = {}, values, second }: Tree, data: Tree): Promise<Comparison[]> {
  const variables = { params: inF64(params), state: inF64(state) },
    half = data.images.shape[0] / 2;
  const loss = (p: Tree, x: st.Tensor, y: st.Tensor) => st.crossEntropy(net.apply({ params: p, state: variables.state }, x.cast("f64")).out, y);
  const batches = [0, half].map((at) => [data.images.at([at, at + half]), data.labels.at([at, at + half])]);
  using H = curvature.hessian(loss, variables.params, batches);
  const [found, tolerances] = await Promise.all([values.data(), data.tolerances.data()]),
    next: number = await second.item();
  const results: Comparison[] = [];
  for (const method of ["lanczos", "power"] as const) {
    const { value, residual, converged } = await curvature.lambdaMax(H, { method, tol: 1e-6, maxIterations: 1000 });
    for (const [i, theirs] of found.entries()) {
      // Its vectors are divided by their length + 1e-6, so that they are 1 / (1 + 1e-6) long: that share of the value is given back. It stops where two
      // values in turn differ by less than tol (|value| + 1e-6), and returns the first of them. What is missing falls by (second / first)^2 in each step (to
      // first order), so it was at most that difference over 1 - (second / first)^2. Ours has an eigenvalue within its residual.
      const whole = theirs * (1 + 1e-6) ** 2,
        missing = (tolerances[i] * (Math.abs(theirs) + 1e-6)) / (1 - (next / theirs) ** 2);
      const [error, allowed] = [Math.abs(value - whole), missing + residual];
      results.push({ what: `${method}, tol ${tolerances[i]}`, ours: value, theirs: whole, error, allowed, converged });
    }
  }
  return results;
}
