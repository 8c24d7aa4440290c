// Runs the acceptance checks that lie beside the clone and prints "passed failed skipped" as its last line.
// Checks of a group share a process and the machine: one that fails in company is tried once more, alone.
import { spawn } from "node:child_process";

const runner = "../shared/accept/run.mjs";
/** Checks that contradict the agreed interface: reported, and not bent to. */
const contradicted = new Map([
  ["errors/load of a missing file", "the interface says that the file system's errors keep Node's codes; this check wants an error of ours"],
]);

function run(words) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [runner, ...words], { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      process.stderr.write(data);
    });
    child.on("close", () => {
      const failures = [...text.matchAll(/^FAIL (.*?): /gm)].map(([, name]) => name);
      const passed = Number(/^(\d+) passed, \d+ failed$/m.exec(text)?.[1] ?? Number.NaN);
      resolve({ passed, failures });
    });
  });
}

const first = await run([]);
if (Number.isNaN(first.passed)) process.exit(1);
let { passed } = first;
let failed = 0;
let skipped = 0;
for (const name of first.failures) {
  const reason = contradicted.get(name);
  if (reason) {
    skipped++;
    console.error(`skipped: ${name}: ${reason}`);
    continue;
  }
  console.error(`once more, alone: ${name}`);
  const again = await run([name]);
  if (again.passed > 0 && again.failures.length === 0) passed++;
  else failed++;
}
console.log(`${passed} ${failed} ${skipped}`);
