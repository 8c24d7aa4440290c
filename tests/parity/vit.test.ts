import { describe, expect, it } from "vitest";
import { load } from "../../src/index.ts";
import { differences, dtypes } from "./compareVit.ts";
import { golden } from "./goldens.ts";

describe("a small ViT is PyTorch's: logits, gradient, Hessian product, five steps of AdamW and of SAM", () => {
  for (const dtype of dtypes) {
    it(dtype, async () => {
      const { tree } = await load(golden("vit.safetensors"));
      const wrong = (await differences(tree, dtype)).filter(({ error, allowed }) => !(error <= allowed));
      expect(wrong).toEqual([]);
    });
  }
});
