import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { batches, fraction, type ImagesOptions, images } from "../../src/data/index.ts";

const work = mkdtempSync(join(tmpdir(), "steppe-images-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** A picture of one colour. */
const picture = (colour: readonly [number, number, number], width = 4, height = 4): ReturnType<typeof sharp> =>
  sharp(
    Uint8Array.from({ length: width * height * 3 }, (_, i) => colour[i % 3]!),
    { raw: { width, height, channels: 3 } },
  );
const png = (value: number): Promise<Buffer> => picture([value, value, value]).png().toBuffer();

let made = 0;
/** A folder with these files; a content of null is an empty folder. */
function folder(files: Record<string, Uint8Array | string | null>): string {
  const dir = join(work, String(made++));
  mkdirSync(dir);
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name);
    mkdirSync(content === null ? path : join(path, ".."), { recursive: true });
    if (content !== null) writeFileSync(path, content);
  }
  return dir;
}

async function load(dir: string, options: Partial<ImagesOptions> = {}) {
  const set = await images({ dir, split: "train", size: 4, ...options });
  const firsts = Array.from(await set.images.at(null, 0, 0, 0).data());
  return { set, firsts, labels: Array.from(await set.labels.data()) };
}
const rejection = (dir: string, options: Partial<ImagesOptions> = {}): Promise<{ code?: string; message: string }> =>
  load(dir, options).then(
    () => ({ message: "nothing was thrown" }),
    (error) => error,
  );

