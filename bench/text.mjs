// Rows and tables as lines of text.
import { sideNames } from "./sides/sides.mjs";

const digits = (x) => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
export const milliseconds = (ms) => (ms >= 1 ? `${digits(ms)} ms` : `${digits(ms * 1000)} us`);

/** One line a task: each side's time, our rate against the peak, ratios of ours to the others'. names: what the sides are called. */
export function linesOfRow(row, peak, names = sideNames) {
  const tasks = [...new Set(Object.keys(row.times).map((entry) => entry.split(":")[1]))];
  const lines = tasks.map((task) => {
    const entries = Object.keys(row.times).filter((entry) => entry.split(":")[1] === task),
      ours = row.times[`own:${task}`];
    const parts = entries.map((entry) => {
      const side = entry.split(":")[0],
        ms = row.times[entry];
      return `${names[side]} ${milliseconds(ms)}${side === "own" ? rateOf(row, task, ms, peak) : ` (ratio ${(ours / ms).toFixed(2)})`}`;
    });
    const far = Math.max(...entries.map((entry) => row.apart[entry] ?? 0));
    return `${row.what}, ${task}: ${parts.join(", ")}${far > 0 ? `, apart ${far.toExponential(0)}` : ""}  [${row.id}]`;
  });
  return [...lines, ...Object.entries(row.failed).map(([entry, why]) => `  ${entry} was not timed: ${why}`)];
}

function rateOf(row, task, ms, peak) {
  const [flops, bytes] = [row.flops?.[task], row.bytes?.[task]];
  const rate = (amount, unit, most) => {
    const reached = amount / ms / 1e6;
    return `${digits(reached)} ${unit}${most ? `, ${((100 * reached) / most).toFixed(0)} %` : ""}`;
  };
  if (flops) return ` (${rate(flops, "GFLOP/s", peak?.gflops)})`;
  return bytes ? ` (${rate(bytes, "GB/s", peak?.gbs)})` : "";
}

export const linesOfMemory = ({ what, own, torch }) => [
  `${what}: ours ${megabytes(own)}${torch === null ? "" : `, PyTorch ${megabytes(torch)}, ratio ${(own / torch).toFixed(2)}`}`,
];
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;

export function linesOfGrowth({ what, sizes, times, firsts, slope, planSlope, expected, away, farthest }) {
  const points = sizes.map((size, i) => `${size}: ${milliseconds(times[i])}`).join(", ");
  if (farthest !== undefined) {
    const at = sizes[away.findIndex((x) => Math.abs(x) === farthest)];
    return [`${what}, ${sizes[0]} to ${sizes.at(-1)}: at most ${(100 * farthest).toFixed(1)} % from the smooth fit, at ${at} (${points})`];
  }
  const first = `first call ${milliseconds(firsts[0])} to ${milliseconds(firsts.at(-1))}, slope ${planSlope.toFixed(2)}`;
  return [`${what}: slope ${slope.toFixed(2)} of ${expected} (${points}); ${first}`];
}

export const linesOfLatency = (l) => [
  `longest gap of the event loop in ${l.steps} training steps ${l.gapMs.toFixed(1)} ms (in the first, which is planned, ${l.firstStepGapMs.toFixed(1)} ms)`,
  `import and first result ${l.firstResultMs.toFixed(0)} ms, addon ${l.addonMb.toFixed(2)} MB`,
  `from call to result: ${Object.entries(l.calls)
    .map(([name, us]) => `${name} ${digits(us)} us`)
    .join(", ")}`,
];

/** The bars as a table; a bar that this run did not measure shows "-". */
export function barsTable(bars) {
  const written = (bar, x) => (x === null ? "-" : `${bar.unit === "x" ? x.toFixed(2) : x.toPrecision(3)}${bar.unit === "x" ? "" : ` ${bar.unit}`}`);
  const rows = bars.map((bar) => [
    bar.name,
    `${bar.better === "lower" ? "<=" : ">="} ${written(bar, bar.must)}`,
    written(bar, bar.aim),
    written(bar, bar.measured),
    bar.met === null ? "" : bar.met ? "met" : "MISSED",
  ]);
  const head = ["bar", "must", "aim", "measured", ""],
    widths = head.map((word, i) => Math.max(word.length, ...rows.map((row) => row[i].length)));
  const line = (cells) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}
