import { describe, expect, test } from "vitest";
import { checkConfig, defaultConfig } from "../../src/train/config.ts";

describe("the settings of a run", () => {
  test("what is not given has its default", () => {
    expect(checkConfig({ epochs: 3, lr: undefined })).toEqual({ ...defaultConfig, epochs: 3 });
    expect(checkConfig(JSON.parse(JSON.stringify(defaultConfig)))).toEqual(defaultConfig);
  });
  test.each<[unknown, string]>([
    [{ epochs: 0 }, "epochs must be a whole number from 1 on, got 0"],
    [{ epochs: 1.5 }, "epochs must be a whole number from 1 on, got 1.5"],
    [{ lr: -1 }, "lr must be a number above 0, got -1"],
    [{ lr: Number.NaN }, "lr must be a number above 0"],
    [{ lr: "1e-3" }, 'lr must be a number above 0, got "1e-3"'],
    [{ dropout: 1 }, "dropout must be a number from 0 on and below 1, got 1"],
    [{ sam: -0.1 }, "sam must be a number from 0 on, got -0.1"],
    [{ optimizer: "adamv" }, 'optimizer must be one of adamw, sgd, lamb, got "adamv" (did you mean "adamw"?)'],
    [{ data: "cifar11" }, 'got "cifar11" (did you mean "cifar10"?)'],
    [{ seed: 2 ** 32 }, "seed must be a whole number from 0 to 4294967295, got 4294967296"],
    [{ sizes: { hidden: -1 } }, "sizes must be an object of whole numbers above 0"],
    [{ epoch: 3 }, 'there is no setting "epoch" (did you mean "epochs"?)'],
    [{ epochs: 2, warmup: 3 }, "warmup must not be longer than the run of 2 epochs, got 3"],
    [{ mixup: -1 }, "mixup must be a number from 0 on, got -1"],
    [{ fraction: 2 }, "fraction must be a number above 0 and at most 1, got 2"],
    [{ norm: "layer" }, 'norm must be one of batch, group, got "layer"'],
    [{ nesterov: 1 }, "nesterov must be true or false, got 1"],
    [{ batch: 10, accumulate: 3 }, "accumulate must divide the batch of 10, got 3"],
    [{ samAdaptive: true }, "samM and samAdaptive are settings of SAM, which is off (sam is 0)"],
    [{ data: "images" }, 'data "images" needs dataDir'],
    [{ norm: "group" }, "norm is a setting of a resnet, and the model is vit-ti/4"],
    [[], "a configuration must be an object, got []"],
    [null, "a configuration must be an object, got null"],
  ])("%j is refused in one sentence", (given, message) => {
    let error: unknown;
    try {
      checkConfig(given);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: "ERR_ARGUMENT", message: expect.stringContaining(message) });
  });
});
