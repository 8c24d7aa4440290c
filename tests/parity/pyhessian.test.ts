import { describe, expect, it } from "vitest";
import { load } from "../../src/index.ts";
import * as models from "../../src/models/index.ts";
import { golden } from "./goldens.ts";
import { compare } from "./pyhessianCompare.ts";

const sizes = { image: 16, classes: 4, dtype: "f64" } as const;
const nets = {
  vit: models.vit({ ...sizes, patch: 4, hidden: 16, layers: 2, heads: 2 }),
  mixer: models.mixer({ ...sizes, patch: 4, hidden: 16, layers: 2 }),
  resnet: models.create("resnet-20", { ...sizes, width: 4 }),
};

describe("the largest eigenvalue is PyHessian's, by Lanczos and by power iteration", async () => {
  const { tree } = (await load(golden("pyhessian.safetensors"))) as any;
  for (const [name, net] of Object.entries(nets)) {
    it(`of a small ${name}`, async () => {
      const results = await compare(net, tree[name], tree);
      expect(results.length).toBe(6);
      expect(results.filter(({ error, allowed, converged }) => !(converged && error <= allowed))).toEqual([]);
    });
  }
});
