import { spawn } from "node:child_process";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { useTestAddon } from "./testAddon.ts";

useTestAddon();

const child = (name: string): string => fileURLToPath(new URL(`./children/${name}.mjs`, import.meta.url));

function endOf(way: string): Promise<{ code: number | null; signal: string | null; output: string; ms: number }> {
  return new Promise((resolve) => {
    const began = performance.now(),
      process = spawn(globalThis.process.execPath, ["--expose-gc", child("end"), way], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [process.stdout, process.stderr]) stream.on("data", (data) => (output += data));
    const timer = setTimeout(() => process.kill("SIGKILL"), 20_000);
    process.on("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, output: output.trim(), ms: performance.now() - began });
    });
  });
}

describe("a process ends by itself, silently and soon", () => {
  test.each([
    ["done", 0, ""],
    ["queued", 0, ""],
    ["read", 0, ""],
    ["exit", 0, ""],
    ["exitLater", 0, ""],
    ["many", 0, ""],
    ["closed", 0, ""],
    ["rejected", 0, "rejected"],
    ["dropped", 0, ""],
  ])("%s", async (way, code, output) => {
    for (let round = 0; round < 5; round++) {
      const end = await endOf(way);
      expect(end).toMatchObject({ code, signal: null, output });
      expect(end.ms).toBeLessThan(2000);
    }
  });

  test("an uncaught error ends it as ever", async () => {
    const end = await endOf("throw");
    expect(end).toMatchObject({ code: 1, signal: null, output: expect.stringContaining("on purpose") });
    expect(end.ms).toBeLessThan(2000);
  });
});

describe("worker threads", () => {
  function work(rounds: number): { worker: Worker; started: Promise<void>; sum: Promise<number> } {
    const worker = new Worker(child("worker"), { workerData: { rounds } });
    let start: () => void;
    const started = new Promise<void>((resolve) => (start = resolve));
    const sum = new Promise<number>((resolve, reject) => {
      worker.on("message", (message: "started" | number) => (message === "started" ? start() : resolve(message)));
      worker.on("error", reject);
    });
    return { worker, started, sum };
  }

  test("several load the addon, each with a stream of its own", async () => {
    const workers = [work(50), work(50), work(50)];
    expect(await Promise.all(workers.map(({ sum }) => sum))).toEqual([102_400, 102_400, 102_400]);
  });

  test("terminated in the middle, they take nothing with them", async () => {
    for (let round = 0; round < 10; round++) {
      const endless = [work(0), work(0)],
        other = work(20);
      await Promise.all(endless.map(({ started }) => started));
      await pause(3 * round);
      await Promise.all(endless.map(({ worker }) => worker.terminate()));
      expect(await other.sum).toBe(40_960);
    }
  });
});
