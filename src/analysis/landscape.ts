import { fail } from "../core/errors.ts";
import { flattenTree } from "../graph/tree.ts";
import { compile, evaluate, isTensor, random, tensor, tidy, where, zerosLike } from "../index.ts";
import { checkCount, checkNumber } from "../optim/check.ts";
import { layoutOf, ravel, unravel } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Loss = (params: any, ...batch: any[]) => any;

/** What landscape takes. */
export interface LandscapeOptions<D extends 1 | 2 = 2> {
  /** Points of an axis, from 2 on; an odd number has the parameters themselves in the middle. */
  readonly points: number;
  /** The axis goes from -radius to radius, in lengths of the weights' filters. */
  readonly radius?: number;
  /** A line along one direction, or a plane along two. */
  readonly dimensions?: D;
  /** Of the directions; the first is the same for a line and a plane. */
  readonly key?: Tensor;
  /** After each point. */
  readonly onPoint?: (done: number, all: number) => void;
}

/** The loss on a line or a plane through the parameters. */
export interface Landscape<D extends 1 | 2 = 2> {
  /** How far along a direction, ascending. */
  readonly axis: number[];
  /** A line: loss[i] at axis[i]. A plane: loss[i][j] at axis[i] along the first direction and axis[j] along the second. */
  readonly loss: D extends 1 ? number[] : number[][];
}

/** What one filter is: all numbers that lead to one output, which is the last axis of a kernel; [1, tokens, hidden] is one filter as a whole. */
const axesOfFilter = ({ shape, ndim }: Tensor): number[] => {
  const whole = ndim === 3 && shape[0] === 1;
  return Array.from({ length: whole ? ndim : ndim - 1 }, (_, axis) => axis);
};

/**
 * A random direction in which all filters move by their own length: normal numbers, each filter scaled to the norm of the parameters' filter. Leaves
 * with one axis or none (biases, norms) do not move. Li et al. 2018, "Visualizing the Loss Landscape of Neural Nets", section 4. A filter is one
 * output of a kernel [..., inputs, outputs]; a class token or position embedding [1, tokens, hidden] counts as one. Gives a tree like `params`.
 */
export function filterDirection<P>(params: P, key: Tensor): P {
  layoutOf("filterDirection", params);
  return tidy(() => {
    const { leaves, unflatten } = flattenTree(params, isTensor);
    return unflatten(
      leaves.map((w, i) => {
        if (w.ndim < 2) return zerosLike(w);
        const normal = random.normal(random.foldIn(key.to(w.device), i), w.shape, { dtype: w.dtype }),
          axis = axesOfFilter(w);
        const [target, length] = [w, normal].map((x) => x.square().sum({ axis, keepDims: true }).sqrt()) as [Tensor, Tensor];
        return normal.mul(target.div(where(length.greater(0), length, 1)));
      }),
    );
  });
}

/**
 * The loss around the parameters, L(w + a d1) or L(w + a d1 + b d2), with d1 and d2 by filterDirection. `loss(params, ...batch)` returns a scalar;
 * the mean over `batches` (a list of argument lists) is taken, all batches counting alike. One plan a shape of batch serves all points; a flat copy
 * of the parameters and one vector a direction are held. Batch norms keep whatever statistics the loss closes over. Wrong options are ERR_ARGUMENT.
 */
export async function landscape<const D extends 1 | 2 = 2>(
  loss: Loss,
  params: unknown,
  batches: readonly (readonly unknown[])[],
  options: LandscapeOptions<D>,
): Promise<Landscape<D>> {
  const { radius = 1, dimensions = 2, key = random.key(0), onPoint } = options;
  const points = checkCount("landscape", "points", options.points, 2);
  checkNumber("landscape", "radius", radius, { open: true });
  if (dimensions !== 1 && dimensions !== 2) fail("ERR_ARGUMENT", "landscape", `dimensions must be 1 or 2, got ${String(dimensions)}`);
  if (!Array.isArray(batches) || batches.length === 0 || !batches.every(Array.isArray))
    fail("ERR_ARGUMENT", "landscape", "batches must be a list of argument lists, [[images, labels], ...], with at least one");
  const axis = Array.from({ length: points }, (_, i) => (radius * (2 * i - (points - 1))) / (points - 1));
  const coefficients = dimensions === 1 ? axis.map((a) => [a]) : axis.flatMap((a) => axis.map((b) => [a, b]));
  const values = await lossesAt(loss, params, batches, coefficients, key, onPoint);
  const rows = dimensions === 1 ? values : axis.map((_, i) => values.slice(i * points, (i + 1) * points));
  return { axis, loss: rows as Landscape<D>["loss"] };
}

/** The mean loss at w + the sum of coefficients[k] * direction k, for each list of coefficients. */
function lossesAt(
  loss: Loss,
  params: unknown,
  batches: readonly (readonly unknown[])[],
  coefficients: readonly (readonly number[])[],
  key: Tensor,
  onPoint: LandscapeOptions["onPoint"],
): Promise<number[]> {
  return tidy(async () => {
    const { dtype } = layoutOf("landscape", params);
    const flat = ravel(params, "landscape"),
      { device } = flat;
    const directions = coefficients[0]!.map((_, k) => ravel(filterDirection(params, random.foldIn(key, k)), "landscape"));
    await evaluate(flat, directions);
    const lossAt = compile(
      (center: Tensor, along: readonly Tensor[], by: Tensor, batch: readonly unknown[]) => {
        const place = along.reduce((w, direction, k) => w.add(direction.mul(by.at(k))), center);
        return loss(unravel(place, params, "landscape"), ...batch);
      },
      { name: "landscape" },
    );
    try {
      const found: number[] = [];
      for (const numbers of coefficients) {
        using by = tensor([...numbers], { dtype, device });
        let total = 0;
        for (const batch of batches) {
          using value = lossAt(flat, directions, by, batch) as Tensor;
          total += Number(await value.item());
        }
        found.push(total / batches.length);
        onPoint?.(found.length, coefficients.length);
      }
      return found;
    } finally {
      lossAt.dispose();
    }
  });
}
