import { expect, test } from "vitest";
import { studyTables } from "../../src/cli/study.ts";
import { madeUpStudy } from "./madeUpStudy.ts";

const { finished } = madeUpStudy();
const linesAt = (width: number): string[] => studyTables(finished, width).split("\n");

test("shows all rows and the slides' figures within 80 columns", () => {
  const lines = linesAt(80);
  expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
  const rows = lines.filter((line) => /plain |SAM 0\.1/.test(line) && /\d/.test(line) && !line.includes("|"));
  expect(rows).toHaveLength(12);
  expect(
    rows.slice(0, 4).map((line) =>
      line
        .trim()
        .split(/\s{2,}/)
        .slice(0, 2),
    ),
  ).toEqual(["plain", "plain", "SAM 0.1", "SAM 0.1"].map((how) => ["ViT d64 L4 /8", how]));
  const beside = lines.filter((line) => line.includes("| ") && !line.includes("slides"));
  expect(
    beside.map((line) =>
      line
        .split("|")[1]!
        .trim()
        .split(/\s{2,}/),
    ),
  ).toEqual([
    ["ViT-B/16", "738.8", "20.9", "35.3 x"],
    ["Mixer-B/16", "1644.4", "22.5", "73.1 x"],
    ["ResNet-152", "179.8", "42.0", "4.28 x"],
  ]);
  expect(beside[0]).toMatch(/^ViT d64 L4 \/8 +365 +28\.5 +12\.8 x/); // the geometric means of 333, 399.6 and 26, 31.2
  expect(lines.at(-1)).toContain("not measured here");
});

test("shows every column where there is room", () => {
  const [header] = linesAt(200);
  for (const title of ["seed", "residual", "train acc", "test acc", "train loss", "test loss", "images/s", "seconds"])
    expect(header).toContain(title);
});
