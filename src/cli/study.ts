import { join } from "node:path";
import { writeFileAtomic } from "../run/files.ts";
import { type Plan, type PresetName, presets, slides } from "../study/presets.ts";
import { reportOf } from "../study/report/page.ts";
import { type FinishedRow, runStudy, type StudyOptions, type StudyRow } from "../study/study.ts";
import { mean, type Pair, pairsOf } from "../study/summary.ts";
import { prepareDevice } from "./device.ts";
import { Stopped } from "./errors.ts";
import type { CommonOptions } from "./options.ts";
import { stopOnInterrupt } from "./stopping.ts";
import { type Column, duration, onError, percent, print, printJson, Progress, significant, table } from "./terminal.ts";
import { reports } from "./train.ts";

interface StudyFlags extends CommonOptions {
  readonly preset: PresetName;
  readonly dataDir?: string;
  readonly out: string;
}

export async function studyCommand({ preset: name, dataDir, out, json, ...common }: StudyFlags): Promise<void> {
  await prepareDevice(common);
  const { signal, done } = stopOnInterrupt(),
    progress = new Progress(),
    began = performance.now(),
    study: StudyOptions = { name, preset: presets[name], out, dataDir };
  const labelOf = (plan: Plan, index: number, rows: number): string =>
    `[${index + 1}/${rows}] ${plan.model.label}${plan.settings.sam ? " SAM" : ""} `;
  const nameOf = (row: StudyRow): string => `${row.model}${row.sam ? " SAM" : ""}, seed ${row.seed}`;
  let finishedRows = 0;
  try {
    const { results, finished } = await runStudy(study, {
      signal,
      onEstimate: ({ seconds, operations }, rows) =>
        progress.line(
          onError.bold(`Study "${name}": ${rows} rows to run, ${significant(operations / 1e12, 2)} TFLOP, here about ${duration(seconds)}.`),
        ),
      onRow: (plan, index, rows) => reports(progress, labelOf(plan, index, rows)),
      onSharpness:
        (plan, index, rows) =>
        ({ iteration, value }) =>
          progress.update(`${labelOf(plan, index, rows)}lambda_max`, iteration, study.preset.sharpness.maxIterations, [significant(value, 3)]),
      onFigures: (plan, index, rows) => (done, all) =>
        progress.update(`${labelOf(plan, index, rows)}landscape`, done, all, [`${done} of ${all} points`]),
      onRowDone(row, wasKept) {
        finishedRows++;
        const { value, residual } = row.lambdaMax;
        progress.line(
          `${nameOf(row)}: lambda_max ${significant(value, 3)}, residual ${significant(residual, 2)}${wasKept ? " (kept from before)" : ""}`,
        );
      },
    });
    await writeFileAtomic(join(out, "report.html"), [Buffer.from(await reportOf(study, results, finished))]);
    progress.line(`All rows took ${duration((performance.now() - began) / 1000)}.`);
    if (json) return printJson(results);
    print(`\n${studyTables(finished)}\n`);
    print(`So short a training shows the flattening; of the gain in accuracy it can say little. Report: ${join(out, "report.html")}`);
  } catch (error) {
    progress.stop();
    if (signal.aborted && error === signal.reason)
      throw new Stopped(`stopped and saved; the same command goes on: steppe study --preset ${name} --out ${out}`);
    if (finishedRows > 0) progress.line(`${finishedRows} finished rows are kept in ${out}; the same command goes on after them.`);
    throw error;
  } finally {
    done();
  }
}

const rowColumns: Column<StudyRow>[] = [
  { title: "model", of: (row) => row.model, align: "left" },
  { title: "", of: (row) => (row.sam ? `SAM ${row.rho}` : "plain"), align: "left" },
  { title: "seed", of: (row) => String(row.seed), spare: 2 },
  { title: "lambda_max", of: (row) => significant(row.lambdaMax.value, 3) },
  { title: "residual", of: (row) => significant(row.lambdaMax.residual, 2), spare: 4 },
  { title: "train acc", of: (row) => percent(row.trainAccuracy) },
  { title: "test acc", of: (row) => percent(row.testAccuracy) },
  { title: "train loss", of: (row) => row.trainLoss.toFixed(3), spare: 5 },
  { title: "test loss", of: (row) => row.testLoss.toFixed(3), spare: 6 },
  { title: "images/s", of: (row) => row.imagesPerSecond.toFixed(0), spare: 3 },
  { title: "seconds", of: (row) => row.seconds.toFixed(0), spare: 7 },
];

interface Compared extends Pair {
  /** What the slides show for the large model of the family. */
  readonly large: (typeof slides)[number] | undefined;
}

const times = (ratio: number): string => `${significant(ratio, 3)} x`;
const gap = (rows: readonly StudyRow[]): number => mean(rows, ({ trainAccuracy, testAccuracy }) => trainAccuracy - testAccuracy);
const pairColumns: Column<Compared>[] = [
  { title: "lambda_max", of: ({ model }) => model, align: "left" },
  { title: "plain", of: ({ lambdaPlain }) => significant(lambdaPlain, 3) },
  { title: "SAM", of: ({ lambdaSam }) => significant(lambdaSam, 3) },
  { title: "flatter", of: ({ ratio }) => times(ratio) },
  { title: "gap plain", of: ({ plain }) => percent(gap(plain)), spare: 2 },
  { title: "gap SAM", of: ({ sam }) => percent(gap(sam)), spare: 1 },
  { title: "| slides:", of: ({ large }) => (large ? `| ${large.label}` : "|"), align: "left" },
  { title: "plain", of: ({ large }) => (large ? large.plain.lambdaMax.toFixed(1) : "") },
  { title: "SAM", of: ({ large }) => (large ? large.sam.lambdaMax.toFixed(1) : "") },
  { title: "flatter", of: ({ large }) => (large ? times(large.plain.lambdaMax / large.sam.lambdaMax) : "") },
];

/** All rows, and each model's pair beside the slides' large model, within `width` characters. */
export function studyTables(finished: readonly FinishedRow[], width?: number): string {
  const rows = finished.map(({ row }) => row);
  const compared = pairsOf(rows).map((pair) => {
    const { id } = finished.find(({ row }) => row.model === pair.model)!.plan.model;
    return { ...pair, large: slides.find((slide) => slide.id === id) };
  });
  const ordered = compared.flatMap(({ plain, sam }) => [...plain, ...sam]);
  return [
    table(rowColumns, ordered, width),
    table(pairColumns, compared, width),
    "Slides: large models after whole trainings on ImageNet, not measured here.",
  ].join("\n\n");
}
