import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { drawAutoAugment } from "../../src/data/augment/autoAugment.js";
import { applyAll, type Choice } from "../../src/data/augment/imageOps.js";
import { drawRandAugment } from "../../src/data/augment/randAugment.js";
import { randomWords, streamOf } from "../../src/data/augment/randomWords.js";
import { type Augment, type PassOptions, type PreparedBatch, preparePass } from "../../src/data/prepare.ts";

const [height, width, channels] = [6, 5, 3];
const imageBytes = height * width * channels;
const shape = { height, width, channels };

function shared(length: number, byteOf: (i: number) => number): Uint8Array {
  const bytes = new Uint8Array(new SharedArrayBuffer(length));
  for (let i = 0; i < length; i++) bytes[i] = byteOf(i);
  return bytes;
}

const count = 23;
// No byte is 0, so that black is known to have come in from outside.
const images = { bytes: shared(count * imageBytes, (i) => 1 + ((i * 7 + Math.floor(i / imageBytes)) % 255)), stride: imageBytes };
const labels = { bytes: shared(count, (i) => i), stride: 1 };
const plain: Augment = { pad: 0, flip: false, randAugment: null, autoAugment: false, mixup: 0, cutmix: 0, erasing: 0 };
const frame = { ...plain, height, width, pixelBytes: channels };
const inOrder: PassOptions = { images, labels, count, size: 5, batches: 5, seed: null, augment: null, classes: 0 };

async function collect(options: Partial<PassOptions> = {}, workers?: number): Promise<PreparedBatch[]> {
  const batches: PreparedBatch[] = [];
  for await (const batch of preparePass({ ...inOrder, ...options }, workers)) batches.push(batch);
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

describe("an augmented pass", () => {
  const seed = [4, 9] as const;
  const classLabels = { bytes: new Uint8Array(Int32Array.from({ length: count }, (_, i) => i).buffer), stride: 4 };
  const soft = { seed, labels: classLabels, classes: count };
  const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  const everything = { ...frame, pad: 2, flip: true, randAugment: { layers: 2, magnitude: 15 }, mixup: 0.5, cutmix: 1, erasing: 0.5 };

  it.each<[string, Partial<PassOptions>]>([
    ["bytes", { seed, augment: { ...frame, pad: 2, flip: true } }],
    ["everything", { ...soft, augment: everything }],
    ["AutoAugment", { seed, augment: { ...frame, autoAugment: true } }],
  ])("has the same bytes for 1, 2 and 3 threads, again and again: %s", async (_, options) => {
    const wanted = await collect(options);
    for (const workers of [1, 2, 3, 99]) expect(await collect(options, workers)).toEqual(wanted);
    expect(await collect({ ...options, seed: [4, 8] }, 2)).not.toEqual(wanted);
  });

  it.each<[string, Partial<Augment>, (next: () => number) => Choice[]]>([
    ["RandAugment", { randAugment: { layers: 2, magnitude: 15 } }, (next) => drawRandAugment(next, { layers: 2, magnitude: 15 }, shape)],
    ["AutoAugment", { autoAugment: true }, (next) => drawAutoAugment(next, shape)],
  ])("applies %s to each image before it is cropped", async (_, policy, draw) => {
    const options = { seed, augment: { ...frame, ...policy } };
    const [plainPass, pass] = [await collect({ seed }), await collect(options)];
    const scratch = [new Uint8Array(imageBytes), new Uint8Array(imageBytes)] as const;
    pass.forEach((batch, number) => {
      const next = randomWords(seed, streamOf("policy", number));
      const wanted = [...plainPass[number]!.labels].map((label) => [...applyAll(draw(next), imageOf(label), scratch, shape)]);
      expect([...batch.images]).toEqual(wanted.flat());
    });
    // The crops are those of the same pass without a policy: its blackness is in the same places.
    const [bare, both] = [
      await collect({ seed, augment: { ...frame, pad: 2 } }),
      await collect({ ...options, augment: { ...options.augment, pad: 2 } }),
    ];
    bare.forEach((batch, number) =>
      batch.images.forEach((byte, at) => {
        if (byte === 0) expect(both[number]!.images[at]).toBe(0);
      }),
    );
  });

  it("mixes what it would have given otherwise, the same shares for images and labels", async () => {
    const crops = { ...frame, pad: 2, flip: true };
    const [bare, mixed] = [await collect({ ...soft, augment: crops }), await collect({ ...soft, augment: { ...crops, mixup: 0.8 } })];
    const shares = new Set<number>();
    bare.forEach(({ images, labels }, number) => {
      const [classes, filled] = [new Int32Array(labels.buffer), images.length / imageBytes];
      const [pixels, targets] = [floats(mixed[number]!.images), floats(mixed[number]!.labels)];
      expect([pixels.length, targets.length]).toEqual([images.length, filled * count]);
      const share = targets[classes[0]!]!;
      shares.add(share);
      for (let i = 0; i < filled; i++) {
        const partner = filled - 1 - i;
        const wanted = new Float32Array(count);
        wanted[classes[i]!]! += share;
        wanted[classes[partner]!]! += 1 - share;
        targets.subarray(i * count, (i + 1) * count).forEach((target, label) => expect(target).toBeCloseTo(wanted[label]!, 6));
        for (let at = 0; at < imageBytes; at++) {
          const wanted = share * images[i * imageBytes + at]! + (1 - share) * images[partner * imageBytes + at]!;
          expect(pixels[i * imageBytes + at]).toBeCloseTo(wanted, 3); // f32 has 255 to 1.5e-5, the share to 6e-8 of 255
        }
      }
    });
    expect(shares.size).toBe(5); // one a batch
  });

  it("erases boxes of what it would have given otherwise", async () => {
    const [bare, erased] = [await collect({ seed }), await collect({ seed, augment: { ...frame, erasing: 0.5 } })];
    let boxes = 0;
    bare.forEach(({ images, labels }, number) => {
      const pixels = floats(erased[number]!.images);
      expect(erased[number]!.labels).toEqual(labels);
      for (let i = 0; i < labels.length; i++) {
        const changed = Array.from({ length: imageBytes }, (_, at) => i * imageBytes + at).filter((at) => pixels[at] !== images[at]);
        expect(changed.every((at) => pixels[at] === 127.5)).toBe(true);
        if (changed.length) boxes++;
      }
    });
    expect(boxes).toBeGreaterThan(2);
    expect(boxes).toBeLessThan(count - 2);
  });
});

it("a thread that stops rejects the passes that it served, and the next pass has another", async () => {
  const other = preparePass({ ...inOrder, seed: [1, 1] }, 2);
  await other.next();
  await expect(collect({ images: undefined as never })).rejects.toMatchObject({
    code: "ERR_STATE",
    message: expect.stringMatching(/the worker that prepares batches stopped/),
  });
  const rest = async () => {
    for await (const batch of other) expect(batch.labels.length).toBeGreaterThan(0);
  };
  await rest().catch((error) => expect(error.code).toBe("ERR_STATE")); // it may have had all its batches before
  expect(labelsOf(await collect())).toHaveLength(count);
});

it("batches are ready when the consumer comes for them", async () => {
  const big = { bytes: new Uint8Array(new SharedArrayBuffer(2000 * 3072)), stride: 3072 };
  const augment = { ...plain, height: 32, width: 32, pixelBytes: 3, pad: 4, flip: true };
  const pass = preparePass({
    images: big,
    labels: { bytes: new Uint8Array(2000), stride: 1 },
    count: 2000,
    size: 100,
    batches: 20,
    seed: [0, 0],
    augment,
    classes: 0,
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
