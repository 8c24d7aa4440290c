import type { Plan } from "../plan/plan.ts";

/** Plans by structure; the least recently used go first. */
export class PlanCache {
  readonly #plans = new Map<string, Plan>();
  constructor(private readonly capacity: number) {}

  get(key: string): Plan | undefined {
    const plan = this.#plans.get(key);
    if (plan) {
      this.#plans.delete(key);
      this.#plans.set(key, plan);
    }
    return plan;
  }
  set(key: string, plan: Plan): void {
    this.#plans.set(key, plan);
    if (this.#plans.size > this.capacity) this.#plans.delete(this.#plans.keys().next().value!);
  }
  get size(): number {
    return this.#plans.size;
  }
}