describe("folders of images", () => {
  it("have a folder for each split and class; the classes take turns", async () => {
    const dir = folder({
      "train/cat/b.png": await png(2),
      "train/cat/a.png": await png(1),
      "train/cat/c.PNG": await png(3),
      "train/ant/z.png": await png(10),
      "train/ant/notes.txt": "not an image",
      "train/.cache/x.png": "hidden",
      "train/README": "beside the classes",
      "val/ant/q.png": await png(77),
      "val/cat/q.png": await png(78),
    });
    const { set, firsts, labels } = await load(dir);
    expect(set.classes).toEqual(["ant", "cat"]);
    expect([set.images.shape, set.images.dtype, set.labels.dtype, set.skipped]).toEqual([[4, 4, 4, 3], "u8", "i32", 0]);
    expect([firsts, labels]).toEqual([
      [10, 1, 2, 3],
      [0, 1, 1, 1],
    ]);
    expect((await load(dir, { limit: 2 })).firsts).toEqual([10, 1]);
    expect((await load(dir, { split: "test" })).firsts).toEqual([77, 78]);
  });

  it("whose names are whole numbers are in the order of the numbers", async () => {
    const dir = folder({ "train/10/a.png": await png(10), "train/9/a.png": await png(9), "train/0/a.png": await png(0) });
    const { set, firsts } = await load(dir);
    expect(set.classes).toEqual(["0", "9", "10"]);
    expect(firsts).toEqual([0, 9, 10]);
    const mixed = folder({ "train/10/a.png": await png(10), "train/9/a.png": await png(9), "train/x/a.png": await png(0) });
    expect((await load(mixed)).set.classes).toEqual(["10", "9", "x"]);
  });

  it("without splits, every tenth image of a class is for testing", async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 21; i++) files[`a/${String(i).padStart(2, "0")}.png`] = await png(i);
    for (let i = 0; i < 5; i++) files[`b/${i}.png`] = await png(100 + i);
    const dir = folder(files);
    const [train, test] = [await load(dir), await load(dir, { split: "test" })];
    expect(test.firsts).toEqual([9, 19]);
    expect(test.set.classes).toEqual(["a", "b"]);
    expect(train.firsts).toHaveLength(24);
    expect(train.firsts.filter((value) => value === 9 || value === 19)).toEqual([]);
    expect(train.labels.filter((label) => label === 1)).toHaveLength(5);
  });

  it("hold PNG, JPEG and WebP of any size and colours, and give their middle as RGB bytes", async () => {
    // The left and right thirds of a wide picture are cut off.
    const thirds = (width: number, height: number, colourAt: (x: number, y: number) => number) =>
      sharp(
        Uint8Array.from({ length: width * height * 3 }, (_, i) => (i % 3 ? 0 : colourAt(Math.floor(i / 3) % width, Math.floor(i / 3 / width)))),
        {
          raw: { width, height, channels: 3 },
        },
      );
    const dir = folder({
      "train/c/1 wide.png": await thirds(12, 4, (x) => (x < 4 || x > 7 ? 9 : 200))
        .png()
        .toBuffer(),
      "train/c/2 tall.webp": await thirds(4, 12, (_, y) => (y < 4 || y > 7 ? 9 : 200))
        .webp({ lossless: true })
        .toBuffer(),
      "train/c/3 large.jpg": await picture([200, 0, 0], 64, 48).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer(),
      "train/c/4 grey.png": await picture([200, 200, 200]).toColourspace("b-w").png().toBuffer(),
      "train/c/5 alpha.png": await picture([200, 0, 0]).ensureAlpha(0.5).png().toBuffer(),
      "train/c/6 deep.png": await picture([200, 0, 0]).toColourspace("rgb16").png().toBuffer(),
      "train/c/7 print.jpeg": await picture([200, 200, 200]).toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer(),
      "train/c/8 turned.jpg": await thirds(8, 4, (x) => (x < 4 ? 200 : 100))
        .withMetadata({ orientation: 6 })
        .jpeg({ quality: 100 })
        .toBuffer(),
    });
    const { set } = await load(dir);
    const bytes = await set.images.data();
    const nearly = (index: number, wanted: readonly number[], within: number) => {
      for (let at = 0; at < 48; at++) expect(Math.abs(bytes[index * 48 + at]! - wanted[at % 3]!)).toBeLessThanOrEqual(within);
    };
    const red = [200, 0, 0];
    nearly(0, red, 0);
    nearly(1, red, 0);
    nearly(2, red, 3); // JPEG's colours are rounded twice
    nearly(3, [200, 200, 200], 0);
    nearly(4, red, 0);
    nearly(5, red, 0);
    nearly(6, [200, 200, 200], 72); // nearer to its light than to its ink, 55: the ink profile is not exact
    const row = Array.from({ length: 4 }, (_, x) => bytes[7 * 48 + 3 * x]!);
    expect(row[0]! - row[3]!).toBeGreaterThan(60); // an EXIF turn would make the columns alike
  });

  it("tell how far they are, and are batched from the memory that they were decoded to", async () => {
    const dir = folder({ "train/a/1.png": await png(1), "train/b/2.png": await png(2), "train/a/3.png": await png(3) });
    const steps: [number, number][] = [];
    const { set } = await load(dir, { onImage: (done, all) => steps.push([done, all]) });
    expect(steps).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    for await (const batch of batches(set, { size: 3, classes: 2 })) expect(Array.from(await batch.labels.data())).toEqual([0, 1, 0]);
  });
});

describe("broken images", () => {
  const dirOf = async () => {
    const whole = await picture([50, 60, 70], 64, 64).png({ compressionLevel: 0 }).toBuffer();
    const dir = folder({
      "train/a/1.png": await png(1),
      "train/a/2 cut.png": whole.subarray(0, 900),
      "train/a/3 text.jpg": "hello",
      "train/a/4.png": await png(4),
      "train/b/1 empty.webp": "",
      "train/b/2.png": await png(12),
    });
    symlinkSync(join(dir, "nowhere"), join(dir, "train/b/3 gone.png"));
    return dir;
  };

  it("end the loading with their name", async () => {
    const error = await rejection(await dirOf());
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(
      /^\[images\] .*(cut\.png|text\.jpg|empty\.webp|gone\.png): expected a whole image: .+ \(or pass \{ broken: "skip" \}\)$/s,
    );
  });

  it("are left out and counted if asked, and the rest moves up", async () => {
    const left: string[] = [];
    const { set, firsts, labels } = await load(await dirOf(), {
      broken: "skip",
      onSkip: (path, reason) => left.push(`${path.split("/").at(-1)}: ${reason.length > 5}`),
    });
    expect(left.sort()).toEqual(["1 empty.webp: true", "2 cut.png: true", "3 gone.png: true", "3 text.jpg: true"]);
    expect([firsts, labels, set.skipped, set.images.shape]).toEqual([[1, 12, 4], [0, 1, 0], 4, [3, 4, 4, 3]]);
    const seen: number[] = [];
    for await (const batch of batches(set, { size: 2 })) seen.push(...(await batch.images.at(null, 0, 0, 0).data()));
    expect(seen).toEqual([1, 12, 4]);
    expect(Array.from(await fraction(set, 0.5).labels.data())).toHaveLength(2);
  });

  it("and nothing else, are an error", async () => {
    const error = await rejection(folder({ "train/a/1.png": "no", "train/a/2.png": "no" }), { broken: "skip" });
    expect(error).toMatchObject({ code: "ERR_FORMAT" });
    expect(error.message).toMatch(/none of 2 images can be decoded/);
  });
});

