import { describe, expect, it } from "vitest";
import { batches } from "../../src/data/index.ts";
import * as st from "../../src/index.ts";

const count = 10;
const images = () =>
  st
    .arange(0, count * 12)
    .reshape([count, 2, 2, 3])
    .cast("u8");
const set = () => ({ images: images(), labels: st.arange(0, count).cast("i32") });

describe("batches", () => {
  it("are tensors of the set's dtypes, image and label together", async () => {
    const given = { images: images(), labels: st.oneHot(st.arange(0, count).cast("i32"), count) };
    const pass = batches(given, { size: 4, key: st.random.key(1) });
    expect(pass.length).toBe(3);
    const seen: number[] = [];
    for await (const batch of pass) {
      expect([batch.images.dtype, batch.labels.dtype]).toEqual(["u8", "f32"]);
      expect(batch.images.shape.slice(1)).toEqual([2, 2, 3]);
      const classes = Array.from(await st.argmax(batch.labels, { axis: 1 }).data());
      const first = await batch.images.at(null, 0, 0, 0).array();
      expect(first).toEqual(classes.map((label) => label * 12));
      seen.push(...classes);
    }
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(pass.waitedMs).toBeGreaterThan(0);
  });

  it("repeat with the key, differ with another, keep the order without one", async () => {
    const order = async (key?: st.Tensor) => {
      const labels: number[] = [];
      for await (const batch of batches(set(), { size: 3, key })) labels.push(...(await batch.labels.data()));
      return labels;
    };
    const key = st.random.key(3);
    const epoch = (n: number) => st.random.foldIn(key, n);
    expect(await order(epoch(0))).toEqual(await order(epoch(0)));
    expect(await order(epoch(0))).not.toEqual(await order(epoch(1)));
    expect(await order()).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  it("dropLast leaves the smaller one out", async () => {
    const sizes: number[] = [];
    for await (const batch of batches(set(), { size: 4, dropLast: true })) sizes.push(batch.labels.shape[0]!);
    expect(sizes).toEqual([4, 4]);
  });

  it.each([
    ["a size of 0", () => batches(set(), { size: 0 }), "ERR_ARGUMENT", /size must be a positive integer, got 0/],
    ["no options", () => batches(set(), undefined as never), "ERR_ARGUMENT", /size must be a positive integer/],
    ["no set", () => batches(undefined as never, { size: 2 }), "ERR_ARGUMENT", /expected a set \{ images, labels \}/],
    ["unequal counts", () => batches({ images: images(), labels: st.zeros([9]) }, { size: 2 }), "ERR_SHAPE", /the same first axis/],
    ["a number as key", () => batches(set(), { size: 2, key: 7 as never }), "ERR_ARGUMENT", /key must be a key of st\.random\.key/],
    ["crops without a key", () => batches(set(), { size: 2, augment: true }), "ERR_ARGUMENT", /augment needs a key/],
    ["a pad of -1", () => batches(set(), { size: 2, key: st.random.key(0), augment: { pad: -1 } }), "ERR_ARGUMENT", /augment\.pad/],
    ["nothing left", () => batches(set(), { size: 11, dropLast: true }), "ERR_ARGUMENT", /leaves no batch of 10 images/],
    [
      "crops of vectors",
      () => batches({ images: st.zeros([4, 3]), labels: st.zeros([4]) }, { size: 2, key: st.random.key(0), augment: true }),
      "ERR_SHAPE",
      /augment needs images/,
    ],
  ])("%s is refused at the call", (_, wrong, code, message) => {
    let error: any;
    try {
      wrong();
    } catch (caught) {
      error = caught;
    }
    expect(error?.code).toBe(code);
    expect(error.message).toMatch(message);
  });
});
