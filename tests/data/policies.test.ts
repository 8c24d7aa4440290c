import { describe, expect, it } from "vitest";
import { cifarPolicy, drawAutoAugment } from "../../src/data/augment/autoAugment.js";
import type { Choice } from "../../src/data/augment/imageOps.js";
import { drawRandAugment, randAugmentOps } from "../../src/data/augment/randAugment.js";
import { randomWords } from "../../src/data/augment/randomWords.js";

const frame = { height: 32, width: 32, channels: 3 };
const draws = 16_000;

/** Counts lie within 4 standard deviations of their binomial law. */
function expectRate(count: number, probability: number, of = draws): void {
  expect(Math.abs(count - of * probability)).toBeLessThanOrEqual(4 * Math.sqrt(of * probability * (1 - probability)));
}

describe("RandAugment", () => {
  const many = (side: number, magnitude: number): Choice[] => {
    const next = randomWords([5, 6], 1);
    return Array.from({ length: draws }, () => drawRandAugment(next, { layers: 1, magnitude }, { height: side, width: side, channels: 3 })).flat();
  };
  const amounts = (choices: Choice[], op: Choice["op"]): number[] => [
    ...new Set(choices.filter((choice) => choice.op === op).map(({ amount }) => amount)),
  ];

  it("draws each of 16 operations as often, and each sign", () => {
    const choices = many(224, 15);
    expect(randAugmentOps).toHaveLength(16);
    for (const op of randAugmentOps) expectRate(choices.filter((choice) => choice.op === op).length, 1 / 16);
    for (const op of ["Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY"]) {
      expectRate(choices.filter((choice) => choice.op === op && choice.amount > 0).length, 1 / 32);
    }
  });

  // What magnitude 15 means at 224 x 224 pixels, by big_vision's rules.
  it.each<[Choice["op"], number[]]>([
    ["Rotate", [-45, 45]],
    ["Posterize", [6]],
    ["Solarize", [384]],
    ["SolarizeAdd", [165]],
    ["Color", [2.8]],
    ["Contrast", [2.8]],
    ["Brightness", [2.8]],
    ["Sharpness", [2.8]],
    ["ShearX", [-0.45, 0.45]],
    ["ShearY", [-0.45, 0.45]],
    ["TranslateX", [-150, 150]],
    ["TranslateY", [-150, 150]],
    ["Cutout", [60]],
    ["Invert", [0]],
    ["Equalize", [0]],
    ["AutoContrast", [0]],
  ])("%s at magnitude 15", (op, expected) => {
    const found = amounts(many(224, 15), op).toSorted((a, b) => a - b);
    expect(found).toHaveLength(expected.length);
    found.forEach((amount, i) => expect(amount).toBeCloseTo(expected[i]!, 12));
  });

  it("moves and cuts in proportion to the side; the centres of Cutout are everywhere", () => {
    const choices = many(32, 10);
    expect(amounts(choices, "TranslateX").map(Math.abs)).toEqual([(100 * 32) / 224, (100 * 32) / 224]);
    const cutouts = choices.filter(({ op }) => op === "Cutout");
    expect(new Set(cutouts.map(({ amount, halfWidth }) => `${amount} ${halfWidth}`))).toEqual(new Set(["5 5"])); // 40 * 32 / 224 = 5.7
    for (const axis of [0, 1]) expect(new Set(cutouts.map(({ centre }) => centre![axis])).size).toBe(32);
    expect(choices.filter(({ op }) => op === "Contrast").every(({ grey }) => grey === 196)).toBe(true);
  });

  it("layers are drawn with replacement, one after the other", () => {
    const next = randomWords([7, 7], 0);
    const pairs = Array.from({ length: draws }, () => drawRandAugment(next, { layers: 2, magnitude: 9 }, frame).map(({ op }) => op));
    expectRate(pairs.filter(([one, other]) => one === other).length, 1 / 16);
    expect(drawRandAugment(next, { layers: 3, magnitude: 9 }, frame)).toHaveLength(3);
  });
});

