import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fail } from "../core/errors.ts";
import { devices } from "../index.ts";
import { writeFileAtomic } from "../run/files.ts";
import {
  checkConfig,
  type EpochLine,
  type FitHooks,
  fit,
  loadData,
  networkOf,
  readLog,
  type Sharpness,
  type SharpnessOptions,
  sharpnessOf,
  type TrainResult,
} from "../train/index.ts";
import { measureRate, operationsOf } from "./estimate.ts";
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
  readonly id: string;
  readonly row: StudyRow;
  readonly log: readonly EpochLine[];
}

export interface StudyHooks {
  readonly signal?: AbortSignal;
  /** Seconds that the rows which are not done yet will take, and how many they are. */
  readonly onEstimate?: (seconds: number, rows: number, operations: number, rate: number) => void;
  readonly onRow?: (plan: Plan, index: number, rows: number) => FitHooks;
  readonly onSharpness?: (plan: Plan, index: number, rows: number) => SharpnessOptions["onIteration"];
  readonly onRowDone?: (row: StudyRow, wasKept: boolean) => void;
}

export interface StudyOptions {
  readonly name: string;
  readonly preset: Preset;
  readonly out: string;
  readonly dataDir?: string;
}

/** Trains and measures every row that `out` does not hold yet, and writes results.json. */
export async function runStudy(
  { name, preset, out, dataDir }: StudyOptions,
  hooks: StudyHooks = {},
): Promise<{ results: StudyResults; finished: FinishedRow[] }> {
  const plans = plansOf(preset, dataDir);
  const kept = await Promise.all(plans.map((plan) => keptRow(out, plan, preset)));
  const missing = plans.filter((_, i) => !kept[i]);
  if (missing.length > 0 && hooks.onEstimate) {
    const operations = missing.reduce((sum, plan) => sum + operationsOf(plan, preset), 0),
      rate = await measureRate();
    hooks.onEstimate(operations / rate, missing.length, operations, rate);
  }
  const finished: FinishedRow[] = [];
  let results: StudyResults = { machine: machine(), preset: name, rows: [] };
  for (const [index, plan] of plans.entries()) {
    const row = kept[index] ?? (await runRow(out, plan, preset, index, plans.length, hooks));
    finished.push(row);
    results = { ...results, rows: [...results.rows, row.row] };
    await writeJson(join(out, "results.json"), results);
    hooks.onRowDone?.(row.row, kept[index] !== null);
    hooks.signal?.throwIfAborted();
  }
  return { results, finished };
}

const folderOf = (out: string, { id }: Plan): string => join(out, "runs", id);

/** What decides a row: it is kept as long as this is the same. */
const askedOf = ({ settings }: Plan, { sharpness }: Preset): unknown => ({ settings: checkConfig(settings), sharpness });

async function keptRow(out: string, plan: Plan, preset: Preset): Promise<FinishedRow | null> {
  const folder = folderOf(out, plan),
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
  return { id: plan.id, row: found.row, log: await readLog("study", folder) };
}

async function runRow(out: string, plan: Plan, preset: Preset, index: number, rows: number, hooks: StudyHooks): Promise<FinishedRow> {
  const folder = folderOf(out, plan),
    config = checkConfig(plan.settings);
  await mkdir(folder, { recursive: true });
  const resume = existsSync(join(folder, "config.json"));
  const { result, params, state } = await fit(
    { ...plan.settings, out: folder, resume },
    { ...hooks.onRow?.(plan, index, rows), signal: hooks.signal },
  );
  const onIteration = hooks.onSharpness?.(plan, index, rows),
    set = await loadData(config, "train", preset.sharpness.images);
  const lambdaMax = await sharpnessOf(networkOf(config), params, state, set, { ...preset.sharpness, onIteration });
  const { seconds, imagesPerSecond, waitedForData: _, ...measured } = result;
  const row: StudyRow = { ...measured, model: plan.model.label, lambdaMax, seconds, imagesPerSecond };
  await writeJson(join(folder, "row.json"), { asked: askedOf(plan, preset), row });
  return { id: plan.id, row, log: await readLog("study", folder) };
}

const writeJson = (path: string, value: unknown): Promise<void> => writeFileAtomic(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);

function machine(): Machine {
  const caps = devices().find(({ name }) => name === "cpu")?.caps ?? {},
    { isa = "unknown", threads = 1 } = caps as { isa?: string; threads?: number };
  return { cpu: cpus()[0]?.model.trim() ?? "unknown", isa, threads, node: process.version };
}
