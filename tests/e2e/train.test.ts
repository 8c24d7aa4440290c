import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { readSafeTensors } from "../../src/run/safetensors.ts";
import { isBuilt, linesOf, makeImages, pause, scratch, steppe, type End } from "./command.ts";

const epochs = 3;
const whole = join(scratch, "whole");
const settings = (out: string, ...more: string[]): string[] => [
  "train",
  "--model",
  "vit-ti/16",
  "--data-dir",
  makeImages(),
  "--limit",
  "96",
  "--epochs",
  String(epochs),
  "--batch",
  "16",
  "--sam",
  "0.05",
  "--dropout",
  "0.1",
  "--out",
  out,
  "--json",
  ...more,
];
const weights = (folder: string): Buffer => readFileSync(join(folder, "last.safetensors"));
const log = (folder: string): string[] => linesOf(join(folder, "log.jsonl"));
const object = ({ code, stdout, stderr }: End): any => {
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
};
const sentence = ({ code, stdout, stderr }: End): string => {
  expect(
    [
      stdout,
      stderr
        .trim()
        .split("\n")
        .filter((line) => line.startsWith("error:")).length,
      /\n\s+at /.test(stderr),
    ],
    stderr,
  ).toEqual(["", 1, false]);
  expect(code).toBe(1);
  return stderr.trim().split("\n").at(-1)!;
};
/** A copy of the whole run as it was after its first epoch: the checkpoint is made by a run of one epoch less. */
function copyOf(name: string, from = whole): string {
  const folder = join(scratch, name);
  cpSync(from, folder, { recursive: true });
  return folder;
}

/** Ends the run by a signal once its log has so many lines. */
async function stopped(out: string, signal: NodeJS.Signals, lines: number, delay: number): Promise<End> {
  const end = await steppe(settings(out), {
    watch: async (child) => {
      while (child.exitCode === null && child.signalCode === null && log(out).length < lines) await pause(2);
      await pause(delay);
      child.kill(signal);
    },
  });
  return end;
}

