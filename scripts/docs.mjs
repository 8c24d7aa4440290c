// npm run docs: the API reference from the docstrings, as HTML in docs/api. Anything exported without a docstring is an error.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const docs = fileURLToPath(new URL("../docs", import.meta.url));
const modified = (name) => statSync(join(docs, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: docs, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(docs, "../node_modules"))) {
  console.error("[docs] node_modules was not found, and its types are needed: run npm ci first");
  process.exit(1);
}
// TypeScript 7 has no compiler API that typedoc can use: docs/ has a TypeScript of its own.
if (modified("node_modules/.package-lock.json") < modified("package-lock.json"))
  run(process.platform === "win32" ? "npm.cmd" : "npm", ["ci", "--no-audit", "--no-fund"]);
run(process.execPath, ["node_modules/typedoc/bin/typedoc", ...process.argv.slice(2)]);
