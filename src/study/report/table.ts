import { slides } from "../presets.ts";
import type { FinishedRow } from "../study.ts";
import { count, duration, escape, kindOf, lambdaMax, measured, percent, plural } from "./html.ts";

type Column = readonly [title: string, cell: (row: FinishedRow["row"]) => string];
const columns: readonly Column[] = [
  [lambdaMax, ({ lambdaMax: found }) => `${measured(found.value)}${found.converged ? "" : "†"}`],
  ["residual", (row) => measured(row.lambdaMax.residual, 2)],
  ["train<br>accuracy", (row) => percent(row.trainAccuracy)],
  ["test<br>accuracy", (row) => percent(row.testAccuracy)],
  ["train<br>loss", (row) => row.trainLoss.toFixed(3)],
  ["test<br>loss", (row) => row.testLoss.toFixed(3)],
  ["images/s", (row) => count(row.imagesPerSecond)],
  ["training", (row) => duration(row.seconds)],
];

/** All rows, by model; beside them what the slides say of the large model of the family. */
export function rowsTable(models: readonly string[], finished: readonly FinishedRow[]): string {
  const bodies = models.map((model) => {
    const rows = finished.filter(({ row }) => row.model === model).sort((a, b) => Number(a.row.sam) - Number(b.row.sam) || a.row.seed - b.row.seed),
      { plan, row } = rows[0]!,
      large = slides.find(({ id }) => id === plan.model.id);
    const title = `<tr class="model"><th scope="rowgroup" colspan="${columns.length + 1}">${escape(model)} <span>${count(row.params)} parameters, ${escape(row.optimizer)}, ${plural(row.epochs, "epoch")}</span></th>
<td class="slides">${large ? large.label : ""}</td><td></td></tr>`;
    const lines = rows.map(({ row }, i) => {
      const first = i === 0 || rows[i - 1]!.row.sam !== row.sam,
        span = rows.filter((other) => other.row.sam === row.sam).length;
      const figures = large?.[row.sam ? "sam" : "plain"];
      const beside = first
        ? [figures?.lambdaMax.toFixed(1), figures && `${figures.accuracy.toFixed(1)}\u00a0%`].map(
            (text, j) => `<td rowspan="${span}"${j === 0 ? ' class="slides"' : ""}>${text ?? ""}</td>`,
          )
        : [];
      return `<tr><th scope="row"><b class="${kindOf(row)}">${kindOf(row)}</b>${row.sam ? ` ρ ${row.rho}` : ""}, seed ${row.seed}</th>${columns.map(([, cell]) => `<td>${cell(row)}</td>`).join("")}${beside.join("")}</tr>`;
    });
    return `<tbody>\n${title}\n${lines.join("\n")}\n</tbody>`;
  });
  const unsure = finished.some(({ row }) => !row.lambdaMax.converged);
  return `<p class="note" id="rows-note">Every row, and on the right the slides’ own figures for the large model of the same family, <b>which were not measured here</b>.</p>
<div class="wide" tabindex="0" role="region" aria-labelledby="rows"><table class="rows" aria-describedby="rows-note">
<thead>
<tr><td></td><th scope="colgroup" colspan="${columns.length}">measured here</th><th scope="colgroup" colspan="2" class="slides">slides, ImageNet</th></tr>
<tr><th scope="col">row</th>${columns.map(([title]) => `<th scope="col">${title}</th>`).join("")}<th scope="col" class="slides">${lambdaMax}</th><th scope="col">top-1</th></tr>
</thead>
${bodies.join("\n")}
</table></div>${unsure ? '\n<p class="note">† The iteration ended at its limit before the residual was as small as asked; the value may lie a little too low.</p>' : ""}`;
}
