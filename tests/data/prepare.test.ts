import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type PassOptions, type PreparedBatch, preparePass } from "../../src/data/prepare.ts";

const [height, width, channels] = [6, 5, 3];
const imageBytes = height * width * channels;

function shared(length: number, byteOf: (i: number) => number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(length));
  for (let i = 0; i < length; i++) bytes[i] = byteOf(i);
  return bytes;
}

const count = 23;
// No byte is 0, so that black is known to have come in from outside.
const images = { bytes: shared(count * imageBytes, (i) => 1 + ((i * 7 + Math.floor(i / imageBytes)) % 255)), stride: imageBytes };
const labels = { bytes: shared(count, (i) => i), stride: 1 };
const frame = { height, width, pixelBytes: channels };
const inOrder: PassOptions = { images, labels, count, size: 5, batches: 5, seed: null, augment: null };

async function collect(options: Partial<PassOptions> = {}): Promise<PreparedBatch[]> {
  const batches: PreparedBatch[] = [];
  for await (const batch of preparePass({ ...inOrder, ...options })) batches.push(batch);
  return batches;
}
const labelsOf = (batches: PreparedBatch[]): number[] => batches.flatMap((batch) => [...batch.labels]);
const imageOf = (index: number): Uint8Array => images.bytes.slice(index * imageBytes, (index + 1) * imageBytes);

/** The plain definition: an image moved by (down, right), black coming in, and mirrored. */
function moved(image: Uint8Array, down: number, right: number, mirrored: boolean): number[] {
  const out: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromY, fromX] = [y - down, (mirrored ? width - 1 - x : x) - right];
      const inside = fromY >= 0 && fromY < height && fromX >= 0 && fromX < width;
      for (let c = 0; c < channels; c++) out.push(inside ? image[(fromY * width + fromX) * channels + c]! : 0);
    }
  }
  return out;
}

describe("a pass", () => {
  it("without a seed keeps the order, and ends with the rest", async () => {
    const batches = await collect();
    expect(batches.map((batch) => batch.labels.length)).toEqual([5, 5, 5, 5, 3]);
    expect(labelsOf(batches)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(Buffer.concat(batches.map((batch) => batch.images)).equals(images.bytes)).toBe(true);
  });

  it("with a seed visits each image once, in another order for another seed, and keeps images by their labels", async () => {
    const [a, again, b] = [await collect({ seed: [1, 2] }), await collect({ seed: [1, 2] }), await collect({ seed: [1, 3] })];
    expect(labelsOf(a).toSorted((x, y) => x - y)).toEqual(Array.from({ length: count }, (_, i) => i));
    expect(again).toEqual(a);
    expect(labelsOf(b)).not.toEqual(labelsOf(a));
    for (const batch of a)
      batch.labels.forEach((label, i) => expect(batch.images.slice(i * imageBytes, (i + 1) * imageBytes)).toEqual(imageOf(label)));
  });

  it("is the same whether batches are taken at once or slowly, and beside another pass", async () => {
    const wanted = await collect({ seed: [7, 7], augment: { ...frame, pad: 2, flip: true } });
    const options = { ...inOrder, seed: [7, 7] as const, augment: { ...frame, pad: 2, flip: true } };
    const [slow, other] = [preparePass(options), preparePass({ ...inOrder, seed: [8, 8] })];
    for (const batch of wanted) {
      expect((await slow.next()).value).toEqual(batch);
      await other.next();
      await sleep(5);
    }
    expect((await slow.next()).done).toBe(true);
    await other.return();
  });

  it("crops and mirrors as the plain definition does, every way it can", async () => {
    const pad = 2;
    const seen = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      for (const batch of await collect({ seed: [seed, 5], augment: { ...frame, pad, flip: true } })) {
        batch.labels.forEach((label, i) => {
          const image = [...batch.images.subarray(i * imageBytes, (i + 1) * imageBytes)];
          const ways = [];
          for (let down = -pad; down <= pad; down++)
            for (let right = -pad; right <= pad; right++)
              for (const mirrored of [false, true])
                if (moved(imageOf(label), down, right, mirrored).join() === image.join()) ways.push(`${down} ${right} ${mirrored}`);
          expect(ways.length).toBe(1);
          seen.add(ways[0]!);
        });
      }
    }
    expect(seen.size).toBe(5 * 5 * 2);
  });

  it("a move past the frame leaves black, and no mirror comes unasked", async () => {
    const batches = await collect({ seed: [3, 3], augment: { ...frame, pad: 40, flip: false } });
    const black = batches.flatMap((batch) =>
      [...batch.labels].filter((_, i) => batch.images.subarray(i * imageBytes, (i + 1) * imageBytes).every((byte) => byte === 0)),
    );
    expect(black.length).toBeGreaterThan(count / 2);
    for (const batch of await collect({ seed: [3, 3], augment: { ...frame, pad: 0, flip: false } })) {
      batch.labels.forEach((label, i) => expect(batch.images.slice(i * imageBytes, (i + 1) * imageBytes)).toEqual(imageOf(label)));
    }
  });

  it("left early lets go of the rest", async () => {
    for await (const batch of preparePass(inOrder)) {
      expect(batch.labels.length).toBe(5);
      break;
    }
    expect(labelsOf(await collect())).toHaveLength(count);
  });
});

it("batches are ready when the consumer comes for them", async () => {
  const big = { bytes: new Uint8Array(new SharedArrayBuffer(2000 * 3072)), stride: 3072 };
  const augment = { height: 32, width: 32, pixelBytes: 3, pad: 4, flip: true };
  const pass = preparePass({
    images: big,
    labels: { bytes: new Uint8Array(2000), stride: 1 },
    count: 2000,
    size: 100,
    batches: 20,
    seed: [0, 0],
    augment,
  });
  await pass.next();
  let waited = 0;
  const began = performance.now();
  for (let i = 1; i < 20; i++) {
    await sleep(10); // a training step
    const asked = performance.now();
    await pass.next();
    waited += performance.now() - asked;
  }
  expect(waited / (performance.now() - began)).toBeLessThan(0.25); // a quarter, for machines that do other work beside
});
