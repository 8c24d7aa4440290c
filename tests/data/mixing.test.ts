import { describe, expect, it } from "vitest";
import { drawErasing, erase } from "../../src/data/augment/erasing.js";
import { drawMix, mixImages, softLabels } from "../../src/data/augment/mixing.js";
import { randomWords } from "../../src/data/augment/randomWords.js";

const frame = { height: 3, width: 4, channels: 2 };
const size = 24;
const pixels = (count: number): Float32Array => Float32Array.from({ length: count * size }, (_, i) => (i * 37) % 251);
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const large = { height: 1000, width: 1000 };

describe("mixing", () => {
  it.each([1, 4, 5])("mixup blends each of %d images with its partner, the batch reversed", (count) => {
    const [before, after] = [pixels(count), pixels(count)];
    mixImages(after, count, frame, { share: 0.25, box: null });
    for (let i = 0; i < count; i++)
      for (let at = 0; at < size; at++) {
        const partner = before[(count - 1 - i) * size + at]!;
        expect(after[i * size + at]).toBe(Math.fround(0.25 * before[i * size + at]! + 0.75 * partner));
      }
  });

  it.each([4, 5])("CutMix shows the partner in the box, for %d images", (count) => {
    const [before, after] = [pixels(count), pixels(count)];
    const box = { top: 1, bottom: 3, left: 0, right: 2 };
    mixImages(after, count, frame, { share: 1 - 4 / 12, box });
    for (let i = 0; i < count; i++)
      for (let y = 0; y < 3; y++)
        for (let x = 0; x < 4; x++)
          for (let c = 0; c < 2; c++) {
            const shown = y >= box.top && y < box.bottom && x >= box.left && x < box.right ? count - 1 - i : i;
            expect(after[i * size + (y * 4 + x) * 2 + c]).toBe(before[shown * size + (y * 4 + x) * 2 + c]);
          }
  });

  it("labels become shares of their classes; two of one class add up", () => {
    expect([...softLabels(Int32Array.from([0, 2, 1, 2]), 3, 0.75)]).toEqual([0.75, 0, 0.25, 0, 0.25, 0.75, 0, 0.75, 0.25, 0.25, 0, 0.75]);
    expect([...softLabels(Int32Array.from([1, 1]), 2, 0.75)]).toEqual([0, 1, 0, 1]);
  });

  it("draws mixup, CutMix, or either with probability 1/2", () => {
    const next = randomWords([3, 1], 0);
    const many = (mixup: number, cutmix: number) => Array.from({ length: 4000 }, () => drawMix(next, { mixup, cutmix }, large));
    expect(many(1, 0).every(({ box }) => box === null)).toBe(true);
    expect(many(0, 1).every(({ box }) => box !== null)).toBe(true);
    const cut = many(0.8, 1).filter(({ box }) => box !== null).length;
    expect(Math.abs(cut - 2000)).toBeLessThan(4 * Math.sqrt(1000));
  });

  it("mixup's share is Beta(alpha, alpha)", () => {
    const next = randomWords([3, 2], 0);
    const shares = Array.from({ length: 4000 }, () => drawMix(next, { mixup: 0.2, cutmix: 0 }, large).share);
    const variance = 1 / (4 * (2 * 0.2 + 1));
    expect(Math.abs(mean(shares) - 0.5)).toBeLessThan(4 * Math.sqrt(variance / 4000));
    expect(Math.abs(mean(shares.map((share) => (share - 0.5) ** 2)) - variance)).toBeLessThan(4 * Math.sqrt(1 / 16 / 4000));
  });

  it("a CutMix share is what the box leaves, and the box has the mean area of its law", () => {
    const next = randomWords([3, 3], 0);
    const mixes = Array.from({ length: 4000 }, () => drawMix(next, { mixup: 0, cutmix: 1 }, large));
    for (const { share, box } of mixes) {
      const { top, bottom, left, right } = box!;
      expect(top >= 0 && bottom <= 1000 && left >= 0 && right <= 1000 && top <= bottom && left <= right).toBe(true);
      expect(share).toBe(1 - ((bottom - top) * (right - left)) / 1e6);
    }
    // A side r about a uniform centre keeps r - r^2 / 4 within the frame in the mean. With r^2 = u uniform, E[u (1 - sqrt(u) / 4)^2] = 77 / 240.
    const areas = mixes.map(({ share }) => 1 - share);
    // An area has a standard deviation below 1/2; whole pixels take at most 2 of 1000 from a side.
    expect(Math.abs(mean(areas) - 77 / 240)).toBeLessThan(4 * (0.5 / Math.sqrt(4000)) + 0.004);
  });

  it("an image of one pixel can be cut", () => {
    const next = randomWords([3, 4], 0);
    for (let i = 0; i < 50; i++) expect(drawMix(next, { mixup: 0, cutmix: 1 }, { height: 1, width: 1 }).share).toBe(1);
  });
});

