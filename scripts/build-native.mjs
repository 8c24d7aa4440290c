// Builds build/Release/steppe.node; other options go to cmake-js, such as --debug, --out FOLDER or --CDSTEPPE_KERNELS=matmul.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const runs = (tool) => spawnSync(tool, ["--version"], { stdio: "ignore" }).status === 0;

if (!runs("cmake")) stop("cmake was not found: install cmake 3.18 or newer (apt install cmake, brew install cmake) and run this again");
if (!runs("make") && !runs("ninja")) stop("neither make nor ninja was found: install one (apt install make) and run this again");
if (!["c++", "g++", "clang++", process.env.CXX].some((compiler) => compiler && runs(compiler))) {
  stop("no C++ compiler was found: install g++ 12 or clang 15 or newer (apt install g++, xcode-select --install) and run this again");
}
let tool;
try {
  tool = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
} catch {
  stop("cmake-js was not found: run npm install first");
}
const given = process.argv.slice(2);
const out = given.includes("--out") ? given[given.indexOf("--out") + 1] : "build";
const folder = resolve(root, out);
mkdirSync(folder, { recursive: true });
lock(join(folder, "lock"));
forgetOtherPlace(join(folder, "CMakeCache.txt"));
const quiet = ["--log-level", "error", "--CDCMAKE_MESSAGE_LOG_LEVEL=WARNING"];
for (const step of ["configure", "build"]) {
  const { status } = spawnSync(
    process.execPath,
    [tool, step, "--directory", "native", ...quiet, ...given, ...(given.includes("--out") ? [] : ["--out", out])],
    {
      cwd: root,
      stdio: "inherit",
      env: { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env },
    },
  );
  if (status !== 0) process.exit(status ?? 1);
}

/** Two builds of one folder run one after the other. The lock of a process that is gone does not count. */
function lock(path) {
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    try {
      process.kill(Number(readFileSync(path, "utf8")), 0);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    } catch {
      rmSync(path, { force: true });
    }
  }
  process.on("exit", () => rmSync(path, { force: true }));
}

/** CMake refuses a cache that was made where the repository lay before. */
function forgetOtherPlace(cache) {
  if (existsSync(cache) && !readFileSync(cache, "utf8").includes(`CMAKE_HOME_DIRECTORY:INTERNAL=${join(root, "native")}\n`)) rmSync(cache);
}

function stop(sentence) {
  console.error(`[build] ${sentence}`);
  process.exit(1);
}
