import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fail } from "../core/errors.ts";
import { flattenTree } from "../graph/tree.ts";
import { devices } from "../index.ts";
import { writeFileAtomic } from "../run/files.ts";
import { isTensor } from "../tensor/tensor.ts";
import {
  checkConfig,
  type EpochLine,
  type FitHooks,
  type Fitted,
  fit,
  loadData,
  networkOf,
  readLog,
  type Sharpness,
  type SharpnessOptions,
  sharpnessOf,
  type TrainResult,
} from "../train/index.ts";
import { type Estimate, estimateOf } from "./estimate.ts";
import { type FigureOptions, measureFigures, type RowFigures, readFigures, writeFigures } from "./figures.ts";
import { type Plan, type Preset, plansOf } from "./presets.ts";

export interface Machine {
  readonly cpu: string;
  readonly isa: string;
  readonly threads: number;
  readonly node: string;
}

export interface StudyRow extends Omit<TrainResult, "waitedForData"> {
  readonly lambdaMax: Sharpness;
}

export interface StudyResults {
  readonly machine: Machine;
  readonly preset: string;
  readonly rows: readonly StudyRow[];
}

/** A row with what the report shows of it. */
export interface FinishedRow {
  readonly plan: Plan;
  readonly row: StudyRow;
  readonly log: readonly EpochLine[];
  readonly figures: RowFigures;
}

export interface StudyHooks {
  readonly signal?: AbortSignal;
  /** What the rows that are not done yet will take, and how many they are. */
  readonly onEstimate?: (estimate: Estimate, rows: number) => void;
  readonly onRow?: (plan: Plan, index: number, rows: number) => FitHooks;
  readonly onSharpness?: (plan: Plan, index: number, rows: number) => SharpnessOptions["onIteration"];
  /** Points of the row's loss landscape that are done, of all. */
  readonly onFigures?: (plan: Plan, index: number, rows: number) => (done: number, all: number) => void;
  readonly onRowDone?: (row: StudyRow, wasKept: boolean) => void;
}

export interface StudyOptions {
  readonly name: string;
  readonly preset: Preset;
  readonly out: string;
  readonly dataDir?: string;
}

interface Kept extends Pick<FinishedRow, "row" | "log"> {
  readonly figures: RowFigures | null;
}

/** Trains and measures every row that `out` does not hold yet, and writes results.json after each. What fails or is stopped leaves the rows before it. */
export async function runStudy(options: StudyOptions, hooks: StudyHooks = {}): Promise<{ results: StudyResults; finished: FinishedRow[] }> {
  const { name, preset, out, dataDir } = options;
  const plans = plansOf(preset, dataDir);
  const kept = await Promise.all(plans.map((plan) => keptRow(options, plan)));
  const missing = plans.filter((_, i) => !kept[i]);
  if (missing.length > 0 && hooks.onEstimate) hooks.onEstimate(await estimateOf(missing, preset), missing.length);
  const finished: FinishedRow[] = [];
  let results: StudyResults = { machine: machine(), preset: name, rows: [] };
  for (const [index, plan] of plans.entries()) {
    const before = kept[index] ?? null;
    const done = before?.figures ? { plan, ...before, figures: before.figures } : await runRow(options, plan, before, index, plans.length, hooks);
    finished.push(done);
    results = { ...results, rows: [...results.rows, done.row] };
    await writeJson(join(out, "results.json"), results);
    hooks.onRowDone?.(done.row, before !== null);
    hooks.signal?.throwIfAborted();
  }
  return { results, finished };
}

/** The folder of a row's run. */
export const folderOf = (out: string, { id }: Plan): string => join(out, "runs", id);

/** What decides a row: it is kept as long as this is the same. */
const askedOf = ({ settings }: Plan, { sharpness }: Preset): unknown => ({ settings: checkConfig(settings), sharpness });

/** A plane of the loss is measured for the first seed only: it costs as many points as a line does squared. */
const figuresFor = ({ preset: { landscape, seeds, sharpness } }: StudyOptions, { settings }: Plan): FigureOptions => ({
  dimensions: settings.seed === seeds[0] ? landscape.dimensions : 1,
  points: landscape.points,
  radius: 1,
  images: sharpness.images,
  maps: 6,
});

async function keptRow(options: StudyOptions, plan: Plan): Promise<Kept | null> {
  const { out, preset } = options,
    folder = folderOf(out, plan),
    path = join(folder, "row.json");
  if (!existsSync(path)) return null;
  let found: { asked: unknown; row: StudyRow };
  try {
    found = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    return fail("ERR_FORMAT", "study", `${path} is no JSON: ${(error as Error).message}; delete it to measure the row again`);
  }
  if (JSON.stringify(found.asked) !== JSON.stringify(askedOf(plan, preset)))
    fail("ERR_STATE", "study", `${out} holds a study with other settings (${path}); choose another folder`);
  return { row: found.row, log: await readLog("study", folder), figures: await readFigures(folder, figuresFor(options, plan)) };
}

/** Trains a row as far as it is not trained, and measures what is not measured. */
async function runRow(options: StudyOptions, plan: Plan, kept: Kept | null, index: number, rows: number, hooks: StudyHooks): Promise<FinishedRow> {
  const { out, preset } = options,
    { signal } = hooks,
    folder = folderOf(out, plan);
  await mkdir(folder, { recursive: true });
  const resume = existsSync(join(folder, "config.json"));
  const fitted = await fit({ ...plan.settings, out: folder, resume }, { ...hooks.onRow?.(plan, index, rows), signal });
  try {
    let row = kept?.row;
    if (!row) {
      const onIteration = hooks.onSharpness?.(plan, index, rows);
      row = await measuredRow(plan, preset, fitted, (progress) => {
        signal?.throwIfAborted();
        onIteration?.(progress);
      });
      await writeJson(join(folder, "row.json"), { asked: askedOf(plan, preset), row });
    }
    const asked = figuresFor(options, plan),
      onPoint = hooks.onFigures?.(plan, index, rows);
    const figures = await measureFigures(checkConfig(plan.settings), fitted, asked, (done, all) => {
      signal?.throwIfAborted();
      onPoint?.(done, all);
    });
    await writeFigures(folder, asked, figures);
    return { plan, row, log: await readLog("study", folder), figures };
  } finally {
    for (const leaf of flattenTree([fitted.params, fitted.state], isTensor).leaves) leaf.dispose();
  }
}

async function measuredRow(plan: Plan, preset: Preset, fitted: Fitted, onIteration: SharpnessOptions["onIteration"]): Promise<StudyRow> {
  const config = checkConfig(plan.settings),
    set = await loadData(config, "train", preset.sharpness.images);
  const net = networkOf(config, set.classes.length);
  const lambdaMax = await sharpnessOf(net, fitted.params, fitted.state, set, { ...preset.sharpness, onIteration });
  for (const x of [set.images, set.labels]) x.dispose();
  const { seconds, imagesPerSecond, waitedForData: _, ...measured } = fitted.result;
  return { ...measured, model: plan.model.label, lambdaMax, seconds, imagesPerSecond };
}

const writeJson = (path: string, value: unknown): Promise<void> => writeFileAtomic(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);

function machine(): Machine {
  const caps = devices().find(({ name }) => name === "cpu")?.caps ?? {},
    { isa = "unknown", threads = 1 } = caps as { isa?: string; threads?: number };
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", isa, threads, node: process.version };
}
