import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
// Inside the package, so that its own name resolves to what `exports` says.
mkdirSync(join(root, "build"), { recursive: true });
const work = mkdtempSync(join(root, "build", "readme-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

it("README's tensor API runs as it is written, from the built package", { timeout: 120_000 }, async () => {
  const [, code] = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))!;
  const file = join(work, "readme.mjs");
  writeFileSync(file, code!);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: dirname(file) });
  const numbers = stdout.match(/-?\d+(\.\d+)?(e-?\d+)?/g)!.map(Number);
  expect(numbers[0]).toBeLessThan(1e-3);
  [1, -2, 0.5].forEach((weight, i) => expect(numbers[1 + i]).toBeCloseTo(weight, 1));
  expect(numbers.slice(-3)).toEqual([64, 3, 1]);
});
