import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { batches, type DataSet, fraction, mnist } from "../../src/data/index.ts";
import { hostCopyOf } from "../../src/data/sets.ts";
import * as st from "../../src/index.ts";

const work = mkdtempSync(join(tmpdir(), "steppe-fraction-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

// Classes of 30, 7, 1 and 4 images, in turns; the pixel of an image is its place in the set.
const sizes = [30, 7, 1, 4];
const labels = Array.from({ length: 30 }, (_, k) => sizes.flatMap((size, label) => (k < size ? [label] : []))).flat();

let set: DataSet;
beforeAll(async () => {
  const header = (...sizes: number[]) => sizes.flatMap((size) => [0, 0, 0, size]);
  mkdirSync(work, { recursive: true });
  writeFileSync(join(work, "train-images-idx3-ubyte"), Uint8Array.from([0, 0, 8, 3, ...header(labels.length, 1, 1), ...labels.keys()]));
  writeFileSync(join(work, "train-labels-idx1-ubyte"), Uint8Array.from([0, 0, 8, 1, ...header(labels.length), ...labels]));
  set = await mnist({ split: "train", dir: work });
});
const placesOf = async ({ images }: DataSet): Promise<number[]> => Array.from(await images.reshape([-1]).data());

describe("fraction", () => {
  it.each<[number, number[]]>([
    [1 / 2, [15, 4, 1, 2]],
    [1 / 4, [8, 2, 1, 1]],
    [1 / 10, [3, 1, 1, 1]],
    [0.999, [30, 7, 1, 4]],
    [1e-12, [1, 1, 1, 1]],
  ])("%d keeps that share of each class, rounded up, in the order of the set", async (share, counts) => {
    const part = fraction(set, share);
    const places = await placesOf(part);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(Array.from(await part.labels.data())).toEqual(places.map((place) => labels[place]));
    expect(sizes.map((_, label) => places.filter((place) => labels[place] === label).length)).toEqual(counts);
    expect([part.images.shape, part.images.dtype, part.labels.dtype]).toEqual([[places.length, 1, 1, 1], "u8", "i32"]);
    expect(part.classes).toBe(set.classes);
  });

  it("is the same for a seed, another for another, and a smaller share lies in a larger", async () => {
    const half = await placesOf(fraction(set, 0.5, 3));
    expect(await placesOf(fraction(set, 0.5, 3))).toEqual(half);
    expect(await placesOf(fraction(set, 0.5, 4))).not.toEqual(half);
    const tenth = await placesOf(fraction(set, 0.1, 3));
    expect(tenth.filter((place) => !half.includes(place))).toEqual([]);
  });

  it("chooses every image of a class as often", () => {
    const counts = new Array(labels.length).fill(0);
    for (let seed = 0; seed < 600; seed++) for (const place of hostCopyOf(fraction(set, 0.5, seed).images)!) counts[place]++;
    // 15 of 30: a binomial law with a standard deviation of sqrt(600 / 4)
    for (const [place, count] of counts.entries()) if (labels[place] === 0) expect(Math.abs(count - 300)).toBeLessThan(4 * Math.sqrt(150));
  });

  it("of 1 is the set itself; another one outlives the set and is batched from its own memory", async () => {
    expect(fraction(set, 1)).toBe(set);
    const whole = await mnist({ split: "train", dir: work });
    const part = fraction(fraction(whole, 0.5), 0.5);
    const places = await placesOf(part);
    whole.images.dispose();
    whole.labels.dispose();
    expect(hostCopyOf(part.images)!.buffer).toBeInstanceOf(SharedArrayBuffer);
    for await (const batch of batches(part, { size: places.length })) expect(Array.from(await batch.images.reshape([-1]).data())).toEqual(places);
  });

  it.each<[string, () => unknown, RegExp]>([
    ["a share of 0", () => fraction(set, 0), /share must be above 0 and at most 1, got 0/],
    ["a share of 10", () => fraction(set, 10), /share must be above 0 and at most 1, got 10/],
    ["no share", () => fraction(set, undefined as never), /share must be above 0 and at most 1, got undefined/],
    ["a seed of -1", () => fraction(set, 0.5, -1), /seed must be a whole number below 2\^32, got -1/],
    [
      "a set made by hand",
      () => fraction({ images: st.zeros([2, 1, 1, 1]), labels: st.zeros([2]), classes: [] }, 0.5),
      /expected a set that data\.cifar10/,
    ],
  ])("%s is refused", (_, wrong, message) => {
    expect(wrong).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT", message: expect.stringMatching(message) }));
  });
});