describe("erasing", () => {
  it("sets a box to the middle of the range", () => {
    const image = pixels(1);
    erase(image, frame, { top: 0, bottom: 2, left: 1, right: 3 });
    const before = pixels(1);
    for (let y = 0; y < 3; y++)
      for (let x = 0; x < 4; x++)
        for (let c = 0; c < 2; c++) {
          const at = (y * 4 + x) * 2 + c;
          expect(image[at]).toBe(y < 2 && x >= 1 && x < 3 ? 127.5 : before[at]);
        }
  });

  const next = randomWords([4, 4], 0);
  const n = 4000;
  const boxes = Array.from({ length: n }, () => drawErasing(next, 1, large)!);

  it("happens with its probability", () => {
    const count = Array.from({ length: n }, () => drawErasing(next, 0.25, large)).filter(Boolean).length;
    expect(Math.abs(count - n / 4)).toBeLessThan(4 * Math.sqrt((n * 3) / 16));
    expect(drawErasing(next, 0, large)).toBeNull();
  });

  it("has the area, the aspect and the places of its law", () => {
    // The law: area U(.02, 1/3), log aspect uniform, given that the box fits. Its means by the midpoint rule.
    let [fits, area, aspect] = [0, 0, 0];
    const steps = 400;
    for (let i = 0; i < steps; i++)
      for (let j = 0; j < steps; j++) {
        const [a, logAspect] = [0.02 + ((1 / 3 - 0.02) * (i + 0.5)) / steps, (((j + 0.5) / steps) * 2 - 1) * Math.log(1 / 0.3)];
        if (Math.sqrt(a * Math.exp(Math.abs(logAspect))) >= 1) continue;
        fits++;
        area += a;
        aspect += Math.abs(logAspect);
      }
    const found = boxes.map(({ top, bottom, left, right }) => ({ rows: bottom - top, columns: right - left, top, left }));
    expect(found.every(({ rows, columns, top, left }) => rows < 1000 && columns < 1000 && top + rows <= 1000 && left + columns <= 1000)).toBe(true);
    // Standard deviations are below (1/3 - .02) / 2 and log(1 / .3) / 2; rounding to whole pixels and the midpoint rule are below 1/1000.
    const within = (value: number, wanted: number, deviation: number) =>
      expect(Math.abs(value - wanted)).toBeLessThan((4 * deviation) / Math.sqrt(n) + 0.002);
    within(mean(found.map(({ rows, columns }) => (rows * columns) / 1e6)), area / fits, 0.157);
    within(mean(found.map(({ rows, columns }) => Math.abs(Math.log(rows / columns)))), aspect / fits, 0.602);
    within(mean(found.map(({ rows, columns }) => Math.log(rows / columns))), 0, 0.602 * 2);
    within(mean(found.map(({ rows, top }) => top / (1000 - rows))), 0.5, 0.5);
    within(mean(found.map(({ columns, left }) => left / (1000 - columns))), 0.5, 0.5);
  });

  it("gives up where nothing fits", () => {
    // At the least area and aspect a box of 2000 pixels has sqrt(2000 * 0.02 * 0.3) = 3.5 rows.
    for (let i = 0; i < 50; i++) expect(drawErasing(next, 1, { height: 2, width: 1000 })).toBeNull();
  });
});
