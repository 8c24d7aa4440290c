import { expect, it } from "vitest";
import { load } from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import { golden } from "./goldens.ts";
import { compare } from "./pyhessianCompare.ts";

it("the largest eigenvalue of ResNet-20 at 32 x 32 is PyHessian's", { timeout: 300_000 }, async () => {
  const { tree } = (await load(golden("pyhessianLarge.safetensors"))) as any;
  const net = models.create("resnet-20", { image: 32, classes: 4, dtype: "f64" });
  const results = await compare(net, tree.resnet, tree);
  expect(results.length).toBe(2);
  expect(results.filter(({ error, allowed, converged }) => !(converged && error <= allowed))).toEqual([]);
});