describe("AutoAugment", () => {
  // The pairs as the paper's table lists them, op probability / magnitude.
  const table =
    "In.1 Cn.2/6; Ro.7/2 TX.3/9; Sh.8/1 Sh.9/3; SY.5/8 TY.7/9; AC.5 Eq.9; SY.2/7 Po.3/7; Co.4/3 Br.6/7; Sh.3/9 Br.7/9; Eq.6 Eq.5; Cn.6/7 Sh.6/5; " +
    "Co.7/7 TX.5/8; Eq.3 AC.4; TY.4/3 Sh.2/6; Br.9/6 Co.2/8; So.5/2 In0; Eq.2 AC.6; Eq.2 Eq.6; Co.9/9 Eq.6; AC.8 So.2/8; Br.1/3 Co.7/0; " +
    "So.4/5 AC.9; TY.9/9 TY.7/9; AC.9 So.8/3; Eq.8 In.1; TY.7/9 AC.9";
  const short: Partial<Record<Choice["op"], string>> = {
    Posterize: "Po",
    Rotate: "Ro",
    Solarize: "So",
    AutoContrast: "AC",
    Equalize: "Eq",
    Invert: "In",
    Color: "Co",
    Contrast: "Cn",
    Sharpness: "Sh",
    Brightness: "Br",
    ShearX: "SX",
    ShearY: "SY",
    TranslateX: "TX",
    TranslateY: "TY",
  };
  const written = (op: Choice["op"], probability: number, bin: number): string => {
    const magnitude = ["AutoContrast", "Equalize", "Invert"].includes(op) ? "" : `/${bin}`;
    return short[op] + String(probability).replace("0.", ".") + magnitude;
  };

  it("has the 25 pairs found for CIFAR-10", () => {
    const pairs = cifarPolicy.map(([a, p, i, b, q, j]) => `${written(a, p, i)} ${written(b, q, j)}`);
    expect(pairs.join("; ")).toBe(table);
  });

  const next = randomWords([9, 8], 2);
  const drawn = Array.from({ length: draws }, () => drawAutoAugment(next, frame));
  const of = (op: Choice["op"]): number[] => drawn.flat().flatMap((choice) => (choice.op === op ? [choice.amount] : []));
  const distinct = (op: Choice["op"]): number[] => [...new Set(of(op))].toSorted((a, b) => a - b);

  it("applies each operation as often as its pairs say", () => {
    for (const op of Object.keys(short) as Choice["op"][]) {
      const expected = cifarPolicy.reduce((sum, [a, p, , b, q]) => sum + (a === op ? p : 0) + (b === op ? q : 0), 0) / 25;
      const both = draws * expected; // an image may have the operation twice, which at most doubles the variance
      expect(Math.abs(of(op).length - both)).toBeLessThanOrEqual(4 * Math.sqrt(2 * both));
    }
    expect(of("ShearX")).toEqual([]);
    expect(drawn.every((choices) => choices.every(({ grey }) => grey === undefined))).toBe(true);
  });

  it("has torchvision's magnitudes at 32 x 32 pixels", () => {
    expect(distinct("Posterize")).toEqual([5]); // 8 - round(7 / (9 / 4))
    expect(distinct("TranslateX")).toEqual([-14, -12, 12, 14]); // 150 / 331 * 32 = 14.5, by 8/9 and 9/9, cut off
    expect(distinct("TranslateY")).toEqual([-14, -4, 4, 14]);
    const close = (op: Choice["op"], expected: number[]) => {
      expect(distinct(op)).toHaveLength(expected.length);
      distinct(op).forEach((amount, i) => expect(amount).toBeCloseTo(expected[i]!, 12));
    };
    close("Rotate", [-60 / 9, 60 / 9]);
    close("ShearY", [-0.8 / 3, -0.7 / 3, 0.7 / 3, 0.8 / 3]);
    close("Solarize", [255 / 9, 340 / 3, 170, 595 / 3]); // 255 - 255 bin / 9 for 8, 5, 3, 2
    close("Color", [0.1, 0.2, 0.3, 0.7, 1, 1.3, 1.7, 1.8, 1.9]); // 1 +- bin / 10 for 9, 8, 7, 3, 0
    close("Contrast", [0.3, 0.4, 1.6, 1.7]);
  });

  it("draws either sign as often", () => {
    const moved = of("TranslateY");
    expectRate(moved.filter((pixels) => pixels > 0).length, 0.5, moved.length);
  });
});
