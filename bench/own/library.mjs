// steppe as it is built below a root: this tree's, or that of a commit which is compared.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const folders = ["nn", "models", "optim", "curvature"];

export async function loadLibrary(root) {
  const load = (path) => import(pathToFileURL(join(root, "dist/src", path, "index.js")).href);
  const [st, ...parts] = await Promise.all([load("."), ...folders.map(load)]);
  return { st, ...Object.fromEntries(folders.map((name, i) => [name, parts[i]])) };
}

/** Marks a task whose outputs are its own state, not the caller's to dispose of. */
export const keeping = (run) => Object.assign(run, { keeps: true });
