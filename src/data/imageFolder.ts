import { readdirSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { checkOneOf, fail } from "../core/errors.ts";
import { badFile, countWithin, type Split } from "./imageSet.ts";

const op = "images";
const suffixes = new Set([".png", ".jpg", ".jpeg", ".webp"]);
const splitNames: Record<Split, readonly string[]> = { train: ["train"], test: ["test", "val"] };
/** Without folders for the splits, every tenth image of a class is for testing. */
const testEvery = 10;

export interface FolderImages {
  readonly classes: readonly string[];
  /** The classes take turns, so that a limit leaves as many of each. */
  readonly files: readonly { readonly path: string; readonly label: number }[];
}

/** The images of a split of `dir`: <split>/<class>/<image>, or <class>/<image>. */
export function listImages(dir: string, split: Split, limit: number | undefined): FolderImages {
  checkOneOf(op, "split", split, ["train", "test"]);
  if (typeof dir !== "string" || !isFolder(dir)) fail("ERR_ARGUMENT", op, `dir must be a folder with the images, got ${dir}`);
  const root = splitFolder(dir, split);
  const shared = root === undefined;
  const classes = classFolders(root ?? dir);
  const perClass = classes.map((name) => {
    const folder = join(root ?? dir, name);
    const all = imageFiles(folder);
    if (all.length === 0) badFile(op, folder, `the class has no image (${[...suffixes].join(", ")})`);
    const kept = shared ? all.filter((_, i) => (i % testEvery === testEvery - 1) === (split === "test")) : all;
    return kept.map((name) => join(folder, name));
  });
  const available = perClass.reduce((sum, paths) => sum + paths.length, 0);
  if (available === 0) badFile(op, dir, `no class has the ${testEvery} images that leave one for testing (or make the folders train and test)`);
  return { classes, files: inTurns(perClass).slice(0, countWithin(op, available, limit)) };
}

/** The folder of a split; undefined where the splits have no folders. */
function splitFolder(dir: string, split: Split): string | undefined {
  const found = splitNames[split].map((name) => join(dir, name)).find((path) => isThere(path));
  if (found) return isFolder(found) ? found : badFile(op, found, "expected a folder with a folder for each class, got a file");
  const other = Object.values(splitNames)
    .flat()
    .find((name) => isFolder(join(dir, name)));
  if (other) badFile(op, dir, `expected the folder ${splitNames[split].join(" or ")} beside ${other}, and it is not there`);
  return undefined;
}

/** Names of folders; as numbers where all are whole numbers (the folders 0 to 999 of ImageNet V2), else as text. */
function classFolders(root: string): string[] {
  const names = readdirSync(root).filter((name) => !name.startsWith(".") && isFolder(join(root, name)));
  if (names.length === 0) badFile(op, root, "expected a folder for each class, and there is none");
  const numbered = names.every((name) => /^\d+$/.test(name));
  return names.sort((a, b) => (numbered ? Number(a) - Number(b) : 0) || compare(a, b));
}

function imageFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && !entry.name.startsWith(".") && suffixes.has(extname(entry.name).toLowerCase()))
    .map(({ name }) => name)
    .sort(compare);
}

function inTurns(perClass: readonly (readonly string[])[]): { path: string; label: number }[] {
  const files: { path: string; label: number }[] = [];
  const most = perClass.reduce((longest, { length }) => Math.max(longest, length), 0);
  for (let k = 0; k < most; k++) {
    perClass.forEach((paths, label) => {
      if (k < paths.length) files.push({ path: paths[k]!, label });
    });
  }
  return files;
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
/** By code units: the same order on every machine. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
