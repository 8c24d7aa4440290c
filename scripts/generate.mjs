// Writes the files that are generated from tables and committed. tests/kernels/generated.test.ts compares them.
import { writeFile } from "node:fs/promises";
import { createViteServer } from "vitest/node";

const server = await createViteServer({ configFile: false, logLevel: "error", server: { middlewareMode: true, hmr: false, ws: false, watch: null } });
const { scalarHeader, opcodeHeader } = await server.ssrLoadModule("/kernels/elementwise/generate.ts");
await writeFile(new URL("../kernels/elementwise/scalar.gen.h", import.meta.url), scalarHeader());
await writeFile(new URL("../kernels/shared/opcodes.gen.h", import.meta.url), opcodeHeader());
await server.close();
