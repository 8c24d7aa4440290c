import { fail } from "../core/errors.ts";
import type { Flattened } from "../graph/tree.ts";

/** One axis for a whole tree, or a tree of axes; null: not mapped. */
export type AxesTree = number | null | readonly AxesTree[] | { readonly [key: string]: AxesTree };

/** An axis for each leaf of `tree`, whose leaves are where `flat` found them. */
export function flattenAxes(what: string, axes: AxesTree, tree: unknown, flat: Flattened<unknown>): (number | null)[] {
  const list: (number | null)[] = [];
  const leaves = new Set(flat.paths);
  const walk = (axis: AxesTree | undefined, x: any, path: string): void => {
    if (axis === undefined) fail("ERR_ARGUMENT", "vmap", `${what} has no entry for ${path || "the argument"}`);
    if (leaves.has(path) && (axis === null || typeof axis === "number")) {
      if (axis !== null && !Number.isInteger(axis)) fail("ERR_ARGUMENT", "vmap", `${what} must hold whole numbers or null, got ${axis}`);
      list.push(axis);
      return;
    }
    if (x === null || typeof x !== "object") return;
    const keys = Array.isArray(x) ? x.map((_, i) => String(i)) : Object.keys(x).sort();
    for (const key of keys) {
      const inner = axis === null || typeof axis === "number" ? axis : (axis as Record<string, AxesTree>)[key];
      walk(inner, x[key], path ? `${path}.${key}` : key);
    }
  };
  walk(axes, tree, "");
  if (list.length !== flat.leaves.length) fail("ERR_ARGUMENT", "vmap", `${what} must be a number, null, or a tree like the argument`);
  return list;
}
