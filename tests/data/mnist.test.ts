import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { readFashionMnist, readMnist } from "../../src/data/mnist.ts";

const work = mkdtempSync(join(tmpdir(), "steppe-mnist-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

function idx(sizes: number[], data: ArrayLike<number>): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(0x0800 + sizes.length);
  sizes.forEach((size, axis) => header.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([header, Buffer.from(Array.from(data))]);
}

function folder(name: string, files: Record<string, Uint8Array | string>): string {
  const dir = join(work, name);
  mkdirSync(dir, { recursive: true });
  for (const [file, content] of Object.entries(files)) writeFileSync(join(dir, file), content);
  return dir;
}

const pixels = Array.from({ length: 3 * 4 * 5 }, (_, i) => i);
const images = idx([3, 4, 5], pixels);
const labels = idx([3], [7, 0, 9]);

describe("idx files", () => {
  it("are read plain and gzipped", () => {
    const plain = folder("plain", { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": labels });
    const packed = folder("packed", { "train-images-idx3-ubyte.gz": gzipSync(images), "train-labels-idx1-ubyte.gz": gzipSync(labels) });
    for (const dir of [plain, packed]) {
      const set = readMnist({ split: "train", dir });
      expect(set.shape).toEqual([3, 4, 5, 1]);
      expect([...set.images]).toEqual(pixels);
      expect([...set.labels]).toEqual([7, 0, 9]);
    }
    expect([...readFashionMnist({ split: "train", dir: plain, limit: 2 }).labels]).toEqual([7, 0]);
  });

  it.each([
    ["no files", {}, "ERR_ARGUMENT", /expected the file train-images-idx3-ubyte/],
    [
      "a foreign file",
      { "train-images-idx3-ubyte": "hello, I am text" },
      "ERR_FORMAT",
      /expected an idx file of bytes with 3 axes, and its first bytes are 68656c6c/,
    ],
    ["an empty file", { "train-images-idx3-ubyte": "" }, "ERR_FORMAT", /its first bytes are missing/],
    [
      "a truncated file",
      { "train-images-idx3-ubyte": images.subarray(0, 40) },
      "ERR_FORMAT",
      /its header promises \[3, 4, 5\], so 76 bytes, and it has 40/,
    ],
    ["a broken gzip file", { "train-images-idx3-ubyte.gz": gzipSync(images).subarray(0, 30) }, "ERR_FORMAT", /expected a whole gzip file/],
    [
      "too few labels",
      { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": idx([2], [1, 2]) },
      "ERR_FORMAT",
      /expected one label for each of 3 images, got 2/,
    ],
    ["a wrong label", { "train-images-idx3-ubyte": images, "train-labels-idx1-ubyte": idx([3], [1, 12, 2]) }, "ERR_FORMAT", /got 12 at byte 9/],
  ])("%s is an error with file and place", (name, files, code, message) => {
    const dir = folder(name, files);
    let error: any;
    try {
      readMnist({ split: "train", dir });
    } catch (caught) {
      error = caught;
    }
    expect(error?.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(dir);
  });
});
