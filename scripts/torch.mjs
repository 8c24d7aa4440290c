// A Python with PyTorch, the peer that results and speed are compared with: node scripts/torch.mjs makes a venv with it in .cache/.
// --peers adds timm and PyHessian, which the parity tests compare with.
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

/** The same, where it has timm and PyHessian too. */
export function peersPython() {
  const python = torchPython();
  const find = "import importlib.util as u, sys; sys.exit(not all(u.find_spec(name) for name in ('timm', 'pyhessian')))";
  return python && spawnSync(python, ["-c", find]).status === 0 ? python : null;
}

export const howToGetTorch = "PyTorch is not here: node scripts/torch.mjs makes a Python with it (or set STEPPE_TORCH_PYTHON)";

export function makeTorchVenv({ peers = false } = {}) {
  const run = (command, args) => spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] }).status === 0;
  const torch = `torch==${torchVersion}`;
  const install = (...packages) => run(join(venv, "bin/pip"), ["install", "--quiet", ...packages]);
  if (!existsSync(join(venv, "bin/python")) && !run("python3", ["-m", "venv", venv])) {
    rmSync(venv, { recursive: true, force: true });
    throw new Error('python3 with venv is needed for PyTorch: "apt-get install python3-venv"');
  }
  // torchvision, which timm imports, would bring a PyTorch of its own: it comes without its dependencies.
  const done =
    install(torch, "numpy") && (!peers || (install("--no-deps", "torchvision==0.28.0") && install(torch, "timm==1.0.31", "pyhessian==0.1")));
  if (!done) {
    rmSync(venv, { recursive: true, force: true });
    throw new Error("pip could not install PyTorch, as shown above");
  }
}

const peers = process.argv.includes("--peers");
if (process.argv[1] === fileURLToPath(import.meta.url) && !(peers ? peersPython() : torchPython())) makeTorchVenv({ peers });
