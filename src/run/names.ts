/** Trees as flat names, the way PyTorch and the Hub write them: `layers.0.w`. */
import { fail } from "../core/errors.ts";

/** A tree whose leaves are names; null stands where the tree holds null. */
export type Skeleton = string | null | readonly Skeleton[] | { readonly [key: string]: Skeleton };

export interface NamedLeaves<T> {
  readonly leaves: ReadonlyMap<string, T>;
  readonly skeleton: Skeleton;
}

export function flatten<T>(op: string, tree: unknown, isLeaf: (x: unknown) => x is T): NamedLeaves<T> {
  const leaves = new Map<string, T>();
  const visit = (node: unknown, path: string): Skeleton => {
    if (isLeaf(node)) {
      const name = path || "tensor";
      if (leaves.has(name) || name === "__metadata__")
        fail("ERR_ARGUMENT", op, `the name ${JSON.stringify(name)} ${leaves.has(name) ? "comes twice" : "is reserved by the format"}; rename a key`);
      leaves.set(name, node);
      return name;
    }
    const below = (key: string) => (path ? `${path}.${key}` : key);
    if (node === null) return null;
    if (Array.isArray(node)) return node.map((item, i) => visit(item, below(String(i))));
    if (typeof node !== "object")
      return fail(
        "ERR_ARGUMENT",
        op,
        `a tree of tensors is needed, got ${typeof node} at ${JSON.stringify(path || "the root")}; text goes into metadata`,
      );
    return Object.fromEntries(
      Object.entries(node)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => [key, visit(item, below(key))]),
    );
  };
  const skeleton = visit(tree, "");
  return { leaves, skeleton };
}

/** The tree that the names alone tell: dots nest, keys 0, 1, 2 ... make an array. Names that contradict each other stay flat. */
export function nest<T>(leaves: ReadonlyMap<string, T>): unknown {
  type Branch = Map<string, Branch | { leaf: T }>;
  const root: Branch = new Map();
  for (const [name, leaf] of leaves) {
    const keys = name.split(".");
    let branch = root;
    for (const key of keys.slice(0, -1)) {
      const next = branch.get(key) ?? new Map();
      if (!(next instanceof Map)) return Object.fromEntries(leaves);
      branch.set(key, next);
      branch = next;
    }
    if (branch.has(keys.at(-1)!)) return Object.fromEntries(leaves);
    branch.set(keys.at(-1)!, { leaf });
  }
  const build = (node: Branch | { leaf: T }): unknown => {
    if (!(node instanceof Map)) return node.leaf;
    const isList = node.size > 0 && Array.from({ length: node.size }, (_, i) => String(i)).every((key) => node.has(key));
    if (isList) return Array.from({ length: node.size }, (_, i) => build(node.get(String(i))!));
    return Object.fromEntries([...node].map(([key, item]) => [key, build(item)]));
  };
  return build(root);
}

/** The tree of a skeleton; undefined unless its names are exactly those of the leaves. */
export function fill<T>(skeleton: Skeleton, leaves: ReadonlyMap<string, T>): { tree: unknown } | undefined {
  let used = 0,
    missing = false;
  const visit = (node: Skeleton): unknown => {
    if (node === null) return null;
    if (typeof node === "string") {
      missing ||= !leaves.has(node);
      used++;
      return leaves.get(node);
    }
    if (Array.isArray(node)) return node.map(visit);
    return Object.fromEntries(Object.entries(node).map(([key, item]) => [key, visit(item)]));
  };
  const tree = visit(skeleton);
  return missing || used !== leaves.size ? undefined : { tree };
}

/** Whether the names alone give the tree back. */
export function tellsTheTree({ leaves, skeleton }: NamedLeaves<unknown>): boolean {
  return canonical(nest(new Map([...leaves.keys()].map((name) => [name, name])))) === canonical(skeleton);
}
const canonical = (tree: unknown): string =>
  JSON.stringify(tree, (_, node) =>
    node && typeof node === "object" && !Array.isArray(node) ? Object.fromEntries(Object.entries(node).sort()) : node,
  );
