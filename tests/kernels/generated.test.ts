import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { scalarHeader } from "../../kernels/elementwise/generate.ts";

test("scalar.gen.h is what scripts/generate.mjs writes", () => {
  expect(readFileSync(new URL("../../kernels/elementwise/scalar.gen.h", import.meta.url), "utf8")).toBe(scalarHeader());
});
