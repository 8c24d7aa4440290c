// The parts that are tables of cases: kernels, models, curvature.
import { curvatureCases } from "../cases/curvature.mjs";
import { kernelCases } from "../cases/kernels.mjs";
import { modelCases } from "../cases/models.mjs";
import { openSides, stopAll } from "../sides/sides.mjs";
import { runCase } from "../timing.mjs";
import { peakReached, probePeak } from "./probes.mjs";

const tables = {
  kernels: { make: kernelCases, sides: ["own", "torch", "onnxruntime", "jaxjs", "tfjs"], rounds: 7 },
  models: { make: modelCases, sides: ["own", "torch", "own1", "jaxjs", "tfjs"], rounds: 3 },
  curvature: { make: curvatureCases, sides: ["own", "torch"], rounds: 3 },
};
export const isTable = (part) => part in tables;

/** Rows of a part; `onRow(row, peak)` hears of each. Only the named cases, all where none is named. */
export async function runTable(part, { cases, threads, isa, rounds, folder }, onRow) {
  const { make, sides: names, rounds: usual } = tables[part];
  const wanted = (await make()).filter(({ id }) => cases.length === 0 || cases.includes(id) || cases.includes(id.replace("curvature-", "")));
  if (wanted.length === 0) return null;
  const { sides, absent } = await openSides(threads > 1 ? names : names.filter((name) => name !== "own1"), { threads, isa });
  const versions = Object.fromEntries(Object.entries(sides).map(([name, side]) => [name, side.versions])),
    probed = part === "kernels" ? probePeak(versions.own.isa, threads) : null,
    rows = [];
  try {
    for (const work of wanted) {
      const row = await runCase(sides, work, { rounds: rounds ?? usual, folder });
      rows.push(row);
      onRow(row, probed);
    }
  } finally {
    await stopAll(sides);
  }
  return { versions, absent, rows, peak: probed ?? peakReached(rows) };
}
