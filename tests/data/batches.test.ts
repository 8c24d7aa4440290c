import { describe, expect, it } from "vitest";
import { type BatchOptions, batches } from "../../src/data/index.ts";
import * as st from "../../src/index.ts";

const count = 10;
const images = () =>
  st
    .arange(0, count * 12)
    .reshape([count, 2, 2, 3])
    .cast("u8");
const set = () => ({ images: images(), labels: st.arange(0, count).cast("i32") });

const augmented = (augment: BatchOptions["augment"], given: st.Tensor = images()) =>
  batches({ images: given, labels: set().labels }, { size: 2, key: st.random.key(0), augment });

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

  it("are f32 pixels and soft targets when they are mixed", async () => {
    const options = { size: 4, key: st.random.key(2), classes: count, workers: 2 };
    const sums: number[] = [];
    for await (const { images, labels } of batches(set(), { ...options, augment: { pad: 0, flip: false, mixup: 0.4 } })) {
      expect([images.dtype, labels.dtype]).toEqual(["f32", "f32"]);
      expect([images.shape.slice(1), labels.shape.slice(1)]).toEqual([[2, 2, 3], [count]]);
      // The first pixel of image i is 12 i, so the mean class of a target is the mixed pixel / 12.
      const classes = await labels.mul(st.arange(0, count)).sum({ axis: 1 }).data();
      const pixels = await images.at(null, 0, 0, 0).data();
      pixels.forEach((pixel, i) => expect(pixel / 12).toBeCloseTo(classes[i]!, 4));
      sums.push(...(await labels.sum({ axis: 1 }).data()));
    }
    expect(sums).toHaveLength(count);
    for (const sum of sums) expect(sum).toBeCloseTo(1, 6);
  });

  it("are f32 pixels and classes when they are erased, bytes and classes under a policy", async () => {
    const kinds = async (augment: BatchOptions["augment"]) => {
      for await (const { images, labels } of batches(set(), { size: count, key: st.random.key(2), augment })) return [images.dtype, labels.dtype];
      return [];
    };
    expect(await kinds({ erasing: 0.5 })).toEqual(["f32", "i32"]);
    expect(await kinds({ randAugment: { layers: 2, magnitude: 15 } })).toEqual(["u8", "i32"]);
    expect(await kinds({ autoAugment: true, pad: 0 })).toEqual(["u8", "i32"]);
  });

  it("a label that is no class is named when the pass begins", async () => {
    const pass = batches(set(), { size: 4, classes: 7 });
    await expect(pass[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: "[batches] expected labels from 0 to 6, got 7 at index 7",
    });
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
    [
      "a magnitude of 31",
      () => augmented({ randAugment: { layers: 2, magnitude: 31 } }),
      "ERR_ARGUMENT",
      /randAugment\.magnitude must be a number from 0 to 30, got 31/,
    ],
    [
      "no layers",
      () => augmented({ randAugment: { magnitude: 3 } as never }),
      "ERR_ARGUMENT",
      /randAugment\.layers must be a positive integer, got undefined/,
    ],
    [
      "two policies",
      () => augmented({ randAugment: { layers: 2, magnitude: 9 }, autoAugment: true }),
      "ERR_ARGUMENT",
      /randAugment or autoAugment, got both/,
    ],
    ["a negative alpha", () => augmented({ mixup: -1 }), "ERR_ARGUMENT", /augment\.mixup must be a number from 0, got -1/],
    ["a probability of 2", () => augmented({ erasing: 2 }), "ERR_ARGUMENT", /augment\.erasing must be a number from 0 to 1, got 2/],
    ["mixing without classes", () => augmented({ cutmix: 1 }), "ERR_ARGUMENT", /augment\.cutmix needs the number of classes/],
    [
      "floats under a policy",
      () => augmented({ autoAugment: true }, images().cast("f32")),
      "ERR_DTYPE",
      /augment\.autoAugment needs images of u8, got f32/,
    ],
    [
      "two channels under a policy",
      () => augmented({ autoAugment: true }, st.zeros([count, 2, 3, 2]).cast("u8")),
      "ERR_SHAPE",
      /1 or 3 channels, got 2/,
    ],
    [
      "classes of soft labels",
      () => batches({ images: images(), labels: st.zeros([count, 3]) }, { size: 2, classes: 3 }),
      "ERR_DTYPE",
      /labels \[N\] of i32/,
    ],
    ["half a worker", () => batches(set(), { size: 2, workers: 0.5 }), "ERR_ARGUMENT", /workers must be a positive integer, got 0\.5/],
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