describe.skipIf(!isBuilt)("a run", { timeout: 300_000 }, () => {
  let half = "";
  beforeAll(async () => {
    object(await steppe(settings(whole)));
    half = join(scratch, "half");
    await stopped(half, "SIGINT", 1, 0);
  }, 300_000);

  test("leaves its settings, log, weights and result", async () => {
    expect(readdirSync(whole).sort()).toEqual(["config.json", "last.safetensors", "log.jsonl", "result.json"]);
    expect(log(whole).map((line) => JSON.parse(line).epoch)).toEqual([1, 2, 3]);
    const result = JSON.parse(readFileSync(join(whole, "result.json"), "utf8"));
    expect(Object.keys(result)).toEqual(
      expect.arrayContaining([
        "model",
        "params",
        "optimizer",
        "sam",
        "rho",
        "seed",
        "epochs",
        "images",
        "trainLoss",
        "trainAccuracy",
        "testLoss",
        "testAccuracy",
        "seconds",
        "imagesPerSecond",
      ]),
    );
    expect(result).toMatchObject({ model: "vit-ti/16", sam: true, rho: 0.05, seed: 0, epochs, images: 96 });
    const { metadata, tensors } = await readSafeTensors(join(whole, "last.safetensors"));
    expect(metadata).toMatchObject({ epoch: String(epochs), step: "0" });
    expect([...tensors.keys()].filter((name) => name.startsWith("params.")).length).toBeGreaterThan(100);
  });

  test("is the same to the bit with another number of threads", async () => {
    const out = join(scratch, "threads");
    object(await steppe(settings(out, "--threads", "1")));
    expect(weights(out).equals(weights(whole))).toBe(true);
  });

  test.each([
    ["SIGKILL", 1, 0],
    ["SIGKILL", 2, 30],
    ["SIGINT", 1, 20],
    ["SIGTERM", 2, 0],
  ] as const)("stopped by %s after epoch %i and %i ms goes on to the same bits", async (signal, lines, delay) => {
    const out = join(scratch, `stopped-${signal}-${lines}`),
      end = await stopped(out, signal, lines, delay);
    if (signal !== "SIGKILL") expect(sentence(end)).toContain(`steppe train --resume --out ${out}`);
    object(await steppe(["train", "--resume", "--out", out, "--json"]));
    expect(weights(out).equals(weights(whole))).toBe(true);
    expect(log(out).map((line) => JSON.parse(line).trainLoss)).toEqual(log(whole).map((line) => JSON.parse(line).trainLoss));
    expect(readdirSync(out).sort()).toEqual(readdirSync(whole).sort());
  });

  test("that is done says its result again, quickly and without training", async () => {
    expect(object(await steppe(["train", "--resume", "--out", whole, "--json"])).testLoss).toBe(
      JSON.parse(readFileSync(join(whole, "result.json"), "utf8")).testLoss,
    );
  });

  test("is not begun anew over another, nor resumed with other settings", async () => {
    const before = weights(whole);
    expect(sentence(await steppe(settings(whole)))).toContain(`${whole} already holds a run; resume it`);
    const { code, stderr } = await steppe(["train", "--resume", "--out", whole, "--lr", "0.5"]);
    expect([code, stderr]).toEqual([
      2,
      `error: ${whole} was begun with lr 0.001, and 0.5 is asked now; resume with the same, or choose another folder\n`,
    ]);
    expect(weights(whole).equals(before)).toBe(true);
  });

  test("has one writer", async () => {
    const out = join(scratch, "twice");
    const ends = await Promise.all([steppe(settings(out)), steppe(settings(out))]);
    expect(ends.map(({ code }) => code).sort()).toEqual([0, 1]);
    expect(sentence(ends.find(({ code }) => code === 1)!)).toMatch(/is in use by process \d+|already holds a run/);
    expect(weights(out).equals(weights(whole))).toBe(true);
  });

  test("is measured: eval and sharpness", async () => {
    const result = JSON.parse(readFileSync(join(whole, "result.json"), "utf8"));
    const found = object(await steppe(["eval", whole, "--json", "--limit", "96"]));
    expect(found).toMatchObject({ run: whole, split: "test", images: 96, accuracy: result.testAccuracy });
    expect(found.loss).toBeCloseTo(result.testLoss, 5);
    expect(object(await steppe(["eval", whole, "--json", "--split", "train", "--limit", "96"])).loss).toBeCloseTo(result.trainLoss, 5);
    const { lambdaMax } = object(await steppe(["sharpness", whole, "--json", "--limit", "32", "--tolerance", "0.01"]));
    expect(lambdaMax.images).toBe(32);
    expect(lambdaMax.residual).toBeLessThanOrEqual(0.01 * Math.abs(lambdaMax.value));
  });

  test("is measured by power iteration beside Lanczos, at both ends, and block by block", async () => {
    const measure = async (...more: string[]) =>
      object(await steppe(["sharpness", whole, "--json", "--limit", "16", "--tolerance", "0.01", ...more]));
    const { lambdaMax, power } = await measure("--method", "both", "--smallest");
    expect([lambdaMax.method, power.method, lambdaMax.converged, lambdaMax.batchNorm, lambdaMax.loss]).toEqual([
      "lanczos",
      "power",
      true,
      null,
      "softmax",
    ]);
    expect(lambdaMax.smallest.value).toBeLessThan(lambdaMax.value);
    // Power iteration finds the end of larger magnitude; each end is known to its residual.
    const larger = Math.abs(lambdaMax.smallest.value) > lambdaMax.value ? lambdaMax.smallest : lambdaMax;
    expect(Math.abs(power.value - larger.value)).toBeLessThanOrEqual(power.residual + larger.residual);
    const block = (await measure("--block", "blocks.3")).lambdaMax;
    expect(block.block).toBe("blocks.3");
    expect(block.value).toBeLessThanOrEqual(lambdaMax.value + lambdaMax.residual); // a diagonal block's largest eigenvalue is at most the whole's
    const { code, stderr } = await steppe(["sharpness", whole, "--block", "bloks"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("bloks")]);
  });

  test.each<[string, string, (text: Buffer) => Buffer | string, RegExp]>([
    ["config.json cut off", "config.json", (text) => text.subarray(0, 30), /config\.json is no JSON/],
    [
      "config.json with a wrong value",
      "config.json",
      (text) => text.toString().replace('"batch": 16', '"batch": -16'),
      /config\.json: batch must be a whole number from 1 on, got -16/,
    ],
    [
      "config.json with an unknown key",
      "config.json",
      (text) => text.toString().replace('"batch"', '"bacth"'),
      /config\.json: there is no setting "bacth"/,
    ],
    [
      "weights cut off",
      "last.safetensors",
      (text) => text.subarray(0, text.length - 100),
      /last\.safetensors is no whole safetensors file: .* follow/,
    ],
    [
      "weights of another program",
      "last.safetensors",
      (text) => Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("{}"), text.subarray(0, 0)]),
      /last\.safetensors is no checkpoint of steppe train/,
    ],
    ["log.jsonl with a damaged line", "log.jsonl", (text) => text.toString().replace('{"epoch":1', '{"epoch":'), /log\.jsonl, line 1, is no JSON/],
    ["log.jsonl gone", "log.jsonl", () => "", /log\.jsonl has 0 lines, and last\.safetensors holds 1 epochs/],
  ])("%s: the file and the place are named, and nothing is overwritten", async (name, file, damage, message) => {
    const folder = copyOf(name.replaceAll(/\W/g, "-"), half),
      path = join(folder, file),
      damaged = Buffer.from(damage(readFileSync(path)));
    writeFileSync(path, damaged);
    const before = weights(folder);
    expect(sentence(await steppe(["train", "--resume", "--out", folder]))).toMatch(message);
    expect(readFileSync(path).equals(damaged)).toBe(true);
    expect(weights(folder).equals(before)).toBe(true);
  });

  test("a disk that is full: the old weights stay whole, and the run goes on when there is room", async () => {
    const folder = copyOf("limited", half),
      before = weights(folder);
    const kilobytes = Math.floor(before.length / 1024 / 2);
    // No file may grow beyond half of a checkpoint (ulimit counts 512 bytes in sh).
    const end = await steppe(["train", "--resume", "--out", folder], { shell: `ulimit -f ${2 * kilobytes}; exec` });
    expect(sentence(end)).toMatch(/EFBIG|ENOSPC/);
    expect(weights(folder).equals(before)).toBe(true);
    expect(readdirSync(folder).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    object(await steppe(["train", "--resume", "--out", folder, "--json"]));
    expect(weights(folder).equals(weights(whole))).toBe(true);
  });

  test("on a real full disk", async (context) => {
    const mount = join(scratch, "small-disk"),
      kilobytes = Math.ceil((1.5 * weights(whole).length) / 1024);
    mkdirSync(mount);
    const command = `mount -t tmpfs -o size=${kilobytes}k tmpfs ${mount}`;
    if (spawnSync("unshare", ["-rm", "sh", "-c", command]).status !== 0) return context.skip("this system lets nobody mount a small disk");
    const probe = `${command} && cp -r ${half}/. ${mount} && cp ${mount}/last.safetensors ${mount}/../before.safetensors && `;
    const check = `; code=$?; cmp ${mount}/last.safetensors ${mount}/../before.safetensors && ls -A ${mount} | grep -c tmp; exit $code`;
    const { status, stdout, stderr } = spawnSync(
      "unshare",
      [
        "-rm",
        "sh",
        "-c",
        `${probe} ${process.execPath} ${join(import.meta.dirname, "../../dist/src/cli/main.js")} train --resume --out ${mount}${check}`,
      ],
      { encoding: "utf8" },
    );
    expect([status, stdout.trim()], stderr).toEqual([1, "0"]);
    expect(stderr).toContain("ENOSPC");
  });

  test("a loss that becomes NaN stops the run, names the step and the operation, and keeps the last good weights", async () => {
    const out = join(scratch, "nan");
    const end = await steppe(settings(out, "--lr", "1e30", "--warmup", "0"));
    const said = sentence(end);
    expect(said).toMatch(
      /the loss became (NaN|Infinity) in epoch 1: step \d+ .* is the first that is not finite, by \w+ in the (forward pass|gradient or the update)/,
    );
    expect(existsSync(join(out, "last.safetensors"))).toBe(false);
    expect(existsSync(join(out, "lock"))).toBe(false);
  });
});
