import { describe, expect, it } from "vitest";
import * as models from "../../src/models/index.ts";
import { compare } from "./timmLogits.ts";

const networks = { vit: ["vit-s/16", { gelu: "none" }], mixer: ["mixer-s/32", { gelu: "none" }], resnet: ["resnet-50", {}] } as const;

describe("networks of ImageNet's size with timm's weights have timm's logits to 1e-4, and to what rounding explains", () => {
  for (const [name, [model, options]] of Object.entries(networks)) {
    it(`${model}`, { timeout: 300_000 }, async () => {
      const { error, allowed } = await compare(`timm-full-${name}.safetensors`, models.create(model, options));
      console.log(`${model}: largest difference ${error.toExponential(1)} (rounding explains ${allowed.toExponential(1)})`);
      expect(error).toBeLessThanOrEqual(Math.min(allowed, 1e-4));
    });
  }
});
