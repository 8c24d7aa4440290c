import { checkOneOf, fail } from "../core/errors.ts";
import { random, tidy } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type EigenPair, Lanczos, Rayleigh, randomUnit } from "./lanczos.ts";
import type { LinearOperator } from "./operator.ts";

/** What onIteration is told. */
export interface Progress {
  /** From 1 on. */
  readonly iteration: number;
  /** The eigenvalue so far; spectrum tells the first that it was asked for. */
  readonly value: number;
  /** ||H v - value v||. */
  readonly residual: number;
}

/** What lambdaMax takes. */
export interface LambdaMaxOptions {
  /** "lanczos": the largest signed eigenvalue; "power": the one of largest magnitude, with its sign. */
  readonly method?: "lanczos" | "power";
  /** 100 by default, for spectrum 10 k where that is more. Lanczos ends at the dimension. */
  readonly maxIterations?: number;
  /** Converged where the residual is at most tol * |value|; 0 runs all iterations. 1e-3 by default. */
  readonly tol?: number;
  /** Of the vector that it starts from; random.key(0) by default. */
  readonly key?: Tensor;
  /** After each iteration; Lanczos' residual is an estimate here, the result's is measured. */
  readonly onIteration?: (progress: Progress) => void;
}

/** What lambdaMax finds. */
export interface LambdaMax {
  /** Signed. */
  readonly value: number;
  /** ||H v - value v||, measured: an eigenvalue lies within it. */
  readonly residual: number;
  /** Products H v, those that measure the result not counted. */
  readonly iterations: number;
  /** Of length 1, a tree like the parameters. */
  readonly vector: any;
  /** Whether the residual is at most tol * |value|. */
  readonly converged: boolean;
}

/** What spectrum takes. */
export interface SpectrumOptions extends Pick<LambdaMaxOptions, "maxIterations" | "tol" | "key" | "onIteration"> {
  /** How many of an end, from 1 to the dimension. */
  readonly k: number;
  /** "largest" by default, signed. */
  readonly which?: "largest" | "smallest" | "both";
}

type Limits = Required<Pick<LambdaMaxOptions, "maxIterations" | "tol">> & Pick<LambdaMaxOptions, "onIteration">;

/**
 * The eigenvalue of a Hessian that is largest, with its vector and its measured residual ||H v - value v||: by Lanczos' recurrence with full
 * reorthogonalisation (Golub and Van Loan 2013, section 10.3), which keeps one vector an iteration, or by power iteration, which keeps one in all.
 * Options out of range are ERR_ARGUMENT.
 */
export function lambdaMax(H: LinearOperator, options: LambdaMaxOptions = {}): Promise<LambdaMax> {
  const method = checkOneOf("lambdaMax", "method", options.method ?? "lanczos", ["lanczos", "power"]);
  const limits = checkLimits("lambdaMax", options, 100),
    key = options.key ?? random.key(0);
  return tidy(async () => {
    const { iterations, vector, ...found } = await (method === "power" ? power(H, key, limits) : largest(H, key, limits));
    const converged = found.residual <= limits.tol * Math.abs(found.value);
    return { ...found, iterations, vector: H.unravel(vector), converged };
  });
}

/**
 * k eigenvalues of an end of the spectrum, from the end inwards; "both": k of the largest, then k of the smallest, of one run of Lanczos. A multiple
 * eigenvalue may come once. It ends where the residual of each of the largest is at most tol * |value|, as in lambdaMax, and of each of the smallest,
 * which may well be zero, at most tol * ||H||_2 (the largest |Ritz value|): the value is then exact for a matrix that differs from H by that much.
 * In either case an eigenvalue lies within the residual of the value (Parlett 1998, The Symmetric Eigenvalue Problem, section 4.5). Options out of
 * range are ERR_ARGUMENT.
 */
