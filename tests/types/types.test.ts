import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

/** What checking these files and the sources may cost: about a third over what it does cost. */
const budget = 600_000;

test("shape types: cases compile, contradictions do not, within the budget of instantiations", async () => {
  const [compiler, project] = ["../../node_modules/typescript/lib/tsc.js", "."].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const { stdout } = await promisify(execFile)(process.execPath, [compiler!, "-p", project!, "--extendedDiagnostics"]).catch(
    (failed: { stdout: string }) => failed,
  );
  expect(stdout.split("\n").filter((line) => line.includes("error TS"))).toEqual([]);
  const instantiations = Number(/Instantiations:\s*(\d+)/.exec(stdout)?.[1]);
  expect(instantiations).toBeGreaterThan(0);
  expect(instantiations).toBeLessThan(budget);
});
