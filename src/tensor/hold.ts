import type { Value } from "../graph/node.ts";
import { release, retain } from "../run/life.ts";
import { track } from "./scope.ts";

const holders = new FinalizationRegistry<Holder>((holder) => holder.dispose());

/** Keeps values alive for a function that will use them later: until it is collected, or the tidy around it ends. */
class Holder {
  #values: readonly Value[];
  constructor(values: readonly Value[]) {
    this.#values = [...new Set(values)];
    for (const v of this.#values) retain(v);
  }
  dispose(): void {
    for (const v of this.#values) release(v);
    this.#values = [];
  }
  onItsOwn(): void {} // the function's own collection ends it
}

export function hold(owner: object, values: readonly Value[]): void {
  const holder = new Holder(values);
  holders.register(owner, holder);
  track(holder);
}
