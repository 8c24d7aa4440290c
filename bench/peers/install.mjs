// Installs the bench's JavaScript peers into bench/peers/node_modules: node bench/peers/install.mjs
// onnxruntime-node's own install script would download CUDA libraries; without them it runs on the CPU, which is what is compared.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const { status } = spawnSync(npm, ["ci", "--no-audit", "--no-fund"], {
  cwd: fileURLToPath(new URL(".", import.meta.url)),
  stdio: "inherit",
  env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
});
process.exitCode = status ?? 1;
