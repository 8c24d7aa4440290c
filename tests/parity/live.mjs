// Compares with PyTorch, timm and PyHessian as they run here: npm run test:parity. Makes a Python with them (once), lets make/*.py compute anew, and
// runs the tests on that, with those (*.live.test.ts) whose files are too large to be kept. Words choose among make/*.py and the tests: -- timm
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeTorchVenv, peersPython } from "../../scripts/torch.mjs";

const here = fileURLToPath(new URL(".", import.meta.url)),
  root = join(here, "../..");
/** @param {string} program @param {string[]} args */
const run = (program, args, env = {}) => execFileSync(program, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });

const shared = ["common.py", "networks.py"];
const words = process.argv.slice(2);
const chosen = (/** @type {string} */ name) => words.length === 0 || words.some((word) => name.includes(word));
if (!peersPython()) makeTorchVenv({ peers: true });
const python = peersPython();
if (!python) throw new Error("no Python was made");
const scratch = mkdtempSync(join(tmpdir(), "steppe-parity-"));
try {
  const scripts = readdirSync(join(here, "make")).filter((name) => name.endsWith(".py") && !shared.includes(name) && chosen(name));
  for (const script of scripts) run(python, [join(here, "make", script), scratch]);
  const tests = readdirSync(here).filter((name) => name.endsWith(".test.ts") && chosen(name));
  run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...tests.map((name) => join("tests/parity", name))], {
    STEPPE_GOLDEN: scratch,
  });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
