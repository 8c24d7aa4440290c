// npm run bench: see options.mjs for what can be asked, README.md for what is measured and how.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { quickCases } from "./cases/quick.mjs";
import { help, parseOptions } from "./options.mjs";
import { isTable, runTable } from "./parts/cases.mjs";
import { compareCommits } from "./parts/compare.mjs";
import { measureGrowth } from "./parts/growth.mjs";
import { measureLatency } from "./parts/latency.mjs";
import { measureMemory } from "./parts/memory.mjs";
import { reportOf } from "./report.mjs";
import { allResults, commitHere, machineOf, resultsOf, writeResults } from "./results.mjs";
import { openSides, root, sideNames, stopAll } from "./sides/sides.mjs";
import { barsTable, linesOfGrowth, linesOfLatency, linesOfMemory, linesOfRow } from "./text.mjs";
import { runCase } from "./timing.mjs";

let options;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${error.message}; npm run bench -- --help tells what can be asked`);
  process.exit(2);
}
if (options.help) {
  console.log(help);
  process.exit(0);
}

const say = (lines) => {
  for (const line of [lines].flat()) (options.json ? console.error : console.log)(line);
};
const folder = mkdtempSync(join(tmpdir(), "steppe-bench-")),
  settings = { ...options, folder };
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));

const sayAbsent = (absent) => absent.forEach(({ name, why }) => say(`${sideNames[name]} takes no part: ${why}`));

const machineLine = ({ own, torch }) => {
  const { cpu, isa, threads, node } = machineOf({ isa: own.isa, threads: options.threads });
  return `${cpu}, ${isa}, ${threads} threads, Node ${node}${torch ? `, PyTorch ${torch.torch} (${torch.isa})` : ""}`;
};

/** One part's data, with when and at which commit it was measured; null where none of the cases is in it. */
async function measure(part) {
  say(`\n${part}`);
  const found = await measured(part);
  if (!found) return null;
  if (found.absent) sayAbsent(found.absent);
  return { at: new Date().toISOString(), commit: commitHere(), ...(options.cases.length && { partial: true }), ...found };
}
async function measured(part) {
  if (isTable(part)) return runTable(part, settings, (row, peak) => say(linesOfRow(row, peak)));
  if (part === "memory") return measureMemory(settings, (row) => say(linesOfMemory(row)));
  if (part === "growth") return measureGrowth(settings, (row) => say(linesOfGrowth(row)));
  const latency = measureLatency(settings);
  say(linesOfLatency(latency));
  return latency;
}

async function quick() {
  const { sides, absent } = await openSides(["own", "torch"], settings),
    rows = [];
  const versions = Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, side.versions]));
  say(machineLine(versions));
  sayAbsent(absent);
  try {
    for (const work of await quickCases()) {
      if (options.cases.length && !options.cases.includes(work.id)) continue;
      rows.push(await runCase(sides, work, { rounds: options.rounds ?? 3, folder }));
      say(linesOfRow(rows.at(-1)));
    }
  } finally {
    await stopAll(sides);
  }
  return resultsOf(machineOf({ isa: versions.own.isa, threads: options.threads }), { kernels: { versions, absent, rows } });
}

async function whole() {
  const parts = {};
  for (const part of options.parts) {
    const found = await measure(part);
    if (found) parts[part] = found;
  }
  if (Object.keys(parts).length === 0) throw new Error(`there is no case ${options.cases.join(", ")} in ${options.parts.join(", ")}`);
  const { sides } = await openSides(["own"], settings),
    { isa } = sides.own.versions;
  await stopAll(sides);
  const results = resultsOf(machineOf({ isa, threads: options.threads }), parts);
  say(["", barsTable(results.bars), "", `written: ${writeResults(results, options.out)}`]);
  const report = join(root, "bench/report.html");
  if (!options.out) {
    writeFileSync(report, await reportOf(allResults()));
    say(`written: ${report}`);
  }
  return results;
}

async function compared() {
  const sides = { own: options.compare[0], other: options.compare[1] };
  const { commits, rows } = await compareCommits(options.compare, settings, (row) => say(linesOfRow(row, null, sides)), say);
  const ratios = rows.flatMap((row) =>
    Object.keys(row.times)
      .filter((entry) => entry.startsWith("own:"))
      .map((entry) => ({
        id: row.id,
        task: entry.slice(4),
        ratio: row.times[entry.replace("own", "other")] / row.times[entry],
        spread: row.spreads[entry],
      })),
  );
  say([
    `\n${options.compare[1]} / ${options.compare[0]}, time`,
    ...ratios.map(({ id, task, ratio, spread }) => `${ratio.toFixed(3)}  ${id}, ${task} (+-${(100 * spread).toFixed(1)} %)`),
  ]);
  return { commits, rows, ratios };
}

try {
  const results = options.compare ? await compared() : options.quick ? await quick() : await whole();
  if (options.json) console.log(JSON.stringify(results));
  if (options.out && (options.compare || options.quick)) writeFileSync(options.out, `${JSON.stringify(results, null, 1)}\n`);
  process.exit(0);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
