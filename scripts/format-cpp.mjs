// Formats C++ and CUDA sources with clang-format, or with --check names the files that differ from it.
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const sources = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "*.cpp", "*.h", "*.cu", "*.cuh"], { encoding: "utf8" });
const files = sources.split("\n").filter((path) => path && !path.includes(".gen."));
const clangFormat = createRequire(import.meta.url).resolve("clang-format/index.js");
const mode = process.argv.includes("--check") ? ["--dry-run", "--Werror"] : ["-i"];
const { status } = spawnSync(process.execPath, [clangFormat, ...mode, ...files], { stdio: "inherit" });
process.exitCode = status ?? 1;
