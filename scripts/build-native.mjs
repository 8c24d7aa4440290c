// Builds build/Release/steppe.node; other options go to cmake-js, such as --debug, --out FOLDER or --CDSTEPPE_KERNELS=matmul.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
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
const options = [
  "--directory",
  "native",
  ...(given.includes("--out") ? [] : ["--out", "build"]),
  "--log-level",
  "error",
  "--CDCMAKE_MESSAGE_LOG_LEVEL=WARNING",
  ...given,
];
for (const step of ["configure", "build"]) {
  const { status } = spawnSync(process.execPath, [tool, step, ...options], {
    cwd: root,
    stdio: "inherit",
    env: { CMAKE_BUILD_PARALLEL_LEVEL: String(availableParallelism()), ...process.env },
  });
  if (status !== 0) process.exit(status ?? 1);
}

function stop(sentence) {
  console.error(`[build] ${sentence}`);
  process.exit(1);
}
