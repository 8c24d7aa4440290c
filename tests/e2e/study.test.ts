import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Preset } from "../../src/study/presets.ts";
import { reportOf } from "../../src/study/report/page.ts";
import { runStudy, type StudyHooks, type StudyOptions } from "../../src/study/study.ts";
import { pairsOf } from "../../src/study/summary.ts";
import type { FitHooks } from "../../src/train/index.ts";
import { makeImages } from "./command.ts";

const out = mkdtempSync(join(tmpdir(), "study-"));
const preset: Preset = {
  settings: { data: "cifar10", limit: 16, epochs: 1, batch: 8 },
  models: [{ id: "vit", label: "a <tiny> ViT", settings: { model: "vit-ti/16", sizes: { hidden: 8, layers: 1, heads: 2 } } }],
  rho: 0.1,
  seeds: [0],
  sharpness: { images: 8, maxIterations: 3, tol: 0.5 },
  landscape: { points: 3, dimensions: 1 },
};
const optionsOf = (changes: Partial<Preset> = {}): StudyOptions => ({ name: "tiny", preset: { ...preset, ...changes }, out, dataDir: makeImages() });
const study = (hooks?: StudyHooks, changes?: Partial<Preset>) => runStudy(optionsOf(changes), hooks);

describe("a study", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    await study();
  }, 120_000);

  test("has the shape that programs rely on", () => {
    const results = JSON.parse(readFileSync(join(out, "results.json"), "utf8"));
    expect(Object.keys(results)).toEqual(["machine", "preset", "rows"]);
    expect(Object.keys(results.machine)).toEqual(["cpu", "isa", "threads", "node"]);
    const keys = "model params optimizer sam rho seed epochs images trainLoss trainAccuracy testLoss testAccuracy lambdaMax seconds imagesPerSecond";
    expect(results.rows.map((row: object) => Object.keys(row).join(" "))).toEqual([keys, keys]);
    expect(results.rows.map(({ sam, rho }: { sam: boolean; rho: number }) => [sam, rho])).toEqual([
      [false, 0],
      [true, 0.1],
    ]);
    for (const { lambdaMax } of results.rows)
      expect(Object.keys(lambdaMax)).toEqual(expect.arrayContaining(["value", "residual", "iterations", "images"]));
  });

  test("keeps what is done, and measures the rest", async () => {
    const kept: boolean[] = [],
      before = readFileSync(join(out, "results.json"), "utf8");
    const onRowDone: StudyHooks["onRowDone"] = (_, wasKept) => void kept.push(wasKept);
    await study({ onRowDone, onEstimate: () => expect.unreachable("nothing is left to run") });
    expect(kept).toEqual([true, true]);
    expect(readFileSync(join(out, "results.json"), "utf8")).toBe(before);
    rmSync(join(out, "runs/vit-sam-seed0/row.json"));
    const { results } = await study({ onRowDone });
    expect(kept.slice(2)).toEqual([true, false]);
    const strip = (rows: unknown): unknown =>
      JSON.parse(JSON.stringify(rows, (key, value) => (["seconds", "imagesPerSecond"].includes(key) ? undefined : value)));
    expect(strip(results.rows)).toEqual(strip(JSON.parse(before).rows));
  });

  test("stopped in the middle of a row, it goes on there", async () => {
    rmSync(join(out, "runs/vit-sam-seed0"), { recursive: true });
    const controller = new AbortController(),
      steps: number[] = [];
    const onStep: FitHooks["onStep"] = ({ step }) => {
      steps.push(step);
      controller.abort(new Error("enough"));
    };
    await expect(study({ onRow: () => ({ onStep }), signal: controller.signal })).rejects.toThrow("enough");
    const { results } = await study({ onRow: () => ({ onStep: ({ step }) => void steps.push(step) }) });
    expect(steps).toEqual([1, 2]);
    expect(results.rows).toHaveLength(2);
  });

  test("keeps the figures beside the row, and measures them anew where they are missing or others are asked", async () => {
    const path = join(out, "runs/vit-sam-seed0/figures.json"),
      before = readFileSync(path, "utf8");
    const { asked, figures } = JSON.parse(before);
    expect(asked).toMatchObject({ dimensions: 1, points: 3, images: 8 });
    expect(figures.landscape.axis).toEqual([-1, 0, 1]);
    expect(figures.activeUnits.map(({ path: name }: { path: string }) => name)).toEqual(["blocks.0.mlp.hidden"]);
    const { side, of } = figures.attention;
    expect(side).toBe(2);
    expect(of).toHaveLength(6);
    for (const { map, pixels } of of) {
      expect(map).toHaveLength(4);
      expect(Buffer.from(pixels, "base64")).toHaveLength(32 * 32 * 3);
    }
    rmSync(path);
    const steps: number[] = [];
    await study({ onRow: () => ({ onStep: ({ step }) => void steps.push(step) }) });
    expect(steps).toEqual([]); // measured on the weights that were kept
    expect(readFileSync(path, "utf8")).toBe(before);
    const { finished } = await study({}, { landscape: { points: 2, dimensions: 2 } });
    expect(finished.map((row) => row.figures.landscape.loss)).toEqual([0, 1].map(() => [0, 1].map(() => [expect.any(Number), expect.any(Number)])));
    await study();
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("running statistics that come back from a file give the same figures", async () => {
    const options = {
      ...optionsOf({ models: [{ id: "resnet", label: "a ResNet", settings: { model: "resnet-20", sizes: { width: 4 } } }] }),
      out: join(out, "b"),
    };
    await runStudy(options);
    const path = join(options.out, "runs/resnet-sam-seed0/figures.json"),
      before = readFileSync(path, "utf8"),
      { figures } = JSON.parse(before);
    expect(figures.attention).toBeNull();
    expect(figures.landscape.loss.every(Number.isFinite)).toBe(true);
    rmSync(path);
    await runStudy(options);
    expect(readFileSync(path, "utf8")).toBe(before);
  });

  test("stopped among the figures, it goes on there with the row kept", async () => {
    const folder = join(out, "runs/vit-sam-seed0"),
      before = readFileSync(join(folder, "row.json"), "utf8");
    rmSync(join(folder, "figures.json"));
    const controller = new AbortController();
    const onFigures = () => (done: number) => void (done === 1 && controller.abort(new Error("enough")));
    await expect(study({ onFigures, signal: controller.signal })).rejects.toThrow("enough");
    expect(existsSync(join(folder, "figures.json"))).toBe(false);
    const points: string[] = [];
    await study({ onFigures: (plan) => (done, all) => void points.push(`${plan.id} ${done}/${all}`) });
    expect(points).toEqual([1, 2, 3].map((done) => `vit-sam-seed0 ${done}/3`));
    expect(readFileSync(join(folder, "row.json"), "utf8")).toBe(before);
  });

  test("a row that fails leaves those before it", async () => {
    const path = join(out, "runs/vit-sam-seed0/row.json");
    rmSync(path);
    const failing: FitHooks["onStart"] = () => expect.unreachable("the weights are kept");
    const onSharpness = () => () => {
      throw new Error("no power");
    };
    await expect(study({ onRow: () => ({ onStart: failing }), onSharpness })).rejects.toThrow("no power");
    expect(JSON.parse(readFileSync(join(out, "results.json"), "utf8")).rows).toHaveLength(1);
    const { results } = await study();
    expect(results.rows).toHaveLength(2);
  });

  test("mixes no settings, and names a damaged row", async () => {
    await expect(study({}, { sharpness: { images: 4, maxIterations: 3, tol: 0.5 } })).rejects.toThrow(`${out} holds a study with other settings`);
    const path = join(out, "runs/vit-seed0/row.json"),
      text = readFileSync(path, "utf8");
    writeFileSync(path, text.slice(0, 50));
    await expect(study()).rejects.toThrow(`${path} is no JSON`);
    writeFileSync(path, text);
  });

  test("is reported on a page that needs nothing beside it", async () => {
    const { results, finished } = await study(),
      page = await reportOf(optionsOf(), results, finished);
    expect(page).toContain("a &lt;tiny&gt; ViT");
    expect(page.replace(/"[^"]*"/g, "")).not.toContain("<tiny>"); // within quotes it is no tag
    expect(page.replaceAll("http://www.w3.org/2000/svg", "").replace(/src="data:/g, "")).not.toMatch(/https?:|<script|<link|src=/);
    expect(page).toContain("not measured here");
    const [pair] = pairsOf(results.rows);
    expect(pair!.ratio).toBeCloseTo(results.rows[0]!.lambdaMax.value / results.rows[1]!.lambdaMax.value, 6);
  });
});
