import { bytesPer, type DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import type { Value } from "../graph/node.ts";
import { flattenTree } from "../graph/tree.ts";
import { compile, grad, hvp, isTensor, stack, tidy, vmap } from "../index.ts";
import { checkAlike, layoutOf, ravel, unravel } from "../tensor/flat.ts";
import { type Tensor, unwrap, wrap } from "../tensor/tensor.ts";
import { aliases, callOn, checkFunction, flattenTensors, inTrace } from "../tensor/trace.ts";
import { type Linearization, linearizeGraph } from "../transforms/linearize.ts";
import { blockOf } from "./block.ts";
import type { LinearOperator } from "./operator.ts";

/** What hessian takes. */
export interface HessianOptions {
  /** Compute the primal pass of a batch once and keep on the device what products need of it. false: compute it anew in each product.
   *  A number: keep as many batches as fit in so many bytes. */
  readonly keep?: boolean | number;
  /** The loss returns [scalar, aux]; aux is left aside. */
  readonly hasAux?: boolean;
  /** Which parameters, by path ("blocks.3.mlp.fc1.kernel"): the operator is the diagonal block of the Hessian that is theirs, the others staying as
   *  they are, and vectors are records { [path]: Tensor } instead of trees. */
  readonly only?: (path: string) => boolean;
}

/** The Hessian as a linear operator; it holds the parameters and what it keeps until dispose() or the end of `using`. */
export interface HessianOperator extends LinearOperator {
  /** Gives back what is kept on the device. */
  dispose(): void;
  /** dispose(), at the end of a block: `using H = hessian(...)`. */
  [Symbol.dispose](): void;
}

type Loss = (params: any, ...batch: any[]) => any;
type Product = (saved: any, vs: readonly Tensor[]) => readonly Tensor[];

/** How products are done for batches of one shape: what is saved of a batch, and the share of its product in the mean. */
interface Recipe {
  save(params: unknown, batch: readonly unknown[]): any;
  readonly product: Product & { dispose(): void };
  dispose(): void;
}

interface Part {
  readonly recipe: Recipe;
  readonly saved: unknown;
}
const anew = (recipe: Recipe, params: unknown, batch: readonly unknown[]): Part => ({ recipe, saved: recipe.save(params, batch) });

/**
 * The Hessian of loss(params, ...batch), the mean over `batches` (a list of argument lists), as a linear operator, or with `only` one of its diagonal
 * blocks. It is compiled once for each shape of batch, and several vectors run as one plan. Vectors are trees like the parameters, or flat [dim] with
 * the numbers of leaf after leaf, object keys in sorted order. Batches, options and parameters that do not fit are ERR_ARGUMENT, vectors of another
 * size ERR_SHAPE.
 */
export function hessian(loss: Loss, params: unknown, batches: readonly (readonly unknown[])[], options: HessianOptions = {}): HessianOperator {
  const { keep = true, hasAux = false, only } = options;
  if (!Array.isArray(batches) || batches.length === 0 || !batches.every(Array.isArray)) {
    fail("ERR_ARGUMENT", "hessian", "batches must be a list of argument lists, [[images, labels], ...], with at least one");
  }
  if (typeof keep !== "boolean" && !(keep >= 0))
    fail("ERR_ARGUMENT", "hessian", `keep must be true, false or a number of bytes, got ${String(keep)}`);
  if (only !== undefined) checkFunction("hessian", only);
  const scalar: Loss = hasAux ? (...args) => loss(...args)[0] : loss;
  const block = only && blockOf("hessian", params, only);
  const chosen = block ? block.params : params,
    layout = layoutOf("hessian", chosen),
    share = 1 / batches.length;
  // The operator lives on when the caller disposes of the parameters.
  const own = holding(chosen),
    rest = holding(block ? block.rest : []);
  const objective = block ? block.within(scalar, rest) : scalar;
  const device = flattenTensors(own).leaves[0]!.device;
  const recipes = new Map<string, Recipe>(),
    parts: Part[] = [];
  const add = compile((totals: Tensor[], more: Tensor[]) => totals.map((total, i) => total.add(more[i]!)), { donate: [0], name: "hessian.add" });

  /** H v for flat vectors. */
  const products = (vs: readonly Tensor[]): readonly Tensor[] =>
    parts.reduce<readonly Tensor[]>((totals, { recipe, saved }) => {
      const more = recipe.product(saved, vs);
      if (totals.length === 0) return more;
      const sums = add(totals as Tensor[], more as Tensor[]);
      for (const part of more) part.dispose();
      return sums;
    }, []);

  let room = typeof keep === "number" ? keep : keep ? Number.POSITIVE_INFINITY : 0;
  const keptBytes = new Map<string, number>();
  const recipeOf = (key: string, make: (loss: Loss, share: number) => Recipe): Recipe => {
    const recipe = recipes.get(key) ?? make(objective, share);
    recipes.set(key, recipe);
    return recipe;
  };
  /** A batch whose primal pass is kept, or null where it does not fit. */
  const kept = (batch: readonly unknown[], key: string): Part | null => {
    if (room === 0 || (keptBytes.get(key) ?? 0) > room) return null;
    const recipe = recipeOf(`keep ${key}`, keeping),
      saved = recipe.save(own, batch),
      bytes = layoutBytes(saved);
    keptBytes.set(key, bytes);
    if (bytes > room) {
      disposeOf(saved);
      return null;
    }
    room -= bytes;
    return { recipe, saved };
  };

  const isFlat = (v: unknown): v is Tensor => isTensor(v) && !isTensor(chosen);
  const flatten = (v: unknown): Tensor => {
    if (isFlat(v)) {
      if (v.ndim !== 1 || v.size !== layout.size)
        fail("ERR_SHAPE", "hessian", `a vector [${layout.size}] or a tree like the parameters was expected, got ${showShape(v.shape)}`);
    } else checkAlike("hessian", "a vector", v, chosen);
    return (isFlat(v) ? v : ravel(v, "hessian")).cast(layout.dtype);
  };
  const matmat = <V>(vs: readonly V[]): V[] =>
    tidy(() => products(vs.map(flatten)).map((product, i) => (isFlat(vs[i]) ? product : unravel(product, chosen)) as V));
  const dispose = (): void => {
    for (const { saved } of parts.splice(0)) disposeOf(saved);
    disposeOf([own, rest]);
    for (const recipe of recipes.values()) recipe.dispose();
    add.dispose();
  };
  try {
    for (const batch of batches) {
      const key = shapeKey(batch);
      parts.push(kept(batch, key) ?? anew(recipeOf(`anew ${key}`, recomputing), own, batch));
    }
  } catch (error) {
    dispose();
    throw error;
  }
  return {
    dim: layout.size,
    dtype: layout.dtype,
    device,
    matvec: (v) => matmat([v])[0]!,
    matmat,
    unravel: (flat) => unravel(flat, chosen),
    dispose,
    [Symbol.dispose]: dispose,
  };
}

/** The primal pass and the products as two plans; what the second needs of the first is saved. */
function keeping(loss: Loss, share: number): Recipe {
  let linear: Linearization | undefined;
  let like: unknown;
  const save = compile(
    (params: unknown, batch: readonly unknown[]) => {
      like = specsOf(params);
      linear = linearizeGradient(loss, params, batch);
      return linear.residuals.map(wrap);
    },
    { name: "hessian.save" },
  );
  const along =
    (residuals: readonly Value[]) =>
    (v: Tensor): Tensor => {
      const tangent = flattenTensors(unravel(v, like)),
        values = tangent.leaves.map((x) => unwrap(x, "hessian"));
      return ravel(linear!.push(values, residuals).map(wrap)).mul(share);
    };
  const product = compile((saved: Tensor[], vs: readonly Tensor[]) => mapped(along(saved.map((x) => unwrap(x, "hessian"))), vs), {
    name: "hessian.product",
  });
  return { save, product, dispose: () => [save, product].forEach((f) => f.dispose()) };
}

/** One plan that does the primal pass too. */
function recomputing(loss: Loss, share: number): Recipe {
  const product = compile(
    ({ params, batch }: { params: unknown; batch: readonly unknown[] }, vs: readonly Tensor[]) =>
      mapped((v) => ravel(hvp(loss)(params, unravel(v, params), ...batch)).mul(share), vs),
    { name: "hessian.product" },
  );
  return { save: (params, batch) => ({ params: holding(params), batch: holding(batch) }), product, dispose: () => product.dispose() };
}

/** The gradient's tangent map at one point of a trace. */
function linearizeGradient(loss: Loss, params: unknown, batch: readonly unknown[]): Linearization {
  const flat = flattenTensors(params);
  return inTrace("hessian", (frame) => {
    const traced = aliases(
      flat.leaves.map((x) => unwrap(x, "hessian")),
      frame,
    );
    const gradient = callOn((p) => grad(loss)(p, ...batch), [flat], [traced]);
    return linearizeGraph(
      flattenTensors(gradient).leaves.map((x) => unwrap(x, "hessian")),
      traced,
      frame.firstId,
    );
  });
}

/** f of one vector, or of several at once. */
function mapped(f: (v: Tensor) => Tensor, vs: readonly Tensor[]): Tensor[] {
  if (vs.length === 1) return [f(vs[0]!)];
  const all = vmap(f)(stack([...vs]));
  return vs.map((_, i) => all.at(i));
}

const disposeOf = (tree: unknown): void => {
  for (const leaf of flattenTensors(tree).leaves) leaf.dispose();
};
const layoutBytes = (tree: unknown): number => flattenTensors(tree).leaves.reduce((sum, { size, dtype }) => sum + size * bytesPer[dtype as DType], 0);

/** The same tensors by handles of their own. */
function holding<T>(tree: T): T {
  const flat = flattenTensors(tree);
  return flat.unflatten(flat.leaves.map((x) => wrap(unwrap(x, "hessian"))));
}
const specsOf = (tree: unknown): unknown => {
  const flat = flattenTensors(tree);
  return flat.unflatten(flat.leaves.map(({ shape, dtype }) => ({ shape, dtype })));
};
const shapeKey = (tree: unknown): string => {
  const { key, leaves } = flattenTree(tree, isTensor);
  return `${key} ${leaves.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join()}`;
};
