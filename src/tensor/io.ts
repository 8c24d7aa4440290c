import { fail } from "../core/errors.ts";
import { o } from "../graph/algebra.ts";
import { checkDevice } from "../run/devices.ts";
import { evaluateValues, readValue } from "../run/engine.ts";
import { release, retain } from "../run/life.ts";
import { fill, flatten, nest, type Skeleton, tellsTheTree } from "../run/names.ts";
import { readNpz } from "../run/npz.ts";
import { readSafeTensors, type StoredTensor, writeSafeTensors } from "../run/safetensors.ts";
import { isTensor, refuseTraced, type Tensor, unwrap, wrap } from "./tensor.ts";

/** What save takes. */
export interface SaveOptions {
  /** Text that is kept beside the tensors. */
  readonly metadata?: Readonly<Record<string, string>>;
}
/** What load and loadNpz take. */
export interface LoadOptions {
  /** The device of the tensors; default: the default device. */
  readonly device?: string;
}
/** What load gives. */
export interface Loaded {
  /** The tree that was saved; from files of others, the tree that the names tell: `layers.0.w`. */
  readonly tree: any;
  /** The text that was kept beside the tensors. */
  readonly metadata: Record<string, string>;
}

// Trees that names alone do not tell (empty arrays, keys with dots) are kept under this key of the metadata.
const treeKey = "steppe.tree";

/** Writes a tree of tensors as a safetensors file, computing them first if need be. The file is replaced as a whole, whatever happens on the way:
 *  written beside it, synced and renamed. The file system's errors keep Node's codes. */
export function save(path: string, tree: unknown, options: SaveOptions = {}): Promise<void> {
  checkPath("save", path);
  const metadata: Record<string, string> = { ...checkMetadata(options.metadata ?? {}) };
  const named = flatten<Tensor>("save", tree, isTensor);
  if (!tellsTheTree(named)) metadata[treeKey] = JSON.stringify(named.skeleton);
  const values = [...named.leaves].map(([name, x]) => {
    const value = unwrap(x, "save");
    refuseTraced(value, "save");
    return [name, value] as const;
  });
  for (const [, value] of values) retain(value);
  const write = async (): Promise<void> => {
    try {
      await evaluateValues(values.map(([, value]) => value));
      const tensors = new Map<string, StoredTensor>();
      const stored = await Promise.all(values.map(([, value]) => readValue(value)));
      values.forEach(([name, { dtype, shape }], i) => {
        const { buffer, byteOffset, byteLength } = stored[i]!;
        tensors.set(name, { dtype, shape, bytes: new Uint8Array(buffer, byteOffset, byteLength) });
      });
      await writeSafeTensors(path, { tensors, metadata });
    } finally {
      for (const [, value] of values) release(value);
    }
  };
  return write();
}

/** Reads a safetensors file; names with dots become trees. A damaged file is ERR_FORMAT, one that is not there ENOENT. */
export async function load(path: string, options: LoadOptions = {}): Promise<Loaded> {
  checkPath("load", path);
  const device = options.device === undefined ? null : checkDevice("load", options.device);
  const {
    tensors,
    metadata: { [treeKey]: treeText, ...metadata },
  } = await readSafeTensors(path);
  const leaves = asTensors(tensors, device);
  return { tree: (treeText === undefined ? undefined : fill(parseSkeleton(path, treeText), leaves)?.tree) ?? nest(leaves), metadata };
}

/** Reads the arrays of a NumPy archive (.npz, np.savez and np.savez_compressed), by name. A damaged file is ERR_FORMAT. */
export async function loadNpz(path: string, options: LoadOptions = {}): Promise<Record<string, Tensor>> {
  checkPath("loadNpz", path);
  const device = options.device === undefined ? null : checkDevice("loadNpz", options.device);
  return Object.fromEntries(asTensors(await readNpz(path), device));
}

const asTensors = (stored: ReadonlyMap<string, StoredTensor>, device: string | null): Map<string, Tensor> =>
  new Map([...stored].map(([name, { bytes, dtype, shape }]) => [name, wrap(o.fromBytes(bytes, dtype, shape, device))]));

function checkPath(op: string, path: unknown): void {
  if (typeof path !== "string" || path === "") fail("ERR_ARGUMENT", op, `a path was expected, got ${JSON.stringify(path) ?? "nothing"}`);
}

function checkMetadata(metadata: unknown): Record<string, string> {
  if (typeof metadata !== "object" || metadata === null)
    return fail("ERR_ARGUMENT", "save", `metadata must be an object of strings, got ${String(metadata)}`);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string")
      fail(
        "ERR_ARGUMENT",
        "save",
        `metadata must hold strings, got ${typeof value} under ${JSON.stringify(key)} (use String(...) or JSON.stringify(...))`,
      );
    if (key === treeKey) fail("ERR_ARGUMENT", "save", `the metadata key ${treeKey} is used by steppe itself; choose another`);
  }
  return metadata as Record<string, string>;
}

function parseSkeleton(path: string, text: string): Skeleton {
  try {
    const skeleton: unknown = JSON.parse(text);
    if (isSkeleton(skeleton)) return skeleton;
  } catch {
    // said below
  }
  return fail("ERR_FORMAT", "load", `${path} is damaged: its metadata key ${treeKey} holds no tree of names`);
}
const isSkeleton = (x: unknown): x is Skeleton =>
  x === null || typeof x === "string" || (typeof x === "object" && Object.values(x).every(isSkeleton));
