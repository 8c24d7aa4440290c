import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { opcodeHeader, scalarHeader } from "../../kernels/elementwise/generate.ts";

test.each([
  ["elementwise/scalar.gen.h", scalarHeader],
  ["shared/opcodes.gen.h", opcodeHeader],
])("%s is what scripts/generate.mjs writes", (path, write) => {
  expect(readFileSync(new URL(`../../kernels/${path}`, import.meta.url), "utf8")).toBe(write());
});
