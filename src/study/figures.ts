/** What is measured of a trained row for the report: the loss around the weights, active units, and where a ViT looks. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ActiveUnits, activeUnits, attentionMaps, type Landscape, landscape } from "../analysis/index.ts";
import { fail } from "../core/errors.ts";
import type { DataSet } from "../data/index.ts";
import { crossEntropy, evaluate, tidy } from "../index.ts";
import type { Model } from "../models/index.ts";
import { writeFileAtomic } from "../run/files.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { loadData, networkOf, normalize, type TrainConfig } from "../train/index.ts";

export interface FigureOptions {
  /** Of the loss landscape: a line or a plane, points an axis, and how far the axes go, in lengths of the filters. */
  readonly dimensions: 1 | 2;
  readonly points: number;
  readonly radius: number;
  /** Training images that the landscape's loss and the shares of active units are over. */
  readonly images: number;
  /** Test images whose attention is mapped. */
  readonly maps: number;
}

export interface Attention {
  /** Pixels of a side, and patches of a side. */
  readonly image: number;
  readonly side: number;
  readonly of: readonly {
    /** The name of the class. */
    readonly label: string;
    /** u8 [image, image, channels] in base64. */
    readonly pixels: string;
    /** [side, side] row by row. */
    readonly map: readonly number[];
  }[];
}

export interface RowFigures {
  /** What is not finite is null. */
  readonly landscape: { readonly axis: readonly number[]; readonly loss: readonly (number | null)[] | readonly (readonly (number | null)[])[] };
  readonly activeUnits: readonly ActiveUnits[];
  /** null: not a ViT. */
  readonly attention: Attention | null;
}

/** Images of a batch: no more memory than that of a training step. */
const batchSize = 128;

export async function measureFigures(
  config: TrainConfig,
  weights: { readonly params: any; readonly state: any },
  { dimensions, points, radius, images, maps }: FigureOptions,
  onPoint?: (done: number, all: number) => void,
): Promise<RowFigures> {
  const { params, state } = weights,
    [train, test] = await Promise.all([loadData(config, "train", images), loadData(config, "test", maps)]);
  const net = networkOf(config, train.classes.length);
  const batches = equalBatches(train),
    arguments_ = batches.map((batch) => [...batch, state]),
    pixels = batches.map(([x]) => x),
    pictures = tidy(() => normalize(test.images));
  const loss = (p: any, x: Tensor, labels: Tensor, s: any) => crossEntropy(net.apply({ params: p, state: s }, x).out, labels);
  try {
    await evaluate(batches, pictures);
    return {
      landscape: finite(await landscape(loss, params, arguments_, { points, radius, dimensions, onPoint })),
      activeUnits: await activeUnits(net, { params, state }, pixels),
      attention: "heads" in net.config ? await attentionOf(net, { params, state }, pictures, test) : null,
    };
  } finally {
    for (const x of [...batches.flat(), pictures, train.images, train.labels, test.images, test.labels]) x.dispose();
  }
}

/** Batches of one size, which the mean over batches needs; up to (batches - 1) images are left out. */
function equalBatches({ images, labels }: DataSet): [Tensor, Tensor][] {
  const all = images.shape[0]!,
    count = Math.ceil(all / batchSize),
    size = Math.floor(all / count);
  return tidy(() =>
    Array.from({ length: count }, (_, i) => [normalize(images.at([i * size, (i + 1) * size])), labels.at([i * size, (i + 1) * size])]),
  );
}

/** JSON has no NaN and no infinity. */
function finite({ axis, loss }: Landscape<1> | Landscape<2>): RowFigures["landscape"] {
  const known = (x: number): number | null => (Number.isFinite(x) ? x : null);
  return { axis, loss: (loss as (number | number[])[]).map((x) => (typeof x === "number" ? known(x) : x.map(known))) as (number | null)[] };
}

async function attentionOf(net: Model, variables: { params: any; state: any }, pictures: Tensor, test: DataSet): Promise<Attention> {
  const maps = await attentionMaps(net, variables, pictures);
  const [pixels, labels] = (await Promise.all([test.images.data(), test.labels.data()])) as [Uint8Array, Int32Array];
  const [count, image] = test.images.shape as [number, number],
    bytes = pixels.length / count;
  const of = maps.map((map, i) => ({
    label: test.classes[labels[i]!]!,
    pixels: Buffer.from(pixels.subarray(i * bytes, (i + 1) * bytes)).toString("base64"),
    map: Array.from(map, (x) => Number(x.toPrecision(5))),
  }));
  return { image, side: Math.sqrt(maps[0]!.length), of };
}

const fileOf = (folder: string): string => join(folder, "figures.json");

/** The figures that a row's folder holds; null when there are none, or when they were measured with other options. */
export async function readFigures(folder: string, options: FigureOptions): Promise<RowFigures | null> {
  const path = fileOf(folder);
  if (!existsSync(path)) return null;
  try {
    const { asked, figures } = JSON.parse(await readFile(path, "utf8"));
    return JSON.stringify(asked) === JSON.stringify(options) ? figures : null;
  } catch (error) {
    return fail("ERR_FORMAT", "study", `${path} is no JSON: ${(error as Error).message}; delete it to measure the figures again`);
  }
}

export const writeFigures = (folder: string, asked: FigureOptions, figures: RowFigures): Promise<void> =>
  writeFileAtomic(fileOf(folder), [Buffer.from(`${JSON.stringify({ asked, figures })}\n`)]);