describe("folders that are not as they should be", () => {
  it.each<[string, Record<string, string | null>, Partial<ImagesOptions>, string, RegExp]>([
    [
      "a class without images",
      { "train/cat/a.png": "", "train/dog/a.gif": "" },
      {},
      "ERR_FORMAT",
      /train\/dog: the class has no image \(\.png, \.jpg, \.jpeg, \.webp\)/,
    ],
    ["an empty class", { "cat/a.png": "", dog: null }, {}, "ERR_FORMAT", /dog: the class has no image/],
    ["files without classes", { "train/a.png": "" }, {}, "ERR_FORMAT", /train: expected a folder for each class, and there is none/],
    ["nothing", {}, {}, "ERR_FORMAT", /expected a folder for each class, and there is none/],
    ["a file for a split", { train: "", "test/a/b.png": "" }, {}, "ERR_FORMAT", /train: expected a folder with a folder for each class, got a file/],
    ["one split only", { "train/a/b.png": "" }, { split: "test" }, "ERR_FORMAT", /expected the folder test or val beside train/],
    ["too few to test", { "a/b.png": "" }, { split: "test" }, "ERR_FORMAT", /no class has the 10 images that leave one for testing/],
    ["no size", { "a/b.png": "" }, { size: 0 }, "ERR_ARGUMENT", /size must be a positive whole number of pixels, got 0/],
    ["a split of another name", { "a/b.png": "" }, { split: "tests" as never }, "ERR_ARGUMENT", /split must be one of train, test/],
    ["another word for skip", { "a/b.png": "" }, { broken: "skp" as never }, "ERR_ARGUMENT", /broken must be one of fail, skip.*did you mean "skip"/],
    ["a limit of 0", { "a/b.png": "" }, { limit: 0 }, "ERR_ARGUMENT", /limit must be a positive integer, got 0/],
    [
      "images as large as memory",
      { "a/b.png": "" },
      { size: 200_000 },
      "ERR_OUT_OF_MEMORY",
      /1 images of 200000 x 200000 pixels take 111\.8 GiB.* \(pass a smaller size\)/,
    ],
  ])("%s", async (_, files, options, code, message) => {
    const error = await rejection(folder(files), options);
    expect(error.message).toMatch(message);
    expect(error).toMatchObject({ code });
  });

  it("too many images name the limit", async () => {
    const files = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`train/a/${i}.png`, ""]));
    const error = await rejection(folder(files), { size: 12_000 }); // 0.4 GiB each; a set has at most 4
    expect(error.message).toMatch(
      /12 images of 12000 x 12000 pixels take 4\.8 GiB, and a set may have [\d.]+ GiB here \(pass \{ limit: [1-9]\d* \}, or a smaller size\)/,
    );
    expect(error).toMatchObject({ code: "ERR_OUT_OF_MEMORY" });
  });

  it("a folder that is a file, or not there", async () => {
    const dir = folder({ file: "" });
    for (const wrong of [join(dir, "file"), join(dir, "nowhere"), undefined as never]) {
      const error = await rejection(wrong);
      expect(error).toMatchObject({ code: "ERR_ARGUMENT" });
      expect(error.message).toMatch(/dir must be a folder with the images/);
    }
  });
});
