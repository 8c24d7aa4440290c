import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/**/*.test.ts"],
    // Their files come from peers: tests/parity/live.mjs makes them.
    exclude: process.env.STEPPE_GOLDEN ? [] : ["tests/**/*.live.test.ts"],
    pool: "forks",
    execArgv: ["--expose-gc"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
