import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { type Column, duration, percent, significant, table } from "../../src/cli/terminal.ts";

const columns: Column<{ name: string; value: number }>[] = [
  { title: "model", of: ({ name }) => name, align: "left" },
  { title: "value", of: ({ value }) => value.toFixed(1) },
  { title: "twice", of: ({ value }) => (2 * value).toFixed(1), spare: 1 },
  { title: "thrice", of: ({ value }) => (3 * value).toFixed(1), spare: 2 },
];
const rows = [
  { name: "ViT", value: 1 },
  { name: "a longer name", value: 123.45 },
];
const plain = (text: string): string[] => stripVTControlCharacters(text).split("\n");

test("a table is aligned, and drops spare columns where the terminal is narrow", () => {
  expect(plain(table(columns, rows, 80))).toEqual([
    "model          value  twice  thrice",
    "───────────────────────────────────",
    "ViT              1.0    2.0     3.0",
    "a longer name  123.5  246.9   370.4",
  ]);
  expect(plain(table(columns, rows, 30))[0]).toBe("model          value  twice");
  expect(plain(table(columns, rows, 10))[0]).toBe("model          value");
  expect(plain(table(columns, [], 80))[0]).toBe("model  value  twice  thrice");
});

test("numbers as people read them", () => {
  expect([0, 1, 0.123456, 1234.5678, 12345678, 1e-5, Number.NaN].map((x) => significant(x))).toEqual([
    "0",
    "1",
    "0.1235",
    "1235",
    "1.235e+7",
    "1.000e-5",
    "NaN",
  ]);
  expect([0, 59.4, 60, 3599, 3600, 90000].map(duration)).toEqual(["0 s", "59 s", "1:00 min", "59:59 min", "1:00 h", "25:00 h"]);
  expect(percent(0.4567)).toBe("45.7 %");
});
