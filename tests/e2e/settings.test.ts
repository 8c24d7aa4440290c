import { cpSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { flattenTree } from "../../src/graph/tree.ts";
import * as st from "../../src/index.ts";
import { type EpochLine, type FitConfig, type FitHooks, fit as train } from "../../src/train/index.ts";
import { correctOf, lossesOf } from "../../src/train/step.ts";
import { makeImages } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "settings-"));
/** One step of plain descent: what a setting changes shows in the weights alone. */
const oneStep: FitConfig = {
  model: "vit-ti/16",
  sizes: { hidden: 8, layers: 2, heads: 2 },
  data: "cifar10",
  dataDir: makeImages(),
  limit: 8,
  epochs: 1,
  batch: 8,
  augment: false,
  optimizer: "sgd",
  lr: 0.5,
  warmup: 0,
  schedule: "constant",
};
const weights = (name: string): Buffer => readFileSync(join(folder, name, "last.safetensors"));

async function run(config: FitConfig, hooks: FitHooks = {}) {
  const lines: EpochLine[] = [];
  const { result, params, state } = await train(config, { ...hooks, onEpoch: (line) => lines.push(line) });
  const leaves = flattenTree(params, st.isTensor).leaves as st.Tensor[];
  const numbers = (await Promise.all(leaves.map(async (x) => Array.from((await x.data()) as Float32Array)))).flat();
  for (const leaf of flattenTree([params, state], st.isTensor).leaves as st.Tensor[]) leaf.dispose();
  return { result, numbers, lines };
}

/** Largest |a - b| over the largest |b|, in units of f32's epsilon. */
const apart = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((v, i) => Math.abs(v - b[i]!))) / Math.max(...b.map(Math.abs)) / 2 ** -23;

