/**
 * A run's folder: config.json, log.jsonl (one line an epoch), last.safetensors (weights, optimizer, place in the run), result.json.
 * The line of an epoch is on the disk before its checkpoint, so a log is never shorter than its weights; what is longer is cut on resume.
 */
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fail } from "../core/errors.ts";
import { flattenTree } from "../graph/tree.ts";
import { load, save, tidy } from "../index.ts";
import { isTemporaryOf, writeFileAtomic } from "../run/files.ts";
import { isTensor, type Tensor } from "../tensor/tensor.ts";
import { checkConfig, type TrainConfig } from "./config.ts";
import { lockFolder } from "./lock.ts";
import type { Sharpness } from "./sharpness.ts";
import type { Training } from "./step.ts";

/** A line of log.jsonl. */
export interface EpochLine {
  /** From 1 on. */
  readonly epoch: number;
  /** Means over the epoch's images, as they were trained on. */
  readonly trainLoss: number;
  /** The share of these images that were classified rightly. */
  readonly trainAccuracy: number;
  /** The mean loss of the test images after the epoch. */
  readonly testLoss: number;
  /** The share of the test images that are classified rightly after the epoch. */
  readonly testAccuracy: number;
  /** Of the epoch. */
  readonly seconds: number;
  /** Images trained on in a second. */
  readonly imagesPerSecond: number;
  /** The share of the training time that was spent waiting for data. */
  readonly waitedForData: number;
  /** Of the epochs that measure it (logCurvature). */
  readonly lambdaMax?: Sharpness;
}

/** Sums over the images of an epoch so far. */
export interface Sums {
  /** The sum of their losses. */
  readonly loss: number;
  /** How many were classified rightly. */
  readonly correct: number;
  /** How many there were. */
  readonly images: number;
}

/** Where a run stands: `epoch` epochs are done, and `step` steps of the next one. */
export interface Place {
  /** Epochs done. */
  readonly epoch: number;
  /** Steps done of the next epoch. */
  readonly step: number;
  /** What those steps brought. */
  readonly sums: Sums;
}
export const theBeginning: Place = { epoch: 0, step: 0, sums: { loss: 0, correct: 0, images: 0 } };

/** What last.safetensors holds. */
export interface Checkpoint extends Training {
  /** Where the run stood. */
  readonly place: Place;
}

const files = { config: "config.json", log: "log.jsonl", weights: "last.safetensors", result: "result.json" } as const;
const kind = "steppe-run-1";

export class RunFolder {
  private constructor(
    readonly path: string,
    readonly config: TrainConfig,
    private readonly release: () => Promise<void>,
  ) {}

  static holdsRun(path: string): boolean {
    return existsSync(join(path, files.config));
  }

  /** Begins a run in a folder that holds none. */
  static async create(path: string, config: TrainConfig): Promise<RunFolder> {
    await mkdir(path, { recursive: true });
    const release = await lockFolder("fit", path);
    try {
      if (RunFolder.holdsRun(path)) fail("ERR_STATE", "fit", `${path} already holds a run; resume it, or choose another folder`);
      await writeJson(join(path, files.config), config);
      return new RunFolder(path, config, release);
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Goes on with the run in a folder. */
  static async reopen(path: string): Promise<RunFolder> {
    const config = await readConfig("fit", path);
    const release = await lockFolder("fit", path);
    for (const name of await readdir(path)) if (isTemporaryOf(name)) await rm(join(path, name)); // of a process that was killed
    return new RunFolder(path, config, release);
  }

  close(): Promise<void> {
    return this.release();
  }

  async save({ place, ...training }: Checkpoint): Promise<void> {
    const { epoch, step, sums } = place;
    const metadata = { kind, epoch: String(epoch), step: String(step), sums: JSON.stringify(sums) };
    await this.#writing(() => save(join(this.path, files.weights), training, { metadata }));
  }

  /** The last checkpoint, whose tensors must be as in a run that begins; null when the run was stopped before its first. */
  async restore({ initial }: { initial(): Training }): Promise<Checkpoint | null> {
    const path = join(this.path, files.weights);
    if (!existsSync(path)) return null;
    const { place, ...training } = await readCheckpoint("fit", this.path);
    tidy(() => checkTensors(path, training, initial()));
    return { ...training, place };
  }

  /** What a failing disk says, with what it means for the run; the code stays (ENOSPC, EACCES, ...). */
  async #writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === undefined) throw cause;
      const kept = existsSync(join(this.path, files.weights)) ? "what it had saved before is whole" : "nothing had been saved yet";
      const why = code === "ENOSPC" ? "the disk is full (ENOSPC)" : message;
      throw Object.assign(new Error(`cannot write to ${this.path}: ${why}; ${kept}, and the run goes on from there with resume`, { cause }), cause);
    }
  }

