import { fail } from "../core/errors.ts";
import { isTensor } from "../index.ts";
import { flattenTree } from "../graph/tree.ts";
import type { Tensor } from "../tensor/tensor.ts";

type Loss = (params: any, ...batch: any[]) => any;

export interface Block {
  /** The chosen parameters by their paths. */
  readonly params: Record<string, Tensor>;
  /** The others. */
  readonly rest: Tensor[];
  /** The loss as a function of the chosen parameters alone; the others are what they are in `rest`. */
  within(loss: Loss, rest: readonly Tensor[]): Loss;
}

/** Splits parameters into those whose path is accepted and the others. */
export function blockOf(op: string, params: unknown, only: (path: string) => boolean): Block {
  const { leaves, paths, unflatten } = flattenTree(params, isTensor);
  const flags = paths.map((path) => Boolean(only(path)));
  if (!flags.includes(true)) {
    const some = paths.slice(0, 4).join(", ");
    fail(
      "ERR_ARGUMENT",
      op,
      `only must accept at least one parameter, it accepted none of ${paths.length} [${some}${paths.length > 4 ? ", ..." : ""}]`,
    );
  }
  return {
    params: Object.fromEntries(paths.flatMap((path, i) => (flags[i] ? [[path, leaves[i]!]] : []))),
    rest: leaves.filter((_, i) => !flags[i]),
    within:
      (loss, rest) =>
      (chosen: Record<string, Tensor>, ...batch) => {
        let next = 0;
        return loss(unflatten(paths.map((path, i) => (flags[i] ? chosen[path] : rest[next++]))), ...batch);
      },
  };
}
