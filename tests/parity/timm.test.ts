import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import { compare } from "./timmLogits.ts";

const transformer = { image: 16, patch: 8, hidden: 12, layers: 2, classes: 5, gelu: "none" } as const;
const networks: Record<string, (dtype: "f64" | "f32") => models.Model<any>> = {
  vit: (dtype) => models.vit({ ...transformer, heads: 2, dtype }),
  mixer: (dtype) => models.mixer({ ...transformer, dtype }),
  resnet: (dtype) => models.resnet({ image: 32, classes: 5, blocks: [1, 2, 1, 1], width: 3, dtype }),
};

describe.each(Object.entries(networks))("a small %s with timm's weights has timm's logits", (name, make) => {
  for (const dtype of ["f64", "f32"] as const) {
    it(dtype, async () => {
      const { error, allowed } = await compare(`timm-${name}.safetensors`, make(dtype));
      expect(error).toBeLessThanOrEqual(allowed);
    });
  }
});

it("the other GELU is told apart", async () => {
  const { error, allowed } = await compare("timm-vit.safetensors", models.vit({ ...transformer, gelu: "tanh", heads: 2, dtype: "f32" }));
  expect(error).toBeGreaterThan(10 * allowed);
});
