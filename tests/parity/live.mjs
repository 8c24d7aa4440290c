// Compares with PyTorch as it runs here: npm run test:parity. Makes a Python with it (once), lets make_golden.py compute anew, runs golden.test.ts on that.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTorchVenv, torchPython } from "../../scripts/torch.mjs";

const here = fileURLToPath(new URL(".", import.meta.url)),
  root = join(here, "../..");
/** @param {string} program @param {string[]} args */
const run = (program, args, env = {}) => execFileSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });

if (!torchPython()) makeTorchVenv();
const python = torchPython();
if (!python) throw new Error("no Python was made");
const scratch = mkdtempSync(join(tmpdir(), "steppe-parity-"));
try {
  const golden = join(scratch, "vit.safetensors");
  run(python, [join(here, "make_golden.py"), golden]);
  run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "tests/parity"], { STEPPE_GOLDEN: golden });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
