import { describe, expect, it } from "vitest";
import { below, beta, logGamma, normal, permutation, randomWords, streamOf, uniform } from "../../src/data/augment/randomWords.js";

const n = 20_000;
const draw = (count: number, stream: number, one: (next: () => number) => number): number[] => {
  const next = randomWords([1, 2], stream);
  return Array.from({ length: count }, () => one(next));
};
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The largest distance between the frequencies of the values and a distribution (Kolmogorov and Smirnov), in units of 1 / sqrt(n). */
function distance(values: number[], distribution: (x: number) => number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const gaps = sorted.map((x, i) => Math.max(Math.abs(distribution(x) - i / n), Math.abs(distribution(x) - (i + 1) / n)));
  return Math.max(...gaps) * Math.sqrt(n);
}
const exceededOnceInAThousand = 1.95;

describe("random words", () => {
  it("are another stream for another key, purpose and batch", () => {
    const streams = new Set([0]);
    for (const purpose of ["crop", "policy", "mixing", "erasing"] as const)
      for (let batch = 0; batch < 50; batch++) streams.add(streamOf(purpose, batch));
    expect(streams.size).toBe(201);
    const firsts = [...streams].map((stream) => randomWords([1, 2], stream)());
    expect(new Set(firsts).size).toBe(201);
    expect(randomWords([2, 1], 0)()).not.toBe(randomWords([1, 2], 0)());
    expect(randomWords([1, 2], 7)()).toBe(randomWords([1, 2], 7)());
  });
  it("give uniform and normal numbers", () => {
    expect(distance(draw(n, 1, uniform), (x) => x)).toBeLessThan(exceededOnceInAThousand);
    const normals = draw(n, 2, normal);
    expect(Math.abs(mean(normals))).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(mean(normals.map((x) => x ** 2)) - 1)).toBeLessThan(4 * Math.sqrt(2 / n)); // a squared normal has variance 2
    expect(Math.abs(mean(normals.map((x) => x ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / n)); // the variance of the fourth power is 105 - 9
  });
  it("give whole numbers below a bound, each as often", () => {
    const counts = new Array(7).fill(0);
    for (const value of draw(n, 3, (next) => below(next, 7))) counts[value]++;
    for (const count of counts) expect(Math.abs(count - n / 7)).toBeLessThan(4 * Math.sqrt((n * 6) / 49));
  });
  it("put a list in order, each image at each place as often", () => {
    const places = new Array(25).fill(0);
    for (let seed = 0; seed < 5000; seed++) permutation(5, [seed, 3]).forEach((value, place) => places[5 * value + place]++);
    for (const count of places) expect(Math.abs(count - 1000)).toBeLessThan(4 * Math.sqrt(5000 * 0.2 * 0.8));
  });
});

describe("gamma and beta numbers", () => {
  it.each([0.2, 0.5, 1, 3, 20])("Gamma(%d) has its mean and its variance", (alpha) => {
    const values = draw(n, 4, (next) => Math.exp(logGamma(next, alpha)));
    const fourth = 3 * alpha ** 2 + 6 * alpha; // the fourth central moment
    expect(Math.abs(mean(values) - alpha)).toBeLessThan(4 * Math.sqrt(alpha / n));
    expect(Math.abs(mean(values.map((x) => (x - alpha) ** 2)) - alpha)).toBeLessThan(4 * Math.sqrt((fourth - alpha ** 2) / n));
  });
  // The distribution functions of Beta(alpha, alpha) that are plain formulas.
  it.each<[number, (x: number) => number]>([
    [0.5, (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, (x) => x],
    [2, (x) => x ** 2 * (3 - 2 * x)],
    [3, (x) => x ** 3 * (10 - 15 * x + 6 * x ** 2)],
  ])("Beta(%d, %d) is distributed so", (alpha, distribution) => {
    expect(
      distance(
        draw(n, 5, (next) => beta(next, alpha)),
        distribution,
      ),
    ).toBeLessThan(exceededOnceInAThousand);
  });
  it.each([0.1, 0.2, 0.4, 0.8])("Beta(%d) has its mean and its variance", (alpha) => {
    const values = draw(n, 6, (next) => beta(next, alpha));
    const variance = 1 / (4 * (2 * alpha + 1));
    expect(Math.abs(mean(values) - 0.5)).toBeLessThan(4 * Math.sqrt(variance / n));
    // |x - 1/2| <= 1/2, so the fourth moment is at most 1/16
    expect(Math.abs(mean(values.map((x) => (x - 0.5) ** 2)) - variance)).toBeLessThan(4 * Math.sqrt((1 / 16 - variance ** 2) / n));
  });
  it("a tiny alpha gives 0 or 1, and never NaN", () => {
    const values = draw(1000, 7, (next) => beta(next, 1e-4));
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(values.filter((value) => value > 0.01 && value < 0.99).length).toBeLessThan(5);
  });
});
