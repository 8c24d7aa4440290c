import { compile, tensor, zeros } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { LinearOperator } from "./operator.ts";

/** Vectors of a block: a block's unused rows are zeros, so every product has one shape and one plan. */
const rows = 8;

/** Orthonormal vectors on the device, in blocks [rows, dim]. */
export class Basis {
  readonly #space: LinearOperator;
  readonly #blocks: Tensor[] = [];
  #count = 0;
  // The part of w outside of a block's span: w - B^T (B w).
  readonly #reject = compile((block: Tensor, w: Tensor) => w.sub(block.matmul(w).matmul(block)), { name: "reject" });
  readonly #store = compile((block: Tensor, q: Tensor, row: Tensor) => block.add(row.reshape([rows, 1]).mul(q)), { donate: [0], name: "store" });
  readonly #sum = compile((total: Tensor, block: Tensor, weights: Tensor) => total.add(weights.matmul(block)), { donate: [0], name: "sum" });

  constructor(space: LinearOperator) {
    this.#space = space;
  }

  get count(): number {
    return this.#count;
  }

  add(q: Tensor): void {
    const { dim } = this.#space,
      row = this.#count % rows;
    if (row === 0) this.#blocks.push(this.#zeros([rows, dim]));
    using place = this.#vector(Array.from({ length: rows }, (_, i) => Number(i === row)));
    this.#blocks.push(this.#store(this.#blocks.pop()!, q, place));
    this.#count++;
  }

  /** w without its components along the basis, twice over, which makes it orthogonal to rounding. */
  reject(w: Tensor): Tensor {
    let rest = w;
    for (const block of [...this.#blocks, ...this.#blocks]) {
      const next = this.#reject(block, rest);
      if (rest !== w) rest.dispose();
      rest = next;
    }
    return rest;
  }

  /** The sum of weights[i] * vector i. */
  combine(weights: ArrayLike<number>): Tensor {
    let total = this.#zeros([this.#space.dim]);
    this.#blocks.forEach((block, b) => {
      using part = this.#vector(Array.from({ length: rows }, (_, i) => weights[b * rows + i] ?? 0));
      total = this.#sum(total, block, part);
    });
    return total;
  }

  dispose(): void {
    for (const block of this.#blocks) block.dispose();
    this.#blocks.length = 0;
    for (const compiled of [this.#reject, this.#store, this.#sum]) compiled.dispose();
  }
  [Symbol.dispose](): void {
    this.dispose();
  }

  #zeros(shape: number[]): Tensor {
    const { dtype, device } = this.#space;
    return zeros(shape, { dtype, device });
  }
  #vector(numbers: number[]): Tensor {
    const { dtype, device } = this.#space;
    return tensor(numbers, { dtype, device });
  }
}
