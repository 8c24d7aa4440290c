/** The study as one page that needs nothing beside it: a table, and plots as SVG. */
import { slides } from "./presets.ts";
import type { FinishedRow, StudyResults, StudyRow } from "./study.ts";
import { mean, type Pair, pairsOf } from "./summary.ts";

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const number = (x: number): string => Number(x.toPrecision(3)).toString();
const escape = (text: string): string => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]!);
const how = ({ sam, rho }: StudyRow): string => (sam ? `SAM ${rho}` : "plain");

export async function reportOf({ machine, preset, rows }: StudyResults, finished: readonly FinishedRow[]): Promise<string> {
  const pairs = pairsOf(rows),
    minutes = rows.reduce((sum, { seconds }) => sum + seconds, 0) / 60;
  const { sharpnessPlot, curvesPlot } = await plots(rows, finished);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>steppe study, ${preset}</title>
<style>${style}</style>
<main>
<h1>How flat is the minimum?</h1>
<p class="lead">${pairs.map(finding).join(" ")}</p>
<p class="where">Preset <b>${preset}</b>: ${rows[0]!.images.toLocaleString("en-US")} images of CIFAR-10, ${rows[0]!.epochs} epochs, ${rows.length} rows, ${number(minutes)} minutes of training on ${escape(machine.cpu)} (${machine.isa}, ${machine.threads} threads, Node ${machine.node}).</p>

<h2>Sharpness</h2>
<figure>${sharpnessPlot}<figcaption>The largest eigenvalue of the Hessian of the training loss (cross-entropy on ${rows[0]!.lambdaMax.images} training images, no augmentation), on a logarithmic scale. A dot is a seed, a bar the geometric mean.</figcaption></figure>

<h2>Rows</h2>
${rowsTable(rows)}

<h2>Training</h2>
<figure>${curvesPlot}<figcaption>Mean cross-entropy of each epoch: solid lines while training, dashed ones on the test images.</figcaption></figure>

<h2>What this shows, and what not</h2>
<p>A training as short as this shows the flattening. It is under-trained, so it does not show the gain in accuracy that SAM brings after a whole training: SAM lags behind in training here, while the distance between train and test shrinks.</p>
<table class="slides"><caption>For comparison, <b>from the slides, not measured here</b>: large models after whole trainings on ImageNet.</caption>
<tr><th>model</th><th>plain</th><th>SAM</th><th>ratio</th></tr>
${slides.map(({ label, plain, sam }) => `<tr><td>${label}</td><td>${plain.lambdaMax}</td><td>${sam.lambdaMax}</td><td>${number(plain.lambdaMax / sam.lambdaMax)}</td></tr>`).join("\n")}
</table>
</main>
</html>
`;
}

const finding = ({ model, plain, sam, lambdaPlain, lambdaSam, ratio }: Pair): string =>
  `<b>${escape(model)}</b>: &lambda;<sub>max</sub> ${number(lambdaPlain)} without SAM and <b>${number(lambdaSam)}</b> with it, ${number(ratio)} times flatter; ` +
  `the gap between train and test accuracy goes from ${percent(gap(plain))} to ${percent(gap(sam))}.`;
const gap = (rows: readonly StudyRow[]): number => mean(rows, ({ trainAccuracy, testAccuracy }) => trainAccuracy - testAccuracy);

const columns: [string, (row: StudyRow) => string][] = [
  ["model", (row) => escape(row.model)],
  ["", how],
  ["seed", (row) => String(row.seed)],
  ["&lambda;<sub>max</sub>", (row) => number(row.lambdaMax.value)],
  ["residual", (row) => number(row.lambdaMax.residual)],
  ["train acc.", (row) => percent(row.trainAccuracy)],
  ["test acc.", (row) => percent(row.testAccuracy)],
  ["train loss", (row) => row.trainLoss.toFixed(3)],
  ["test loss", (row) => row.testLoss.toFixed(3)],
  ["images/s", (row) => row.imagesPerSecond.toFixed(0)],
  ["seconds", (row) => row.seconds.toFixed(0)],
];
const rowsTable = (rows: readonly StudyRow[]): string => `<div class="wide"><table>
<tr>${columns.map(([title]) => `<th>${title}</th>`).join("")}</tr>
${rows.map((row) => `<tr>${columns.map(([, of]) => `<td>${of(row)}</td>`).join("")}</tr>`).join("\n")}
</table></div>`;

interface Point {
  readonly line: string;
  readonly model: string;
  readonly how: string;
  readonly split: string;
  readonly epoch: number;
  readonly loss: number;
}

const pointsOf = ({ id, row, log }: FinishedRow): Point[] =>
  log.flatMap(({ epoch, trainLoss, testLoss }) =>
    Object.entries({ train: trainLoss, test: testLoss }).map(([split, loss]) => ({
      line: `${id} ${split}`,
      model: row.model,
      how: kind(row.sam),
      split,
      epoch,
      loss,
    })),
  );
const kind = (sam: boolean): string => (sam ? "SAM" : "plain");

async function plots(rows: readonly StudyRow[], finished: readonly FinishedRow[]): Promise<{ sharpnessPlot: string; curvesPlot: string }> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  const { document } = parseHTML("<html><body></body></html>");
  const colour = { domain: ["plain", "SAM"], range: ["#c2571a", "#2f7d5b"], legend: false } as const;
  const means = pairsOf(rows).flatMap(({ model, plain, sam, lambdaPlain, lambdaSam }) => [
    { model, how: "plain", value: lambdaPlain, end: Math.max(...plain.map((row) => row.lambdaMax.value)) },
    { model, how: "SAM", value: lambdaSam, end: Math.max(...sam.map((row) => row.lambdaMax.value)) },
  ]);
  const values = rows.map(({ lambdaMax }) => lambdaMax.value),
    least = 10 ** Math.floor(Math.log10(Math.min(...values) / 2));
  const sharpness = Plot.plot({
    document,
    width: 760,
    marginLeft: 60,
    marginRight: 110,
    color: colour,
    x: { type: "log", domain: [least, 1.8 * Math.max(...values)], label: "lambda_max", grid: true, ticks: 5, tickFormat: "~s" },
    y: { domain: ["plain", "SAM"], label: null },
    fy: { label: null, padding: 0.15 },
    marks: [
      Plot.barX(means, { fy: "model", y: "how", x1: least, x2: "value", fill: "how", fillOpacity: 0.75, rx: 2 }),
      Plot.dot(rows, {
        fy: "model",
        y: (row: StudyRow) => kind(row.sam),
        x: (row: StudyRow) => row.lambdaMax.value,
        stroke: "currentColor",
        fill: "var(--paper)",
        r: 4,
      }),
      Plot.text(means, {
        fy: "model",
        y: "how",
        x: "end",
        text: (d: { value: number }) => number(d.value),
        dx: 10,
        textAnchor: "start",
        fontWeight: "bold",
      }),
    ],
  });
  const points = finished.flatMap(pointsOf);
  const ends = points.filter(({ epoch, line }) => epoch === Math.max(...points.filter((p) => p.line === line).map((p) => p.epoch)));
  const losses = points.map(({ loss }) => loss),
    spread = Math.max(...losses) - Math.min(...losses);
  const curves = Plot.plot({
    document,
    width: 760,
    height: 300,
    marginLeft: 50,
    marginRight: 80,
    color: colour,
    x: { label: "epoch", ticks: Math.min(10, rows[0]!.epochs), tickFormat: "d" },
    y: { label: "loss", grid: true },
    fx: { label: null },
    marks: [
      ...[
        ["train", undefined],
        ["test", "4 3"],
      ].map(([split, strokeDasharray]) =>
        Plot.line(
          points.filter((point) => point.split === split),
          { fx: "model", x: "epoch", y: "loss", z: "line", stroke: "how", strokeWidth: 2, strokeDasharray },
        ),
      ),
      Plot.text(labelled(ends, spread / 18), { fx: "model", x: "epoch", y: "loss", text: "label", fill: "how", dx: 6, textAnchor: "start" }),
    ],
  });
  return { sharpnessPlot: sharpness.outerHTML, curvesPlot: curves.outerHTML };
}

/** One label for the lines of all seeds of a kind, moved apart where they would overlap; `least` is a line of text in units of the loss. */
function labelled(ends: readonly Point[], least: number): (Point & { label: string })[] {
  const labels = [...new Set(ends.map(({ model, how, split }) => `${model}|${how} ${split}`))].map((key) => {
    const group = ends.filter(({ model, how, split }) => key === `${model}|${how} ${split}`);
    return { ...group[0]!, label: key.slice(key.indexOf("|") + 1), loss: group.reduce((sum, { loss }) => sum + loss, 0) / group.length };
  });
  const placed: typeof labels = [];
  for (const next of labels.sort((x, y) => x.loss - y.loss)) {
    const below = placed.findLast(({ model }) => model === next.model);
    placed.push({ ...next, loss: Math.max(next.loss, below ? below.loss + least : next.loss) });
  }
  return placed;
}

const style = `
:root { --paper: #fbfaf7; --ink: #23211d; --faint: #8a857a; --line: #ddd8cc; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1a18; --ink: #ece8df; --faint: #9b958a; --line: #3a3833; } }
body { background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; margin: 0; }
main { max-width: 820px; margin: 0 auto; padding: 2.5rem 1.2rem 4rem; }
h1 { font-size: 2rem; margin: 0 0 .6rem; letter-spacing: -.02em; } h2 { margin: 2.4rem 0 .6rem; font-size: 1.2rem; }
.lead { font-size: 1.15rem; } .where, figcaption, caption { color: var(--faint); font-size: .9rem; }
figure { margin: 0; } figure svg { max-width: 100%; height: auto; background: none; --plot-background: transparent; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; } caption { text-align: left; padding-bottom: .4rem; }
th, td { text-align: right; padding: .3rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; } th { font-weight: 600; color: var(--faint); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
`;