  /** The log's lines of the first `epochs` epochs; later ones, of epochs that will be run again, are cut off. */
  async cutLog(epochs: number): Promise<EpochLine[]> {
    const lines = await readLog("fit", this.path, epochs);
    if (lines.length < epochs)
      fail(
        "ERR_FORMAT",
        "fit",
        `${join(this.path, files.log)} has ${lines.length} lines, and ${files.weights} holds ${epochs} epochs; a line for each was expected`,
      );
    await writeFileAtomic(join(this.path, files.log), [Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""))]);
    return lines;
  }

  /** Adds a line to the log, down to the disk. */
  async log(line: EpochLine): Promise<void> {
    await this.#writing(async () => {
      const file = await open(join(this.path, files.log), "a");
      try {
        await file.writeFile(`${JSON.stringify(line)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async finish(result: unknown): Promise<void> {
    await this.#writing(() => writeJson(join(this.path, files.result), result));
  }

  async result<R>(): Promise<R | null> {
    const path = join(this.path, files.result);
    return existsSync(path) ? parseJson<R>("fit", path, await readFile(path, "utf8")) : null;
  }
}

const writeJson = (path: string, value: unknown): Promise<void> => writeFileAtomic(path, [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);

function parseJson<T>(op: string, place: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    return fail("ERR_FORMAT", op, `${place} is no JSON: ${(error as Error).message}`);
  }
}

/** The settings of the run in a folder. ERR_ARGUMENT where there is none, ERR_FORMAT where config.json is damaged; `op` is named in errors. */
export async function readConfig(op: string, folder: string): Promise<TrainConfig> {
  const path = join(folder, files.config);
  if (!existsSync(path)) return fail("ERR_ARGUMENT", op, `there is no run in ${folder}: it has no ${files.config}`);
  return checkConfig(parseJson(op, path, await readFile(path, "utf8")), (fault) => fail("ERR_FORMAT", op, `${path}: ${fault}`));
}

/** The log's first lines, one an epoch. */
export async function readLog(op: string, folder: string, epochs = Number.POSITIVE_INFINITY): Promise<EpochLine[]> {
  const path = join(folder, files.log);
  const lines = existsSync(path) ? (await readFile(path, "utf8")).split("\n").filter(Boolean).slice(0, epochs) : [];
  return lines.map((line, i) => {
    const place = `${path}, line ${i + 1},`,
      parsed = parseJson<EpochLine>(op, place, line);
    return parsed?.epoch === i + 1 ? parsed : fail("ERR_FORMAT", op, `${place} must be that of epoch ${i + 1}, got ${line.slice(0, 60)}`);
  });
}

/** The last checkpoint of the run in a folder. ERR_STATE before the first, ERR_FORMAT where the file is none; `op` is named in errors. */
export async function readCheckpoint(op: string, folder: string): Promise<Checkpoint> {
  const path = join(folder, files.weights);
  if (!existsSync(path))
    return fail("ERR_STATE", op, `${folder} has no ${files.weights} yet: its run was stopped before the end of the first epoch (resume it)`);
  const { tree, metadata } = await load(path);
  if (/^steppe-run-/.test(metadata.kind ?? "") && metadata.kind !== kind)
    return fail("ERR_FORMAT", op, `${path} was written by another version of steppe (${metadata.kind}; this one reads ${kind})`);
  const place = {
    epoch: Number(metadata.epoch),
    step: Number(metadata.step),
    sums: metadata.kind === kind && metadata.sums ? parseJson<Sums>(op, `${path}, metadata "sums",`, metadata.sums) : null,
  };
  if (place.sums === null || !Number.isInteger(place.epoch) || !Number.isInteger(place.step))
    return fail("ERR_FORMAT", op, `${path} is no checkpoint of steppe train: its metadata has no ${kind} with epoch, step and sums`);
  const { params, state = {}, optimizer, average = {} } = tree as Record<string, any>;
  return { params, state, optimizer, average, place: place as Place };
}

/** Throws unless the tensors that were found are, by name, shape and dtype, those that were expected; names the first three that differ. */
function checkTensors(path: string, found: unknown, expected: unknown): void {
  const kinds = (tree: unknown): Map<string, string> => {
    const { paths, leaves } = flattenTree(tree, isTensor);
    return new Map((leaves as Tensor[]).map((x, i) => [paths[i]!, `${x.dtype} [${x.shape.join(", ")}]`]));
  };
  const [here, wanted] = [kinds(found), kinds(expected)];
  const isParameter = (name: string): number => Number(name.startsWith("params."));
  const differences = [...new Set([...wanted.keys(), ...here.keys()])]
    .filter((name) => here.get(name) !== wanted.get(name))
    .sort((a, b) => isParameter(b) - isParameter(a)) // those first, as a reader knows them
    .map((name) => `${name} is ${here.get(name) ?? "missing"}, expected ${wanted.get(name) ?? "none"}`);
  if (differences.length === 0) return;
  const more = differences.length > 3 ? `; and ${differences.length - 3} more` : "";
  fail("ERR_FORMAT", "fit", `${path} does not fit its config.json: ${differences.slice(0, 3).join("; ")}${more}`);
}
