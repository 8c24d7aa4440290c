import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { isBuilt, scratch, steppe } from "./command.ts";

const missing = join(scratch, "nothing-here");

describe.skipIf(!isBuilt)("help", () => {
  test("names the subcommands", async () => {
    const { code, stdout, stderr } = await steppe(["--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const name of ["train", "sharpness", "eval", "study", "devices"]) expect(stdout).toContain(`\n  ${name} `);
    expect((await steppe([])).stdout).toBe(stdout);
  });
  test.each([
    [
      "train",
      "--model --sizes --norm --dropout --drop-path --checkpoint --data --data-dir --image-size --broken --limit --test-limit --fraction --no-augment --policy --policy-layers " +
        "--policy-magnitude --mixup --cutmix --erasing --epochs --batch --accumulate --loss --label-smoothing --ema --seed --optimizer --lr --schedule " +
        "--warmup --momentum --nesterov --weight-decay --decay --clip --sam --sam-m --sam-adaptive --log-curvature --out --resume --loaders",
    ],
    ["sharpness", "--limit --method --smallest --block --batch-norm --iterations --tolerance"],
    ["eval", "--split --limit"],
    ["study", "--preset --out --data-dir"],
    ["devices", ""],
  ])("of %s names every flag", async (name, flags) => {
    const { code, stdout, stderr } = await steppe([name, "--help"]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const flag of [...flags.split(" "), "--json", "--device", "--threads", "--help"]) expect(stdout).toContain(flag);
  });
});

describe.skipIf(!isBuilt)("a wrong use gets one sentence, and no folder is made", () => {
  test.each<[string[], string]>([
    [["trian"], "unknown command 'trian' (did you mean train?)"],
    [["train", "--epoch", "3"], "unknown option '--epoch' (did you mean --epochs?)"],
    [["train", "--epochs", "many"], '--epochs must be a whole number from 1 on, got "many"'],
    [["train", "--epochs", "1e400"], "--epochs must be a whole number"],
    [["train", "--epochs", ""], '--epochs must be a whole number from 1 on, got ""'],
    [["train", "--lr", "-1"], "--lr must be a number above 0, got -1"],
    [["train", "--lr", "0x10"], '--lr must be a number above 0, got "0x10"'],
    [["train", "--out"], "argument missing"],
    [["train", "--optimizer", "adamv"], '(did you mean "adamw"?)'],
    [["train", "--data", "cifar11"], '(did you mean "cifar10"?)'],
    [["train", "--model", "vitt-ti/4"], '(did you mean "vit-ti/4"?)'],
    [["train", "--sizes", "hidden64"], '--sizes must be a list like hidden=64,layers=4, got "hidden64"'],
    [["train", "--sizes", "hidden=-1"], "--sizes must be an object of whole numbers above 0"],
    [["train", "--fraction", "0"], "--fraction must be a number above 0 and at most 1, got 0"],
    [["train", "--policy", "randaugmen"], '(did you mean "randaugment"?)'],
    [["train", "--batch", "10", "--accumulate", "4"], "accumulate must divide the batch of 10, got 4"],
    [["train", "--sam-m", "16"], "samM and samAdaptive are settings of SAM, which is off"],
    [["train", "--norm", "group"], "norm is a setting of a resnet, and the model is vit-ti/4"],
    [["train", "--data", "images"], 'data "images" needs dataDir'],
    [["train", "--epochs", "2", "--warmup", "5"], "warmup must not be longer than the run of 2 epochs, got 5"],
    [["train", "--data-dir", missing], `none at ${missing}`],
    [["train", "--resume"], `there is no run in ${missing}`],
    [["train", "--device", "cpi"], '--device must be one of cpu, cuda, webgpu, reference, got "cpi" (did you mean cpu?)'],
    [["train", "--threads", "0"], "--threads must be a whole number from 1 on"],
    [["study", "--preset", "quik"], "(did you mean quick?)"],
  ])("steppe %s", async (args, sentence) => {
    const out = ["train", "study"].includes(args[0]!) && args.at(-1) !== "--out" ? ["--out", missing] : [];
    const { code, stdout, stderr } = await steppe([...args, ...out]);
    expect(stderr).toContain(sentence);
    expect([code, stdout, stderr.trim().split("\n").length]).toEqual([2, "", 1]);
    expect(existsSync(missing)).toBe(false);
  });
  test.each([[["eval"]], [["sharpness"]], [["eval", missing]], [["sharpness", missing]], [["eval", "a", "b"]], [["devices", "--json", "--wrong"]]])(
    "steppe %s",
    async (args) => {
      const { code, stdout, stderr } = await steppe(args);
      expect([code, stdout, stderr.trim().split("\n").length]).toEqual([2, "", 1]);
    },
  );
});

describe.skipIf(!isBuilt)("devices", () => {
  test("lists what is here, and why the rest is not", async () => {
    const { code, stdout, stderr } = await steppe(["devices", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const { devices } = JSON.parse(stdout) as { devices: { name: string; caps?: object; reason?: string }[] };
    expect(devices.find(({ name }) => name === "cpu")?.caps).toBeDefined();
    for (const { caps, reason } of devices) expect(caps !== undefined || (reason ?? "").includes(" ")).toBe(true);
    expect((await steppe(["devices"])).stdout).toContain("cpu");
  });
});
