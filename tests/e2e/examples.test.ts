import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Agent, get } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const isBuilt = existsSync(`${root}/dist/src/index.js`);
if (!isBuilt) console.warn("dist/ is missing, so the examples are skipped: npm run build");

interface Example {
  /** The first line that matches, once it is there. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** All lines, once it has ended with exit code 0. */
  readonly end: Promise<string[]>;
}

function start(name: string, args: readonly (string | number)[] = []): Example {
  const child = spawn(process.execPath, [`examples/${name}`, ...args.map(String)], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [],
    reader = createInterface(child.stdout);
  let errors = "",
    over = false;
  reader.on("line", (text) => lines.push(text));
  child.stderr.on("data", (data) => {
    errors += data;
  });
  const end = once(child, "close").then(([code]) => {
    over = true;
    expect([code, errors]).toEqual([0, ""]);
    return lines;
  });
  const line = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (let seen = 0; ; await Promise.race([once(reader, "line"), end])) {
      for (; seen < lines.length; seen++) {
        const found = pattern.exec(lines[seen]!);
        if (found) return found;
      }
      if (over) throw new Error(`${name} ended without a line like ${pattern}: ${lines.join("\n")}`);
    }
  };
  return { line, end };
}
const run = (name: string, args?: readonly (string | number)[]): Promise<string[]> => start(name, args).end;
const numbersOf = (lines: readonly string[], pattern: RegExp): number[] => lines.flatMap((text) => pattern.exec(text)?.slice(1).map(Number) ?? []);

describe.skipIf(!isBuilt)("examples", () => {
  test("trainingLoop: the loss falls", async () => {
    const lines = await run("trainingLoop.mjs", [100]);
    const losses = numbersOf(lines, /^step \d+: loss (\S+)$/);
    expect(losses).toHaveLength(3);
    expect(losses[0]).toBeCloseTo(Math.log(2), 1); // two classes, nothing known
    expect(losses.at(-1)).toBeLessThan(losses[0]! / 1.5);
    expect(numbersOf(lines, /^told apart: (\S+) %$/)[0]).toBeGreaterThan(75);
  });

  test("lambdaMax: both methods and the spectrum give the exact values", async () => {
    const lines = await run("lambdaMax.mjs");
    const found = (what: string): number[] => numbersOf(lines, new RegExp(`^${what}: (\\S+?),? `));
    // Rosenbrock: trace 1002 and determinant 400. An eigenvalue lies within the residual, that is tol = 1e-3 of the value or less.
    const [high, low] = [501 + Math.sqrt(501 ** 2 - 400), 400 / (501 + Math.sqrt(501 ** 2 - 400))];
    for (const method of ["Lanczos", "power iteration"]) expect(Math.abs(found(`Rosenbrock, ${method}`)[0]! / high - 1)).toBeLessThan(1e-3);
    const ends = found("Rosenbrock, spectrum");
    expect(Math.abs(ends[0]! / high - 1)).toBeLessThan(1e-3);
    expect(Math.abs(ends[1]! - low)).toBeLessThan(1e-3 * high);
    // Power iteration ends at a residual of 1e-2 of its value, Lanczos at 1e-4.
    const exact = numbersOf(lines, /^logistic regression, from the matrix: (\S+)$/)[0]!;
    expect(Math.abs(found("logistic regression, Lanczos")[0]! / exact - 1)).toBeLessThan(1e-4);
    expect(Math.abs(found("logistic regression, power iteration")[0]! / exact - 1)).toBeLessThan(1e-2);
    expect(found("logistic regression, spectrum")).toHaveLength(4);
  });

  // The median and the 95th percentile are bounded, not the slowest: the clock of a shared machine stops now and then. Steps that take longer than
  // the bound show that an answer does not wait for one.
  test("server: answers within 20 ms while the model trains", { retry: 2, timeout: 60_000 }, async () => {
    const server = start("server.mjs", [4]);
    const [, url] = await server.line(/listening on (http:\S+)$/);
    const agent = new Agent({ keepAlive: true });
    const answers: { steps: number; loss: number }[] = [],
      latencies: number[] = [];
    const began = performance.now();
    while (performance.now() - began < 3000) {
      const asked = performance.now();
      answers.push(await ask(url!, agent));
      latencies.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    agent.destroy();
    const lines = await server.end;
    const ordered = latencies.sort((a, b) => a - b),
      at = (share: number): number => ordered[Math.floor(share * (ordered.length - 1))]!;
    const [stepTime] = numbersOf(lines, /^\d+ steps of (\S+) ms/);
    console.log(
      `${ordered.length} requests: median ${at(0.5).toFixed(1)} ms, 95 % within ${at(0.95).toFixed(1)} ms, slowest ${at(1).toFixed(1)} ms; a step took ${stepTime} ms`,
    );
    expect(answers.at(-1)!.steps).toBeGreaterThan(answers[0]!.steps);
    expect(answers.at(-1)!.loss).toBeLessThan(answers[0]!.loss);
    expect(stepTime).toBeGreaterThan(20);
    expect(ordered.length).toBeGreaterThan(20);
    expect(at(0.5)).toBeLessThan(20);
    expect(at(0.95)).toBeLessThan(20);
  });

  test("workers: a pool finds the same bits as the main thread", async () => {
    const lines = await run("workers.mjs", [4, 2]);
    expect(lines).toHaveLength(4);
    for (const [seed, text] of lines.entries()) expect(text).toMatch(new RegExp(`^seed ${seed}: loss \\S+ by worker [01], the same bits here$`));
    expect(new Set(numbersOf(lines, /loss (\S+) by/)).size).toBe(4);
    expect(new Set(numbersOf(lines, /by worker (\d)/)).size).toBe(2);
  });
});

function ask(url: string, agent: Agent): Promise<any> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = "";
      response.on("data", (data) => {
        text += data;
      });
      response.on("end", () => resolve(JSON.parse(text)));
      response.on("error", reject);
    }).on("error", reject);
  });
}
