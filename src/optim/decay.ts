import { fail } from "../core/errors.ts";
import { flattenTree } from "../graph/tree.ts";
import { concat, full, isTensor } from "../index.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Which leaves decay: a tree of booleans like the parameters, or a function of a leaf's path ("blocks.0.mlp.fc1.kernel") and the leaf. */
export type DecayMask = ((path: string, leaf: Tensor) => boolean) | MaskTree;
/** A tree of booleans. */
export type MaskTree = boolean | readonly MaskTree[] | { readonly [key: string]: MaskTree };

/**
 * A decayMask: the weights of linear layers, convolutions and patch embeddings decay, which are the leaves named "kernel"; biases, scales of norms,
 * class token and position embedding do not. big_vision's default is the same: what ends in "/kernel".
 */
export const decayKernels = (path: string): boolean => path.slice(path.lastIndexOf(".") + 1) === "kernel";

/** weightDecay for the leaves that decay, 0 for the others: a number where all are alike, else a vector over the flat parameters. */
export function decayFactors(op: string, params: unknown, weightDecay: number, mask: DecayMask | undefined): Tensor | number {
  if (mask === undefined) return weightDecay;
  const { leaves, paths } = flattenTree(params, isTensor);
  const flags = typeof mask === "function" ? leaves.map((leaf, i) => Boolean(mask(paths[i]!, leaf))) : booleansOf(op, mask, params);
  if (flags.every((flag) => flag === flags[0])) return flags[0] ? weightDecay : 0;
  const runs: { flag: boolean; size: number }[] = [];
  leaves.forEach(({ size }, i) => {
    const last = runs.at(-1);
    if (last?.flag === flags[i]) last.size += size;
    else runs.push({ flag: flags[i]!, size });
  });
  const { dtype, device } = leaves[0]!;
  return concat(runs.map(({ flag, size }) => full([size], flag ? weightDecay : 0, { dtype, device })));
}

function booleansOf(op: string, mask: MaskTree, params: unknown): boolean[] {
  const given = flattenTree(mask, (x): x is boolean => typeof x === "boolean"),
    wanted = flattenTree(params, isTensor);
  if (given.key === wanted.key) return given.leaves;
  const expected = `a function or a tree of booleans like the parameters [${wanted.paths.join(", ")}]`;
  return fail("ERR_ARGUMENT", op, `decayMask must be ${expected}, got a tree with [${given.paths.join(", ")}]`);
}
