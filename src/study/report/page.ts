/** The study as one page that needs nothing beside it: tables, plots as SVG, pictures as data. */
import { slides } from "../presets.ts";
import type { FinishedRow, StudyOptions, StudyResults, StudyRow } from "../study.ts";
import { mean, type Pair, pairsOf } from "../summary.ts";
import { activeFigure } from "./active.ts";
import { attentionFigure } from "./attention.ts";
import { runSection } from "./commands.ts";
import { curvesFigure } from "./curves.ts";
import { count, escape, figure, lambdaMax, measured, percent, plural, section } from "./html.ts";
import { linesFigure, planesFigure } from "./landscape.ts";
import { plotterOf } from "./plots.ts";
import { sharpnessPlot } from "./sharpness.ts";
import { style } from "./style.ts";
import { rowsTable } from "./table.ts";

export async function reportOf(options: StudyOptions, results: StudyResults, finished: readonly FinishedRow[]): Promise<string> {
  const { rows, preset } = results,
    pairs = pairsOf(rows),
    models = pairs.map(({ model }) => model),
    plotter = await plotterOf();
  const { images, lambdaMax: found } = rows[0]!,
    rho = rows.find(({ sam }) => sam)?.rho ?? 0,
    seeds = new Set(rows.map(({ seed }) => seed)).size;
  const idOf = (model: string): string => finished.find(({ row }) => row.model === model)!.plan.model.id;
  const attention = attentionFigure(finished);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>How flat is the minimum? steppe study, ${escape(preset)}</title>
<style>${style}</style>
</head>
<body>
<header>
<p class="eyebrow">steppe study, preset ${escape(preset)}</p>
<h1>How flat is the minimum?</h1>
<p class="lead">${words(models.length)} ${models.length === 1 ? "network" : "networks"}, trained on ${count(images)} images of CIFAR-10 for ${epochsOf(rows)}, with and without sharpness-aware minimization (SAM, ρ = ${rho}), ${plural(seeds, "seed")} each. Where each ended, the largest eigenvalue ${lambdaMax} of the loss’s Hessian says how sharply the loss bends.</p>
<div class="cards">${pairs.map((pair) => card(pair, idOf(pair.model))).join("\n")}</div>
</header>
<main>
${section(
  "sharpness",
  "Sharpness",
  `<div class="split">${figure(sharpnessPlot(plotter, pairs, rows), "A dot is a seed, a bar the geometric mean. The axis is logarithmic.")}
<div><p>${lambdaMax} is measured on the ${found.loss} cross-entropy of ${count(found.images)} training images, without augmentation and weight decay, by products of the exact Hessian with vectors.</p>
<p>The residual in the table, the length of <i>Hv</i> − <i>λv</i>, bounds the error: some eigenvalue lies at most that far from the number shown.</p></div></div>`,
)}
${section("rows", "All rows", rowsTable(models, finished))}
${section("training", "Training", curvesFigure(plotter, models, finished))}
${section("landscape", "The loss around the weights", linesFigure(plotter, models, finished) + planesFigure(plotter, models, finished))}
${attention && section("attention", "Where the ViT looks", attention)}
${section("active", "Active units", activeFigure(plotter, models, finished))}
${section("meaning", "What a run of this size can show, and what not", meaning(finished[0]!))}
${section("run", "What ran", runSection(options, results, finished))}
</main>
<footer>Figures marked as the slides’: Chen, Hsieh, Gong, “When Vision Transformers Outperform ResNets without Pre-training or Strong Data Augmentations”, ICLR 2022.</footer>
</body>
</html>
`;
}

const words = (n: number): string => ["No", "One", "Two", "Three", "Four", "Five", "Six"][n] ?? String(n);
function epochsOf(rows: readonly StudyRow[]): string {
  const all = rows.map(({ epochs }) => epochs),
    [least, most] = [Math.min(...all), Math.max(...all)];
  return least === most ? plural(most, "epoch") : `${least} to ${most} epochs`;
}
const gap = (rows: readonly StudyRow[]): number => mean(rows, ({ trainAccuracy, testAccuracy }) => trainAccuracy - testAccuracy);

function card({ model, plain, sam, lambdaPlain, lambdaSam, ratio }: Pair, id: string): string {
  const large = slides.find((slide) => slide.id === id);
  const compared = large
    ? `<p class="note">Slides, not measured here: ${large.label} on ImageNet, ${large.plain.lambdaMax.toFixed(1)} plain and ${large.sam.lambdaMax.toFixed(1)} with SAM, ${measured(large.plain.lambdaMax / large.sam.lambdaMax)} times flatter.</p>`
    : "";
  return `<div class="card"><h2>${escape(model)}</h2>
<p class="big">${measured(Math.max(ratio, 1 / ratio))}× <span>${ratio >= 1 ? "flatter" : "sharper"} with SAM</span></p>
<dl><div><dt>${lambdaMax}</dt><dd><b class="plain">${measured(lambdaPlain)}</b> plain</dd><dd><b class="SAM">${measured(lambdaSam)}</b> SAM</dd></div>
<div><dt>train − test accuracy</dt><dd><b class="plain">${percent(gap(plain))}</b> plain</dd><dd><b class="SAM">${percent(gap(sam))}</b> SAM</dd></div></dl>
${compared}</div>`;
}

function meaning({ plan: { settings } }: FinishedRow): string {
  const tested = settings.testLimit ?? Math.min(settings.limit ?? 10_000, 10_000),
    error = Math.sqrt(0.25 / tested); // of a share, at most
  return `<ul class="words">
<li><b>It can show the flattening.</b> Both rows of a pair have the same network, data, order, optimizer and number of epochs; they differ in SAM alone. The seeds show how far chance goes.</li>
<li><b>Of accuracy it can say little.</b> These trainings are short and the networks small. SAM lags behind in training here, and the distance between train and test accuracy shrinks; whether it already wins on test images is within chance: with ${count(tested)} of them the standard error of an accuracy is up to ${percent(error)}. The slides’ gain comes after whole trainings on ImageNet.</li>
<li><b>An epoch with SAM costs two gradients a step.</b> Images per second say so, on this machine and with what else ran on it; they are no benchmark.</li>
<li><b>${lambdaMax} compares rows of one model.</b> It depends on the loss, the images, their number and how the weights are scaled. The slides’ values are of other networks, other data, and 100 power iterations on a tenth of ImageNet, so only their direction can be compared with these.</li>
<li><b>A landscape is one random direction or plane</b> in a space of as many dimensions as there are parameters. Running statistics of batch norms stay as training left them.</li>
</ul>`;
}
