// Lines by folder and the longest files: node scripts/size.mjs [--check]. --check fails when a file is over the budget.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const budget = 450;
const code = /\.(ts|js|mjs|cpp|h|cu|cuh|wgsl|py)$/;
const generated = /\.gen\./;

const tracked = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { encoding: "utf8" }).trim().split("\n");
const files = tracked
  .filter((path) => code.test(path) && !generated.test(path) && existsSync(path))
  .map((path) => ({ path, lines: readFileSync(path, "utf8").split("\n").length - 1 }))
  .sort((a, b) => b.lines - a.lines);

// "src/data/cifar10.ts" counts for "src/data", "bench/run.mjs" for "bench".
const folderOf = (path) => path.split("/").slice(0, -1).slice(0, 2).join("/") || ".";
const folders = new Map();
for (const { path, lines } of files) {
  const entry = folders.get(folderOf(path)) ?? { files: 0, lines: 0 };
  folders.set(folderOf(path), { files: entry.files + 1, lines: entry.lines + lines });
}

if (!process.argv.includes("--check")) {
  const row = (lines, count, name) => console.log(`${String(lines).padStart(7)} ${String(count).padStart(5)}  ${name}`);
  console.log("  lines files  folder");
  for (const [name, entry] of [...folders].sort(([a], [b]) => (a < b ? -1 : 1))) row(entry.lines, entry.files, name);
  row(
    files.reduce((sum, file) => sum + file.lines, 0),
    files.length,
    "all",
  );
  console.log("\nlongest files");
  for (const { path, lines } of files.slice(0, 10)) console.log(`${String(lines).padStart(7)}  ${path}`);
}

const over = files.filter((file) => file.lines > budget);
for (const { path, lines } of over) console.error(`${path} has ${lines} lines, over the budget of ${budget}: split it where its ideas are two`);
if (over.length) process.exitCode = 1;
