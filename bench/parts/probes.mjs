// The peak of this machine at an instruction set: a small program, compiled here once and run beside what it judges.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../sides/sides.mjs";

const source = join(root, "bench/probes/peak.cpp");
const targets = { avx2: ["-mavx2", "-mfma"], avx512: ["-mavx512f", "-mavx2", "-mfma"] };

/** { gflops, gbs, from } where a compiler is, else null: then the best rates that the kernels reached stand for the peak. */
export function probePeak(isa, threads) {
  const target = targets[isa];
  if (!target) return null;
  const folder = join(root, ".cache/bench"),
    program = join(folder, `peak-${isa}`);
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs) {
    mkdirSync(folder, { recursive: true });
    const compiled = spawnSync(process.env.CXX ?? "c++", ["-std=c++17", "-O3", ...target, "-pthread", source, "-o", program]);
    if (compiled.status !== 0) return null;
  }
  const { status, stdout } = spawnSync(program, [String(threads)], { encoding: "utf8" });
  if (status !== 0) return null;
  const { gflops, gbs } = JSON.parse(stdout);
  return { gflops, gbs, from: "bench/probes/peak.cpp" };
}

/** The best rates among rows of results, of any side. */
export function peakReached(rows) {
  const rates = (amounts) =>
    rows.flatMap((row) => Object.entries(row.times).map(([entry, ms]) => (row[amounts]?.[entry.split(":")[1]] ?? 0) / ms / 1e6));
  return { gflops: Math.max(0, ...rates("flops")), gbs: Math.max(0, ...rates("bytes")), from: "the fastest kernel of any side" };
}
