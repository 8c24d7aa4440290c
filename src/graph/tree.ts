import { fail } from "../core/errors.ts";

/** Leaves in arrays, tuples and plain objects; object keys count in sorted order. */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

type Structure =
  | "leaf"
  | { readonly list: readonly Structure[] }
  | { readonly keys: readonly string[]; readonly items: readonly Structure[] }
  | { readonly constant: unknown };

const isPlainObject = (x: unknown): x is Record<string, unknown> =>
  typeof x === "object" && x !== null && (Object.getPrototypeOf(x) === Object.prototype || Object.getPrototypeOf(x) === null);

/** Leaves and a function that puts new leaves in their places. What is neither leaf, array nor plain object is carried along as a constant. */
export interface Flattened<L> {
  readonly leaves: L[];
  readonly paths: string[];
  readonly key: string;
  unflatten<M>(leaves: readonly M[]): any;
}

export function flattenTree<L>(tree: unknown, isLeaf: (x: unknown) => x is L): Flattened<L> {
  const leaves: L[] = [];
  const paths: string[] = [];
  const walk = (x: unknown, path: string): Structure => {
    if (isLeaf(x)) {
      leaves.push(x);
      paths.push(path);
      return "leaf";
    }
    if (Array.isArray(x)) return { list: x.map((item, i) => walk(item, path ? `${path}.${i}` : String(i))) };
    if (isPlainObject(x)) {
      const keys = Object.keys(x).sort();
      return { keys, items: keys.map((k) => walk(x[k], path ? `${path}.${k}` : k)) };
    }
    return { constant: x };
  };
  const structure = walk(tree, "");
  return {
    leaves,
    paths,
    key: keyOf(structure),
    unflatten: <M>(items: readonly M[]) => {
      if (items.length !== leaves.length) fail("ERR_STATE", "tree", `${leaves.length} leaves were expected, got ${items.length}`);
      let next = 0;
      const build = (s: Structure): unknown => {
        if (s === "leaf") return items[next++];
        if ("list" in s) return s.list.map(build);
        if ("keys" in s) return Object.fromEntries(s.keys.map((k, i) => [k, build(s.items[i]!)]));
        return s.constant;
      };
      return build(structure);
    },
  };
}

function keyOf(s: Structure): string {
  if (s === "leaf") return "*";
  if ("list" in s) return `[${s.list.map(keyOf).join(",")}]`;
  if ("keys" in s) return `{${s.keys.map((k, i) => `${JSON.stringify(k)}:${keyOf(s.items[i]!)}`).join(",")}}`;
  return constantKey(s.constant);
}

const objectIds = new WeakMap<object, number>();
let objects = 0;
/** Primitives by value, functions and other objects by identity. */
export function constantKey(x: unknown): string {
  if ((typeof x !== "object" && typeof x !== "function") || x === null) return typeof x === "number" ? String(x) : (JSON.stringify(x) ?? "undefined");
  let id = objectIds.get(x);
  if (id === undefined) objectIds.set(x, (id = ++objects));
  return `#${id}`;
}