export function spectrum(H: LinearOperator, options: SpectrumOptions): Promise<{ value: number; residual: number; vector: any }[]> {
  const { k, which: asked = "largest" } = options;
  const which = checkOneOf("spectrum", "which", asked, ["largest", "smallest", "both"]);
  if (!Number.isInteger(k) || k < 1 || k > H.dim)
    fail("ERR_ARGUMENT", "spectrum", `k must be a whole number from 1 to the dimension ${H.dim}, got ${String(k)}`);
  const limits = checkLimits("spectrum", options, Math.max(100, 10 * k)),
    key = options.key ?? random.key(0);
  const wanted = (size: number): Places => {
    const low = Array.from({ length: Math.min(k, size) }, (_, i) => i),
      high = low.map((i) => size - 1 - i);
    if (which === "largest") return { high, low: [] };
    return which === "smallest" ? { high: [], low } : { high, low: low.filter((i) => !high.includes(i)) };
  };
  const needed = Math.min(H.dim, which === "both" ? 2 * k : k);
  return tidy(async () => {
    const { pairs } = await converge(H, key, limits, wanted, needed);
    return pairs.map(({ vector, ...pair }) => ({ ...pair, vector: H.unravel(vector) }));
  });
}

async function largest(H: LinearOperator, key: Tensor, limits: Limits): Promise<EigenPair & { iterations: number }> {
  const { pairs, iterations } = await converge(H, key, limits, (size) => ({ high: [size - 1], low: [] }), 1);
  return { ...pairs[0]!, iterations };
}

/** Where the wanted Ritz values lie in the ascending list: those of the upper end, and those of the lower. */
interface Places {
  readonly high: readonly number[];
  readonly low: readonly number[];
}

/** Lanczos until the wanted Ritz pairs have converged, as measured, or the iterations are spent. */
async function converge(H: LinearOperator, key: Tensor, limits: Limits, wanted: (size: number) => Places, needed: number) {
  const { maxIterations, tol, onIteration } = limits;
  using lanczos = new Lanczos(H, key);
  const last = Math.min(maxIterations, H.dim);
  let target = tol;
  for (;;) {
    await lanczos.step();
    const { values, residuals } = lanczos.ritz(),
      { high, low } = wanted(lanczos.size),
      places = [...high, ...low];
    const norm = Math.max(Math.abs(values[0]!), Math.abs(values.at(-1)!));
    /** What the residual of the i-th place, with this value, is measured by. */
    const scale = (i: number, value: number): number => (i < high.length ? Math.abs(value) : norm);
    onIteration?.({ iteration: lanczos.size, value: values[places[0]!]!, residual: residuals[places[0]!]! });
    const spent = lanczos.size >= last || values.some(Number.isNaN);
    const seems = lanczos.size >= needed && places.every((at, i) => residuals[at]! <= target * scale(i, values[at]!));
    if (!spent && !seems) continue;
    const pairs = await lanczos.pairs(places);
    if (spent || pairs.every(({ value, residual }, i) => residual <= tol * scale(i, value))) return { pairs, iterations: lanczos.size };
    for (const { vector } of pairs) vector.dispose();
    target /= 2; // rounding keeps the measured residual above the estimate: look again further on
  }
}

/** v <- H v / ||H v||. */
async function power(H: LinearOperator, key: Tensor, { maxIterations, tol, onIteration }: Limits): Promise<EigenPair & { iterations: number }> {
  using rayleigh = new Rayleigh();
  let vector = randomUnit(H, key);
  for (let iteration = 1; ; iteration++) {
    using product = await H.matvec(vector);
    const { value, residual, next } = await rayleigh.measure(vector, product);
    onIteration?.({ iteration, value, residual });
    if (iteration === maxIterations || residual <= tol * Math.abs(value) || Number.isNaN(value))
      return { value, residual, vector, iterations: iteration };
    vector.dispose();
    vector = next;
  }
}

function checkLimits(op: string, { maxIterations, tol = 1e-3, onIteration }: LambdaMaxOptions, most: number): Limits {
  const iterations = maxIterations ?? most;
  if (!Number.isInteger(iterations) || iterations < 1)
    fail("ERR_ARGUMENT", op, `maxIterations must be a whole number from 1 on, got ${String(iterations)}`);
  if (!(typeof tol === "number" && tol >= 0 && tol < 1)) fail("ERR_ARGUMENT", op, `tol must be a number from 0 on and below 1, got ${String(tol)}`);
  return { maxIterations: iterations, tol, onIteration };
}
