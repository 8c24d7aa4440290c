// Compares with PyTorch as it runs here: npm run test:parity. Makes a virtual environment (once), lets make_golden.py compute anew, runs golden.test.ts on that.
// PYTHON names another interpreter that has torch and numpy.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url)),
  root = join(here, "../..");
/** @param {string} program @param {string[]} args */
const run = (program, args, env = {}) => execFileSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });

function python() {
  if (process.env.PYTHON) return process.env.PYTHON;
  const folder = join(root, "build/parity"),
    interpreter = join(folder, "bin/python");
  if (!existsSync(join(folder, "ready"))) {
    run("python3", ["-m", "venv", folder]);
    run(interpreter, ["-m", "pip", "install", "--quiet", "torch==2.13.0", "numpy"]);
    run("touch", [join(folder, "ready")]);
  }
  return interpreter;
}

const scratch = mkdtempSync(join(tmpdir(), "steppe-parity-"));
try {
  const golden = join(scratch, "vit.safetensors");
  run(python(), [join(here, "make_golden.py"), golden]);
  run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "tests/parity"], { STEPPE_GOLDEN: golden });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
