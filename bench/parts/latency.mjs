// What is ours alone, in fresh processes: event loop, start, small calls, size.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../sides/sides.mjs";
import { median } from "../statistics.mjs";

const secondsOfTraining = 5,
  starts = 11;

/** { gapMs, firstStepGapMs, firstResultMs, tinyCallUs, chainMs, addonMb, calls: microseconds by name }. */
export function measureLatency({ threads, isa }) {
  const env = { ...process.env, STEPPE_THREADS: String(threads), ...(isa && { STEPPE_ISA: isa }) };
  const run = (name, ...args) =>
    JSON.parse(
      execFileSync(process.execPath, [join(root, "bench/own", name), root, ...args], { env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }),
    );
  return {
    ...run("latency.mjs", String(secondsOfTraining)),
    firstResultMs: median(Array.from({ length: starts }, () => run("firstResult.mjs"))),
    addonMb: statSync(join(root, "build/Release/steppe.node")).size / 1e6,
  };
}
