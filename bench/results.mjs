// Where results lie, and how a run's parts join those of earlier runs on the same machine.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { barsOf } from "./bars.mjs";
import { root } from "./sides/sides.mjs";

const folder = join(root, "bench/results");

export function machineOf({ isa, threads }) {
  return { cpu: cpus()[0].model.trim(), cores: cpus().length, isa, threads, node: process.versions.node };
}

/** The commit that is measured; a "+" says that files differ from it. */
export function commitHere() {
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8" }).trim();
  try {
    return git("rev-parse", "--short=12", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") ? "+" : "");
  } catch {
    return "unknown";
  }
}

export const fileOf = ({ cpu, isa, threads }) => join(folder, `${cpu.toLowerCase().replace(/[^a-z0-9]+/g, "-")}-${isa}-${threads}.json`);

/** Results of a run, with the bars that they tell of. */
export const resultsOf = (machine, parts) => ({ machine, parts, bars: barsOf({ parts }) });

/** Earlier results with these parts in place of theirs. A part that ran for some cases only replaces those rows. */
export function joined(earlier, { machine, parts }) {
  const all = { ...earlier?.parts };
  for (const [name, part] of Object.entries(parts)) {
    const before = all[name];
    all[name] = part.partial && before ? { ...part, ...mergedLists(before, part), partial: before.partial ?? false } : part;
  }
  return resultsOf(machine, all);
}

function mergedLists(before, part) {
  const lists = Object.keys(part).filter((key) => Array.isArray(part[key]) && part[key].every((row) => row.id));
  return Object.fromEntries(
    lists.map((key) => {
      const anew = new Map(part[key].map((row) => [row.id, row])),
        kept = (before[key] ?? []).map((row) => anew.get(row.id) ?? row),
        ids = new Set(kept.map((row) => row.id));
      return [key, [...kept, ...part[key].filter((row) => !ids.has(row.id))]];
    }),
  );
}

export function writeResults(results, out) {
  const path = out ?? fileOf(results.machine),
    whole = out ? results : joined(existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : null, results);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(whole, null, 1)}\n`);
  return path;
}

/** All results that lie in bench/results. */
export const allResults = () =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith(".json"))
        .sort()
        .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")))
    : [];
