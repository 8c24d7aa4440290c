import { compile, evaluate, random, stack, where } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { Basis } from "./basis.ts";
import type { LinearOperator } from "./operator.ts";
import { tridiagonalEigen } from "./tridiagonal.ts";

export interface EigenPair {
  readonly value: number;
  /** ||H v - value v|| of the unit vector v, measured. */
  readonly residual: number;
  /** [dim], of length 1. */
  readonly vector: Tensor;
}

const epsilon: Readonly<Record<string, number>> = { f64: 2 ** -52, f32: 2 ** -23, f16: 2 ** -10, bf16: 2 ** -7 };
const length = (x: Tensor): Tensor => x.square().sum().sqrt();
const unit = (x: Tensor): Tensor => {
  const norm = length(x);
  return x.div(where(norm.greater(0), norm, 1));
};

/** A unit vector of normal numbers. */
export function randomUnit({ dim, dtype, device }: LinearOperator, key: Tensor): Tensor {
  const draw = compile((k: Tensor) => unit(random.normal(k, [dim], { dtype })), { name: "randomUnit" });
  using there = key.to(device);
  const made = draw(there);
  draw.dispose();
  return made;
}

/** The Rayleigh quotient of unit vectors and what is left of H v beside it. */
export class Rayleigh {
  readonly #measure = compile(
    (v: Tensor, hv: Tensor) => {
      const value = v.mul(hv).sum();
      return [stack([value, length(hv.sub(v.mul(value)))]), unit(hv)] as [Tensor, Tensor];
    },
    { name: "rayleigh" },
  );

  /** Also gives H v at length 1. */
  async measure(v: Tensor, hv: Tensor): Promise<{ value: number; residual: number; next: Tensor }> {
    const [numbers, next] = this.#measure(v, hv);
    const [value, residual] = await numbers.data();
    numbers.dispose();
    return { value: value!, residual: residual!, next };
  }
  [Symbol.dispose](): void {
    this.#measure.dispose();
  }
}

/**
 * Lanczos' recurrence with full reorthogonalisation: alpha_j = <q_j, H q_j>, beta_j q_{j+1} = H q_j without its components along all q so far.
 * The eigenvalues of the tridiagonal matrix (alpha, beta) are Ritz values, whose residual is beta_m |last component of the eigenvector|.
 */
export class Lanczos {
  readonly #operator: LinearOperator;
  readonly #basis: Basis;
  readonly #rayleigh = new Rayleigh();
  readonly #alpha: number[] = [];
  readonly #beta: number[] = [];
  readonly #finish = compile((q: Tensor, hq: Tensor, rest: Tensor) => [stack([q.mul(hq).sum(), length(rest)]), unit(rest)] as [Tensor, Tensor], {
    name: "lanczos",
  });
  #key: Tensor;
  #q: Tensor;
  /** The basis spans a subspace that H maps to itself, and the next vector starts another. */
  closed = false;

  constructor(operator: LinearOperator, key: Tensor) {
    this.#operator = operator;
    this.#basis = new Basis(operator);
    this.#key = random.foldIn(key, 0);
    this.#q = randomUnit(operator, this.#key);
  }

  get size(): number {
    return this.#alpha.length;
  }

  async step(): Promise<void> {
    if (this.closed) await this.#restart();
    this.#basis.add(this.#q);
    const product = await this.#operator.matvec(this.#q),
      rest = this.#basis.reject(product);
    const [numbers, next] = this.#finish(this.#q, product, rest);
    for (const used of [this.#q, product, rest]) used.dispose();
    this.#q = next;
    const [alpha, beta] = await numbers.data();
    numbers.dispose();
    this.#alpha.push(alpha!);
    this.#beta.push(beta!);
    const scale = Math.max(...this.#alpha.map(Math.abs), ...this.#beta);
    if (this.size >= this.#operator.dim || beta! <= 50 * epsilon[this.#operator.dtype]! * scale) {
      this.#beta[this.size - 1] = 0;
      this.closed = true;
    }
  }

  /** Ritz values, ascending, with their residuals as the recurrence tells them. */
  ritz(): { values: Float64Array; residuals: Float64Array } {
    const n = this.size,
      beta = this.#beta[n - 1]!;
    const { values, rows } = tridiagonalEigen(this.#alpha, this.#beta, [unitRow(n, n - 1)]);
    return { values, residuals: rows[0]!.map((component) => beta * Math.abs(component)) };
  }

  /** The Ritz pairs at these places of ritz().values, measured by one more product each. */
  async pairs(indices: readonly number[]): Promise<EigenPair[]> {
    const n = this.size;
    const { rows } = tridiagonalEigen(
      this.#alpha,
      this.#beta,
      Array.from({ length: n }, (_, i) => unitRow(n, i)),
    );
    const pairs: EigenPair[] = [];
    for (const index of indices) {
      using combined = this.#basis.combine(rows.map((row) => row[index]!));
      const vector = unit(combined);
      using product = await this.#operator.matvec(vector);
      const { value, residual, next } = await this.#rayleigh.measure(vector, product);
      next.dispose();
      pairs.push({ value, residual, vector });
    }
    return pairs;
  }

  [Symbol.dispose](): void {
    this.#q.dispose();
    this.#basis.dispose();
    this.#rayleigh[Symbol.dispose]();
    this.#finish.dispose();
  }

  async #restart(): Promise<void> {
    this.#key = random.foldIn(this.#key, this.size);
    this.#q.dispose();
    using start = randomUnit(this.#operator, this.#key);
    using rest = this.#basis.reject(start);
    this.#q = unit(rest);
    await evaluate(this.#q);
    this.closed = false;
  }
}

const unitRow = (n: number, at: number): number[] => Array.from({ length: n }, (_, i) => Number(i === at));
