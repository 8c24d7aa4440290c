// A Python with PyTorch, the peer that results and speed are compared with: node scripts/torch.mjs makes a venv with it in .cache/.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const torchVersion = "2.13.0";
const venv = fileURLToPath(new URL(`../.cache/torch-${torchVersion}`, import.meta.url));

/** The Python to use: STEPPE_TORCH_PYTHON, else that of the venv; null when neither is there. */
export function torchPython() {
  const python = process.env.STEPPE_TORCH_PYTHON || join(venv, "bin/python");
  return existsSync(python) ? python : null;
}

export const howToGetTorch = "PyTorch is not here: node scripts/torch.mjs makes a Python with it (or set STEPPE_TORCH_PYTHON)";

export function makeTorchVenv() {
  const run = (command, args) => spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] }).status === 0;
  if (!run("python3", ["-m", "venv", venv])) {
    rmSync(venv, { recursive: true, force: true });
    throw new Error('python3 with venv is needed for PyTorch: "apt-get install python3-venv"');
  }
  if (!run(join(venv, "bin/pip"), ["install", "--quiet", `torch==${torchVersion}`, "numpy"])) {
    rmSync(venv, { recursive: true, force: true });
    throw new Error("pip could not install PyTorch, as shown above");
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !torchPython()) makeTorchVenv();
