import { execFile } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { Preset } from "../../src/study/presets.ts";
import { trainCommandOf } from "../../src/study/report/commands.ts";
import { runStudy } from "../../src/study/study.ts";
import { isBuilt, main, makeImages, scratch } from "./command.ts";

const preset: Preset = {
  settings: { data: "cifar10", limit: 16, epochs: 1, batch: 8, warmup: 0.5 },
  models: [
    { id: "vit", label: "ViT", settings: { model: "vit-ti/16", sizes: { hidden: 8, layers: 1, heads: 2 } } },
    { id: "resnet", label: "ResNet", settings: { model: "resnet-20", optimizer: "sgd", lr: 0.1, augment: false } },
  ],
  rho: 0.1,
  seeds: [3],
  sharpness: { images: 8, maxIterations: 2, tol: 0.5 },
  landscape: { points: 2, dimensions: 1 },
};

test.skipIf(!isBuilt)("the report's command of a row gives its weights to the bit (needs npm run build)", { timeout: 120_000 }, async () => {
  const out = join(scratch, "study of rows");
  const { finished } = await runStudy({ name: "tiny", preset, out, dataDir: makeImages() });
  for (const id of ["vit-sam-seed3", "resnet-sam-seed3"]) {
    const { plan, row } = finished.find((one) => one.plan.id === id)!,
      again = join(scratch, "again", id);
    const command = trainCommandOf(plan, again).replace("npx steppe", `"${process.execPath}" "${main}"`);
    await promisify(execFile)("/bin/sh", ["-c", command], { env: { ...process.env, NO_COLOR: "1" } });
    const read = (folder: string, name: string): Buffer => readFileSync(join(folder, name));
    expect(read(again, "last.safetensors").equals(read(join(out, "runs", id), "last.safetensors")), id).toBe(true);
    expect(JSON.parse(read(again, "result.json").toString())).toMatchObject({ trainLoss: row.trainLoss, testAccuracy: row.testAccuracy, seed: 3 });
  }
  rmSync(out, { recursive: true });
});
