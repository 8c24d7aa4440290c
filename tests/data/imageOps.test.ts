import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { applyAll, applyOp, type Choice, type Frame } from "../../src/data/augment/imageOps.js";

const [width, height] = [20, 16];
const pixel = (x: number, y: number): number[] => [
  30 + ((x * 37 + y * 91 + x * y * 13) % 160),
  (x * x * 5 + y * 29) % 256,
  200 - ((x * 3 + y * 7) % 64),
];
const coordinates = Array.from({ length: width * height }, (_, i) => [i % width, Math.floor(i / width)] as const);
const image: Uint8Array = Uint8Array.from(coordinates.flatMap(([x, y]) => pixel(x, y)));
const grey = Uint8Array.from(coordinates.map(([x, y]) => pixel(x, y)[0]!));
const rgb: Frame = { height, width, channels: 3 };

function applied(choice: Choice, source = image, frame = rgb): Uint8Array {
  const target = new Uint8Array(source.length).fill(77); // every byte must be written
  const before = source.slice();
  applyOp(choice, source, target, frame);
  expect(source).toEqual(before);
  return target;
}

// golden/pillow.py made these numbers with Pillow 13.0.0.
const golden = JSON.parse(readFileSync(new URL("golden/pillow.json", import.meta.url), "utf8")) as Record<"rgb" | "grey", Record<string, string>>;
const choiceOf = (name: string): Choice => {
  const [op, amount = "0"] = name.split(" ");
  return { op: op as Choice["op"], amount: Number(amount) };
};

describe("as Pillow, byte for byte", () => {
  it.each(Object.entries(golden.rgb))("%s of a colour image", (name, bytes) => {
    expect([...applied(choiceOf(name))]).toEqual([...Buffer.from(bytes, "base64")]);
  });
  it.each(Object.entries(golden.grey))("%s of a grey image", (name, bytes) => {
    expect([...applied(choiceOf(name), grey, { ...rgb, channels: 1 })]).toEqual([...Buffer.from(bytes, "base64")]);
  });
});

describe("what Pillow has not", () => {
  it("SolarizeAdd adds below 128 only, up to 255", () => {
    const source = Uint8Array.from([0, 20, 100, 127, 128, 200]);
    expect([...applied({ op: "SolarizeAdd", amount: 110 }, source, { height: 1, width: 2, channels: 3 })]).toEqual([110, 130, 210, 237, 128, 200]);
    expect([...applied({ op: "SolarizeAdd", amount: 165 }, source, { height: 1, width: 2, channels: 3 })]).toEqual([165, 185, 255, 255, 128, 200]);
  });
  it("Contrast moves away from a given level", () => {
    const source = Uint8Array.from([0, 100, 196, 200, 255, 129]);
    // 196 + 2 (x - 196), clipped
    expect([...applied({ op: "Contrast", amount: 2, grey: 196 }, source, { height: 2, width: 1, channels: 3 })]).toEqual([0, 4, 196, 204, 255, 62]);
  });
  it("Cutout greys a box, cut by the frame", () => {
    const source = new Uint8Array(5 * 6).fill(9);
    const shown = applied({ op: "Cutout", amount: 1, halfWidth: 2, centre: [4, 1] }, source, { height: 5, width: 6, channels: 1 });
    const g = 128;
    expect([...shown]).toEqual([...[9, 9, 9, 9, 9, 9], ...[9, 9, 9, 9, 9, 9], ...[9, 9, 9, 9, 9, 9], ...[g, g, g, 9, 9, 9], ...[g, g, g, 9, 9, 9]]);
    expect([...applied({ op: "Cutout", amount: 0, centre: [2, 2] })]).toEqual([...image]);
    expect(applied({ op: "Cutout", amount: 99, centre: [0, 0] }).every((byte) => byte === g)).toBe(true);
  });
  it("a fraction of a pixel is rounded to the nearest", () => {
    expect([...applied({ op: "TranslateX", amount: 2.6 })]).toEqual([...applied({ op: "TranslateX", amount: 3 })]);
    expect([...applied({ op: "TranslateY", amount: -1.4 })]).toEqual([...applied({ op: "TranslateY", amount: -1 })]);
  });
  it("more than 8 bits are all bits", () => {
    expect([...applied({ op: "Posterize", amount: 12 })]).toEqual([...image]);
  });
});

it("images without a range, or too small to smooth, stay as they are", () => {
  const flat = new Uint8Array(48).fill(130);
  for (const op of ["AutoContrast", "Equalize", "Color", "Contrast", "Sharpness"] as const) {
    expect([...applied({ op, amount: 2.8 }, flat, { height: 4, width: 4, channels: 3 })]).toEqual([...flat]);
  }
  const small = Uint8Array.from([1, 200, 3, 4, 5, 6]);
  expect([...applied({ op: "Sharpness", amount: 2 }, small, { height: 1, width: 2, channels: 3 })]).toEqual([...small]);
});

it("several are applied one after the other, and the source is left alone", () => {
  const scratch = [new Uint8Array(image.length), new Uint8Array(image.length)] as const;
  const choices: Choice[] = [
    { op: "Rotate", amount: 30 },
    { op: "Equalize", amount: 0 },
    { op: "Invert", amount: 0 },
  ];
  const before = image.slice();
  const wanted = choices.reduce((bytes, choice) => applied(choice, bytes), image);
  expect(applyAll(choices, image, scratch, rgb)).toEqual(wanted);
  expect(image).toEqual(before);
  expect(applyAll([], image, scratch, rgb)).toBe(image);
});