describe("settings of a run", { timeout: 120_000 }, () => {
  let plain: number[] = [];
  beforeAll(async () => {
    st.setDevice("reference"); // the definition
    plain = (await run(oneStep)).numbers;
  });

  test("accumulate: a batch in parts gives the gradient of the whole", async () => {
    const parts = (await run({ ...oneStep, accumulate: 4 })).numbers;
    expect(apart(parts, plain)).toBeLessThan(8); // sums in another order
    expect(apart((await run({ ...oneStep, lr: 0.25 })).numbers, plain)).toBeGreaterThan(1000);
  });

  test("checkpoint: the same gradient", async () => {
    expect(apart((await run({ ...oneStep, checkpoint: true })).numbers, plain)).toBeLessThan(8);
  });

  test("ema: what is kept and evaluated is the average of the weights before and after", async () => {
    const [half, quarter] = [(await run({ ...oneStep, ema: 0.5 })).numbers, (await run({ ...oneStep, ema: 0.25 })).numbers];
    const before = half.map((v, i) => 2 * v - plain[i]!);
    expect(
      apart(
        quarter,
        before.map((v, i) => 0.25 * v + 0.75 * plain[i]!),
      ),
    ).toBeLessThan(8);
    expect(apart(before, plain)).toBeGreaterThan(1000);
  });

  test("each setting of the step changes the weights", async () => {
    const changes: FitConfig[] = [
      { loss: "sigmoid" },
      { labelSmoothing: 0.1 },
      { dropPath: 0.5 },
      { dropout: 0.5 },
      { clip: 1e-3 },
      { decay: "kernels", weightDecay: 0.5 },
      { sam: 0.5 },
      { sam: 0.5, samM: 4 },
      { sam: 0.5, samAdaptive: true },
      { fraction: 0.5 },
      { augment: true },
      { policy: "randaugment" },
      { policy: "autoaugment" },
      { mixup: 0.5 },
      { cutmix: 1 },
      { erasing: 1 },
    ];
    const seen: number[][] = [plain];
    for (const change of changes) {
      const { numbers } = await run({ ...oneStep, ...change });
      expect(numbers.every(Number.isFinite), JSON.stringify(change)).toBe(true);
      for (const other of seen) expect(apart(numbers, other), JSON.stringify(change)).toBeGreaterThan(8);
      seen.push(numbers);
    }
  });

  test("with SAM the parts of a batch are perturbed one by one, as shards of m are", async () => {
    const [parts, shards] = [(await run({ ...oneStep, sam: 0.5, accumulate: 2 })).numbers, (await run({ ...oneStep, sam: 0.5, samM: 4 })).numbers];
    expect(apart(parts, shards)).toBeLessThan(8);
  });

  test("momentum, Nesterov's and the schedule show after some steps", async () => {
    const some = { ...oneStep, limit: 24, lr: 0.05 };
    const ends = await Promise.all(
      [{}, { momentum: 0 }, { nesterov: true }, { schedule: "linear" }, { schedule: "cosine" }, { schedule: "step" }].map(
        async (change) => (await run({ ...some, ...change } as FitConfig)).numbers,
      ),
    );
    for (const [i, a] of ends.entries()) for (const b of ends.slice(i + 1)) expect(apart(a, b)).toBeGreaterThan(8);
  });

  test("group norm in a resnet, which keeps no state", async () => {
    const { result } = await run({ ...oneStep, model: "resnet-20", sizes: { width: 4 }, norm: "group", limit: 4, batch: 4 });
    expect(Number.isFinite(result.testLoss)).toBe(true);
  });

  test("logCurvature measures every so many epochs, and changes no bit", async () => {
    const with2 = { ...oneStep, epochs: 3, logCurvature: 2 },
      steps: number[] = [];
    const measured = await run(with2, { onCurvature: ({ iteration }) => steps.push(iteration) });
    expect(measured.lines.map(({ lambdaMax }) => lambdaMax?.images)).toEqual([undefined, 8, undefined]);
    const { iterations, value, residual, converged } = measured.lines[1]!.lambdaMax!;
    expect(steps.length).toBe(iterations);
    expect([value > 0, residual <= 1e-2 * value, converged]).toEqual([true, true, true]);
    expect(measured.numbers).toEqual((await run({ ...with2, logCurvature: 0 })).numbers);
  });

  test("with everything random on, a stopped run goes on to the same bits, whatever the loaders", async () => {
    const all: FitConfig = {
      ...oneStep,
      limit: 32,
      epochs: 2,
      dropout: 0.1,
      dropPath: 0.2,
      augment: true,
      policy: "randaugment",
      mixup: 0.5,
      cutmix: 1,
      erasing: 0.5,
      ema: 0.9,
      accumulate: 2,
      sam: 0.1,
      samM: 2,
      samAdaptive: true,
      optimizer: "adamw",
      lr: 1e-3,
      decay: "kernels",
      clip: 1,
    };
    await run({ ...all, out: join(folder, "all") });
    for (const stopAt of [2, 5]) {
      const out = join(folder, `all-${stopAt}`),
        controller = new AbortController();
      let steps = 0;
      const onStep = (): void => {
        if (++steps === stopAt) controller.abort(new Error("enough"));
      };
      await expect(train({ ...all, out, loaders: 2 }, { onStep, signal: controller.signal })).rejects.toThrow("enough");
      await run({ out, resume: true, loaders: 3 });
      expect(weights(`all-${stopAt}`).equals(weights("all"))).toBe(true);
    }
  });
});

describe("what is in a run's folder must fit", { timeout: 120_000 }, () => {
  /** A run that was stopped in its second epoch. */
  async function stopped(name: string): Promise<string> {
    const out = join(folder, name),
      controller = new AbortController();
    await expect(
      train({ ...oneStep, epochs: 2, out }, { onEpoch: () => controller.abort(new Error("enough")), signal: controller.signal }),
    ).rejects.toThrow("enough");
    return out;
  }
  test("weights of other shapes: three that differ are named", async () => {
    const out = await stopped("shapes"),
      path = join(out, "config.json");
    writeFileSync(path, readFileSync(path, "utf8").replace('"hidden": 8', '"hidden": 16'));
    await expect(train({ out, resume: true })).rejects.toMatchObject({
      code: "ERR_FORMAT",
      message: expect.stringMatching(
        /last\.safetensors does not fit its config\.json: params\.blocks\.0\.\S+ is f32 \[.*\], expected f32 \[.*\]; params\..*; params\..*; and \d+ more$/,
      ),
    });
  });
  test("weights of another version are refused by its name", async () => {
    const out = await stopped("version"),
      path = join(out, "last.safetensors");
    writeFileSync(path, Buffer.from(readFileSync(path, "latin1").replace("steppe-run-1", "steppe-run-9"), "latin1"));
    await expect(train({ out, resume: true })).rejects.toThrow(
      "was written by another version of steppe (steppe-run-9; this one reads steppe-run-1)",
    );
  });
});

