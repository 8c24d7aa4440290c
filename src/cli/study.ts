import { join } from "node:path";
import { writeFileAtomic } from "../run/files.ts";
import { type Plan, type PresetName, presets } from "../study/presets.ts";
import { reportOf } from "../study/report.ts";
import { runStudy, type StudyRow } from "../study/study.ts";
import { pairsOf } from "../study/summary.ts";
import { prepareDevice } from "./device.ts";
import { Stopped } from "./errors.ts";
import type { CommonOptions } from "./options.ts";
import { stopOnInterrupt } from "./stopping.ts";
import { type Column, duration, onError, onOutput, percent, print, printJson, Progress, significant, table } from "./terminal.ts";
import { reports } from "./train.ts";

interface StudyOptions extends CommonOptions {
  readonly preset: PresetName;
  readonly dataDir?: string;
  readonly out: string;
}

export async function studyCommand({ preset, dataDir, out, json, ...common }: StudyOptions): Promise<void> {
  await prepareDevice(common);
  const { signal, done } = stopOnInterrupt(),
    progress = new Progress(),
    began = performance.now();
  const labelOf = (plan: Plan, index: number, rows: number): string =>
    `[${index + 1}/${rows}] ${plan.model.label}${plan.settings.sam ? " SAM" : ""} `;
  try {
    const { results, finished } = await runStudy(
      { name: preset, preset: presets[preset], out, dataDir },
      {
        signal,
        onEstimate: (seconds, rows, operations, rate) =>
          progress.line(
            onError.bold(
              `Study "${preset}": ${rows} rows to run, ${significant(operations / 1e12, 2)} TFLOP at about ${significant(rate / 1e9, 2)} GFLOP/s here: about ${duration(seconds)}.`,
            ),
          ),
        onRow: (plan, index, rows) => reports(progress, labelOf(plan, index, rows)),
        onSharpness:
          (plan, index, rows) =>
          ({ iteration, value }) =>
            progress.update(`${labelOf(plan, index, rows)}lambda_max`, iteration, presets[preset].sharpness.maxIterations, [significant(value, 3)]),
        onRowDone: (row, wasKept) =>
          progress.line(
            `${row.model}${row.sam ? " SAM" : ""}, seed ${row.seed}: lambda_max ${significant(row.lambdaMax.value, 3)}, residual ${significant(row.lambdaMax.residual, 2)}${wasKept ? " (kept from before)" : ""}`,
          ),
      },
    );
    await writeFileAtomic(join(out, "report.html"), [Buffer.from(await reportOf(results, finished))]);
    progress.line(`All rows took ${duration((performance.now() - began) / 1000)}.`);
    if (json) return printJson(results);
    print(`\n${table(columns, results.rows)}\n`);
    for (const { model, lambdaPlain, lambdaSam, ratio } of pairsOf(results.rows)) {
      print(
        `${model}: lambda_max ${significant(lambdaPlain, 3)} without SAM, ${onOutput.bold(significant(lambdaSam, 3))} with it: ${onOutput.bold(`${significant(ratio, 3)} times flatter`)}.`,
      );
    }
    print(`A short training shows the flattening, not yet the gain in accuracy. Report: ${join(out, "report.html")}`);
  } catch (error) {
    progress.stop();
    if (signal.aborted && error === signal.reason)
      throw new Stopped(`stopped and saved; the same command goes on: steppe study --preset ${preset} --out ${out}`);
    throw error;
  } finally {
    done();
  }
}

const columns: Column<StudyRow>[] = [
  { title: "model", of: (row) => row.model, align: "left" },
  { title: "", of: (row) => (row.sam ? `SAM ${row.rho}` : "plain"), align: "left" },
  { title: "seed", of: (row) => String(row.seed), spare: 2 },
  { title: "lambda_max", of: (row) => significant(row.lambdaMax.value, 3) },
  { title: "residual", of: (row) => significant(row.lambdaMax.residual, 2), spare: 4 },
  { title: "train acc", of: (row) => percent(row.trainAccuracy) },
  { title: "test acc", of: (row) => percent(row.testAccuracy) },
  { title: "train loss", of: (row) => row.trainLoss.toFixed(3), spare: 3 },
  { title: "test loss", of: (row) => row.testLoss.toFixed(3), spare: 3 },
  { title: "images/s", of: (row) => row.imagesPerSecond.toFixed(0), spare: 5 },
  { title: "seconds", of: (row) => row.seconds.toFixed(0), spare: 6 },
];
