import { fail } from "../core/errors.ts";
import { flattenTree } from "../graph/tree.ts";
import { div, isTensor, tidy, valueAndGrad, where } from "../index.ts";
import { ravel, unravel } from "../tensor/flat.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { checkCount, checkNumber } from "./check.ts";

/** What sam takes. */
export interface SamOptions {
  /** The length of the perturbation: 0.05 by default, with `adaptive` 0.5. */
  readonly rho?: number;
  /** ASAM: lengths are measured in units of the parameters, T = |p| + eta elementwise. */
  readonly adaptive?: boolean;
  /** With adaptive: what T is where a parameter is zero, 0.01 by default. */
  readonly eta?: number;
  /** Which arguments are perturbed and differentiated by: 0 by default, an array gives a tuple of gradients. */
  readonly argnums?: number | readonly number[];
  /** The loss returns [scalar, aux]; false by default. */
  readonly hasAux?: boolean;
  /** Images of one perturbation: the batch is split along axis 0 into shards of m, each with a perturbation of its own. Default: the whole batch. */
  readonly m?: number;
  /** With m: the axis along which each argument is split, 0, or null where it is not (a key, a state). Default: 0 for all but the parameters. */
  readonly inAxes?: 0 | readonly (0 | null)[];
}

type Loss = (...args: any[]) => any;
type Gradient = (...args: any[]) => [value: any, gradients: any];

/**
 * Sharpness-aware minimization (Foret et al. 2021, algorithm 1): the gradient at p + rho g / ||g||_2, one norm over all parameters. With `adaptive`
 * at p + rho T^2 g / ||T g||_2 (ASAM; Kwon et al. 2021, equation 5, elementwise). T is the same function of all parameters, as in the equation; the
 * authors' program sets T = 1 for what is not named "weight", which moves biases far more than kernels. Called as valueAndGrad(loss) is; the value
 * (and aux, such as the state of batch norms) is that of the unperturbed point. With m, aux is a list, one a shard. Wrong options are ERR_ARGUMENT,
 * batch arguments of different lengths ERR_SHAPE.
 */
export function sam(loss: Loss, options: SamOptions = {}): Gradient {
  const { argnums = 0, hasAux = false, m, inAxes = 0, adaptive = false } = options;
  const rho = checkNumber("sam", "rho", options.rho ?? (adaptive ? 0.5 : 0.05)),
    eta = checkNumber("sam", "eta", options.eta ?? 0.01);
  if (options.eta !== undefined && !adaptive) fail("ERR_ARGUMENT", "sam", "eta needs adaptive: true");
  if (m !== undefined) checkCount("sam", "m", m, 1);
  const gradient = valueAndGrad(loss, { argnums, hasAux }) as Gradient;
  const positions = typeof argnums === "number" ? [argnums] : argnums;

  const perturbed: Gradient = (...args) =>
    tidy(() => {
      const [value, g] = gradient(...args);
      if (rho === 0) return [value, g];
      const chosen = positions.map((i) => args[i]),
        p = ravel(chosen, "sam"),
        flat = ravel(g, "sam"),
        scales = adaptive ? p.abs().add(eta) : null;
      const scaled = scales ? flat.mul(scales) : flat,
        norm = scaled.square().sum().sqrt(),
        direction = scales ? scaled.mul(scales) : scaled;
      const moved = unravel(p.add(direction.mul(div(rho, where(norm.greater(0), norm, 1)))), chosen, "sam");
      const there = [...args];
      positions.forEach((position, i) => {
        there[position] = moved[i];
      });
      return [value, gradient(...there)[1]];
    });
  if (m === undefined) return perturbed;

  return (...args) =>
    tidy(() => {
      const axes = args.map((_, i) => (positions.includes(i) ? null : typeof inAxes === "number" ? inAxes : (inAxes[i] ?? null)));
      const shards = split(args, axes, m);
      const results = shards.map((shard) => perturbed(...shard.args));
      const weigh = (trees: unknown[]): Tensor => trees.map((tree, i) => ravel(tree, "sam").mul(shards[i]!.share)).reduce((a, b) => a.add(b));
      const values = results.map(([value]) => (hasAux ? value[0] : value)),
        mean = weigh(values).reshape([]);
      return [hasAux ? [mean, results.map(([value]) => value[1])] : mean, unravel(weigh(results.map(([, g]) => g)), results[0]![1])];
    });
}

/** The argument lists of the shards, with each one's share of the batch; the last may be smaller. */
function split(args: readonly unknown[], axes: readonly (0 | null)[], m: number): { args: unknown[]; share: number }[] {
  const batches = args.filter((_, i) => axes[i] === 0).flatMap((arg) => flattenTree(arg, isTensor).leaves.map((leaf) => leaf.shape[0]));
  const size = batches[0];
  if (size === undefined || batches.some((other) => other !== size)) {
    fail(
      "ERR_SHAPE",
      "sam",
      `with m all batch arguments must have one leading size, got ${batches.join(", ") || "none"} (name what is no batch by null in inAxes)`,
    );
  }
  return Array.from({ length: Math.ceil(size / m) }, (_, k) => {
    const [start, stop] = [k * m, Math.min((k + 1) * m, size)];
    const cut = (arg: unknown): unknown => {
      const { leaves, unflatten } = flattenTree(arg, isTensor);
      return unflatten(leaves.map((leaf) => leaf.at([start, stop])));
    };
    return { args: args.map((arg, i) => (axes[i] === 0 ? cut(arg) : arg)), share: (stop - start) / size };
  });
}
