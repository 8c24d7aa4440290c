import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { load } from "../../src/index.ts";
import { differences, dtypes } from "./compare.ts";

// The numbers of PyTorch 2.13.0, by make_golden.py; STEPPE_GOLDEN names another file of the kind (live.mjs).
const path = process.env.STEPPE_GOLDEN ?? fileURLToPath(new URL("./golden/vit.safetensors", import.meta.url));

describe("a small ViT is PyTorch's: logits, gradient, Hessian product, five steps of AdamW and of SAM", () => {
  for (const dtype of dtypes) {
    it(dtype, async () => {
      const { tree } = await load(path);
      const wrong = (await differences(tree, dtype)).filter(({ error, allowed }) => !(error <= allowed));
      expect(wrong).toEqual([]);
    });
  }
});
