import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import * as st from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import { isBuilt, scratch } from "./command.ts";

const example = fileURLToPath(new URL("../../examples/classify.mjs", import.meta.url));
const classify = (...args: string[]) => promisify(execFile)(process.execPath, [example, ...args]);

const net = models.create("vit-ti/32", { image: 64, classes: 6, gelu: "none" });
const [weights, image, labels] = ["weights.safetensors", "image.png", "labels.txt"].map((name) => join(scratch, name)) as [string, string, string];

/** Our names and layouts to timm's. */
function timmTree({ cls, position, embed, blocks, norm, head }: any): any {
  const affine = ({ scale, bias }: any) => ({ weight: scale, bias }),
    dense = ({ kernel, bias }: any) => ({ weight: kernel.mT(), bias });
  return {
    cls_token: cls,
    pos_embed: position,
    patch_embed: { proj: { weight: embed.kernel.transpose([3, 2, 0, 1]), bias: embed.bias } },
    blocks: blocks.map(({ norm1, norm2, attention, mlp }: any) => ({
      norm1: affine(norm1),
      norm2: affine(norm2),
      attn: { qkv: dense(attention.qkv), proj: dense(attention.out) },
      mlp: { fc1: dense(mlp.fc1), fc2: dense(mlp.fc2) },
    })),
    norm: affine(norm),
    head: dense(head),
  };
}

describe.skipIf(!isBuilt)("examples/classify.mjs", () => {
  let probabilities: number[];

  // The short side is 64 / 0.9 = 71 pixels, so the example resizes nothing, and crops 3 pixels at the top and, of the longer side, 3 + 10 at the left.
  beforeAll(async () => {
    const [height, width] = [71, 91],
      pixels = await st.random.randint(st.random.key(1), [height, width, 3], { min: 0, max: 256 }).cast("u8").data();
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png()
      .toFile(image);
    const { params, state } = net.init(st.random.key(2)) as any;
    params.head.kernel = st.random.normal(st.random.key(3), [192, 6]).mul(0.2); // starts as zeros, and all classes would be alike
    await st.save(weights, timmTree(params));
    writeFileSync(labels, "ant\nbee\ncat\ndog\neel\nfox\n");
    const x = st
      .tensor(pixels, { shape: [height, width, 3] })
      .at([3, 67], [13, 77])
      .cast("f32")
      .div(127.5)
      .sub(1)
      .expandDims(0);
    probabilities = Array.from(await st.softmax(net.apply({ params, state }, x).out).data());
  });

  const ranked = (names: readonly string[]) =>
    probabilities
      .map((p, i) => ({ name: names[i]!, p }))
      .sort((a, b) => b.p - a.p)
      .slice(0, 5);
  const parse = (stdout: string) =>
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => /^ *(\d+\.\d\d) % {2}(.+)$/.exec(line)!.slice(1));

  it("prints the five best classes with their labels", { timeout: 60_000 }, async () => {
    const lines = parse((await classify(weights, image, "--model", "vit-ti/32", "--labels", labels)).stdout);
    const wanted = ranked(["ant", "bee", "cat", "dog", "eel", "fox"]);
    expect(lines.map(([, name]) => name)).toEqual(wanted.map(({ name }) => name));
    // Two digits are printed, of numbers that rounding in f32 may move across the middle.
    lines.forEach(([percent], i) => expect(Math.abs(Number(percent) - 100 * wanted[i]!.p)).toBeLessThanOrEqual(0.0051));
  });

  it("numbers the classes without labels", { timeout: 60_000 }, async () => {
    const lines = parse((await classify(weights, image, "--model", "vit-ti/32")).stdout);
    expect(lines.map(([, name]) => name)).toEqual(ranked([0, 1, 2, 3, 4, 5].map((i) => `class ${i}`)).map(({ name }) => name));
  });

  it("says in a line what is wrong", { timeout: 60_000 }, async () => {
    const fails = async (...args: string[]) => {
      const error: any = await classify(...args).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error?.code).toBe(1);
      expect(error.stderr.trim().split("\n").length).toBe(1);
      return error.stderr as string;
    };
    expect(await fails(weights)).toMatch(/usage/);
    expect(await fails(weights, image)).toMatch(/models\.fromTimm.*of another shape/);
  });
});
