import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { type BatchOptions, batches } from "../../src/data/index.ts";
import * as st from "../../src/index.ts";

// The figures that are committed were trained on these bytes: an order, crops and mirrors for a key. They must never change.

const count = 300;

/** Images of 32 x 32 x 3 bytes and labels, in which no two rows are alike. */
function set() {
  const images = new Uint8Array(count * 3072);
  for (let i = 0; i < images.length; i++) images[i] = (i * 31 + Math.floor(i / 3072) * 7 + Math.floor(i / 96) * 13) & 255;
  return { images: st.tensor(images, { shape: [count, 32, 32, 3] }), labels: st.arange(0, count).cast("i32") };
}

async function hashOf(options: BatchOptions): Promise<string> {
  const hash = createHash("sha256");
  for await (const { images, labels } of batches(set(), options)) {
    expect([images.dtype, labels.dtype]).toEqual(["u8", "i32"]);
    hash.update(await images.data()).update(await labels.data());
  }
  return hash.digest("hex").slice(0, 16);
}

it.each<[string, Partial<BatchOptions>, string]>([
  ["in order", {}, "47df9dd786bd167b"],
  ["shuffled", { key: st.random.key(11) }, "3eb201f679b38eb1"],
  ["cropped and mirrored", { key: st.random.key(11), augment: true }, "bcd1d9687201ca18"],
  ["cropped and mirrored, of the third epoch", { key: st.random.foldIn(st.random.key(11), 2), augment: true, dropLast: true }, "3a634c000f208bfe"],
  ["cropped by more, not mirrored", { key: st.random.key(5), augment: { pad: 7, flip: false } }, "2861fe8c3215a285"],
])("the bytes of a pass are as they always were: %s", async (_, options, expected) => {
  expect(await hashOf({ size: 64, ...options })).toBe(expected);
});