describe("images of a folder", { timeout: 120_000 }, () => {
  const dir = join(folder, "photos");
  beforeAll(async () => {
    for (const split of ["train", "test"]) {
      for (const [name, colour] of Object.entries({ red: "#e02020", green: "#20c040", blue: "#2040d0" })) {
        mkdirSync(join(dir, split, name), { recursive: true });
        for (let i = 0; i < 4; i++) {
          const image = sharp({ create: { width: 20 + i, height: 24, channels: 3, background: colour } });
          await image.png().toFile(join(dir, split, name, `${i}.png`));
        }
      }
    }
  });
  const photos: FitConfig = {
    ...oneStep,
    limit: undefined,
    data: "images",
    dataDir: dir,
    imageSize: 16,
    batch: 4,
    epochs: 20,
    optimizer: "adamw",
    lr: 0.01,
  };

  test("are learnt", async () => {
    const { result } = await run(photos);
    expect([result.images, result.trainAccuracy, result.testAccuracy]).toEqual([12, 1, 1]);
  });
  test("a broken one is named and fails, or is left out when asked", async () => {
    const broken = join(folder, "broken");
    cpSync(dir, broken, { recursive: true });
    writeFileSync(join(broken, "train", "red", "1.png"), "no image");
    await expect(train({ ...photos, dataDir: broken })).rejects.toMatchObject({ code: "ERR_FORMAT", message: expect.stringContaining("red/1.png") });
    const skipped: string[] = [];
    const { result } = await run({ ...photos, dataDir: broken, broken: "skip" }, { onSkip: (path) => skipped.push(path) });
    expect([result.images, skipped]).toEqual([11, [join(broken, "train", "red", "1.png")]]);
  });
});

describe("losses by their formulas", () => {
  const logits = [
      [0.5, -1, 2],
      [0.1, 0.2, -0.3],
    ],
    shares = [
      [0.7, 0.3, 0],
      [0, 0, 1],
    ];
  const tensors = () => [st.tensor(logits), st.tensor([0, 2], { dtype: "i32" }), st.tensor(shares)] as const;
  const softplus = (x: number): number => Math.log1p(Math.exp(x));
  const softmaxLoss = (z: number[], y: number[]): number =>
    Math.log(z.reduce((s, v) => s + Math.exp(v), 0)) - z.reduce((s, v, i) => s + v * y[i]!, 0);
  const sigmoidLoss = (z: number[], y: number[]): number => z.reduce((s, v, i) => s + softplus(v) - v * y[i]!, 0);
  const hot = [
    [1, 0, 0],
    [0, 0, 1],
  ];
  const smooth = (rows: number[][], share: number): number[][] => rows.map((row) => row.map((y) => y * (1 - share) + share / 3));

  test.each([
    ["softmax", softmaxLoss],
    ["sigmoid", sigmoidLoss],
  ] as const)("%s", async (kind, formula) => {
    const [z, labels, soft] = tensors();
    for (const [given, rows] of [
      [labels, hot],
      [soft, shares],
    ] as const) {
      for (const smoothing of [0, 0.2]) {
        const found = await lossesOf(kind, z, given, smoothing).data();
        const wanted = smooth([...rows], smoothing).map((y, i) => formula(logits[i]!, y));
        for (const [i, w] of wanted.entries()) expect(found[i]).toBeCloseTo(w, 5);
      }
    }
  });
  test("right is the largest score at the (largest) class", async () => {
    const [z, labels, soft] = tensors();
    expect([Number(await correctOf(z, labels).item()), Number(await correctOf(z, st.tensor([2, 1], { dtype: "i32" })).item())]).toEqual([0, 2]);
    expect(Number(await correctOf(z, soft).item())).toBe(0);
  });
});
