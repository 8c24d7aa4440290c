import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { flattenTree } from "../../src/graph/tree.ts";
import { isTensor, memory, setDevice, type Tensor } from "../../src/index.ts";
import { type FitConfig, type FitHooks, fit as train, type StepInfo } from "../../src/train/index.ts";
import { makeImages } from "./command.ts";

const device = "reference"; // the definition; the command's own tests train on the cpu
const folder = mkdtempSync(join(tmpdir(), "fit-"));
const tiny: FitConfig = {
  model: "vit-ti/16",
  sizes: { hidden: 8, layers: 1, heads: 2 },
  dropout: 0.1,
  data: "cifar10",
  dataDir: makeImages(),
  limit: 40,
  epochs: 2,
  batch: 8,
  sam: 0.05,
};
const weights = (name: string): Buffer => readFileSync(join(folder, name, "last.safetensors"));
async function run(config: FitConfig, hooks: FitHooks = {}) {
  const { result, params, state } = await train(config, hooks);
  for (const leaf of flattenTree([params, state], isTensor).leaves as Tensor[]) leaf.dispose();
  return result;
}

describe("fit", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    setDevice(device);
    await run({ ...tiny, out: join(folder, "whole") });
  }, 120_000);

  test.each([1, 3, 5, 7])("stopped after step %i, it goes on to the same bits", async (stopAt) => {
    const name = `stopped-${stopAt}`,
      out = join(folder, name),
      controller = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      if (++steps === stopAt) controller.abort(new Error("enough"));
    };
    await expect(run({ ...tiny, out }, { onStep, signal: controller.signal })).rejects.toThrow("enough");
    expect(readdirSync(out)).toContain("last.safetensors");
    await run({ out, resume: true });
    expect(weights(name).equals(weights("whole"))).toBe(true);
    const trainLosses = (run: string) =>
      readFileSync(join(folder, run, "log.jsonl"), "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).trainLoss);
    expect(trainLosses(name)).toEqual(trainLosses("whole"));
  });

  test("says where it is, and keeps no tensor", async () => {
    const before = memory()[device]!.tensors,
      seen: StepInfo[] = [],
      epochs: number[] = [];
    const result = await run(tiny, { onStep: (info) => seen.push(info), onEpoch: ({ epoch }) => epochs.push(epoch) });
    expect(seen.map(({ epoch, step }) => [epoch, step])).toEqual([1, 2].flatMap((epoch) => [1, 2, 3, 4, 5].map((step) => [epoch, step])));
    expect(epochs).toEqual([1, 2]);
    expect(result).toMatchObject({ model: "vit-ti/16", optimizer: "adamw", sam: true, rho: 0.05, epochs: 2, images: 40 });
    expect(memory()[device]!.tensors).toBe(before);
    expect(memory()[device]!.leaked).toBe(0);
  });

  test("another seed gives other weights", async () => {
    await run({ ...tiny, seed: 1, out: join(folder, "other") });
    expect(weights("other").equals(weights("whole"))).toBe(false);
  });

  test("a loss that becomes NaN: the step and the operation are named, and what was saved stays", async () => {
    const out = join(folder, "nan"),
      before = memory()[device]!.tensors;
    await expect(run({ ...tiny, lr: 1e30, warmup: 0, out })).rejects.toMatchObject({
      code: "ERR_STATE",
      message: expect.stringMatching(
        /^\[fit\] the loss became (NaN|Infinity) in epoch 1: step \d .* by \w+ in the (forward pass|gradient or the update), which gave .*; no weights had been saved yet/,
      ),
    });
    expect(readdirSync(out).sort()).toEqual(["config.json", "log.jsonl"]);
    expect(memory()[device]!.tensors).toBe(before);
  });

  test("wrong calls say what is wrong, and make no folder", async () => {
    const out = join(folder, "none");
    await expect(train({ ...tiny, epochs: 0, out })).rejects.toThrow("epochs must be a whole number from 1 on, got 0");
    await expect(train({ ...tiny, model: "vitt-ti/4", out })).rejects.toThrow('did you mean "vit-ti/4"');
    await expect(train({ ...tiny, dataDir: join(folder, "no-data"), out })).rejects.toThrow("none at");
    await expect(train({ resume: true })).rejects.toThrow("resume needs out");
    await expect(train({ resume: true, out })).rejects.toThrow(`there is no run in ${out}`);
    expect(readdirSync(folder)).not.toContain("none");
    await expect(train({ ...tiny, out: join(folder, "whole") })).rejects.toThrow("already holds a run");
    await expect(train({ lr: 1, resume: true, out: join(folder, "whole") })).rejects.toThrow("was begun with lr 0.001, and 1 is asked now");
  });
});
