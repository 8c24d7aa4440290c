import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

export const main = fileURLToPath(new URL("../../dist/src/cli/main.js", import.meta.url));
export const isBuilt = existsSync(main);
if (!isBuilt) console.warn(`${main} is missing, so the tests of the command are skipped: npm run build`);

export const scratch = mkdtempSync(join(tmpdir(), "steppe-e2e-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true })); // checkpoints are large

export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command; `shell` may wrap it: `ulimit -f 100; exec`. */
export function steppe(args: readonly string[], { watch, shell }: { watch?: (child: ChildProcess) => void; shell?: string } = {}): Promise<End> {
  return new Promise((resolve, reject) => {
    const [file, all] = shell ? ["/bin/sh", ["-c", `${shell} "$@"`, "sh", process.execPath, main, ...args]] : [process.execPath, [main, ...args]];
    const child = spawn(file, all, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, NO_COLOR: "1" } });
    let stdout = "",
      stderr = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
    watch?.(child);
  });
}

/** Images in the official binary format: stripes whose direction and colour tell the class. */
export function makeImages(): string {
  const folder = join(scratch, "images"),
    record = 1 + 3 * 1024;
  if (existsSync(folder)) return folder;
  mkdirSync(folder);
  for (const [name, seed] of [
    ["data_batch_1.bin", 1],
    ["test_batch.bin", 2],
  ] as const) {
    const bytes = new Uint8Array(10_000 * record);
    let state = seed;
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    for (let image = 0; image < 1000; image++) {
      const label = Math.floor(random() * 10),
        at = image * record,
        phase = random() * 6;
      bytes[at] = label;
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < 1024; p++) {
          const along = label < 5 ? p % 32 : p >> 5;
          bytes[at + 1 + c * 1024 + p] =
            128 + 60 * Math.sin(along * (0.3 + 0.25 * (label % 5)) + phase) + 30 * (c === label % 3 ? 1 : 0) + 30 * random();
        }
      }
    }
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

export const linesOf = (file: string): string[] => (existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean) : []);
export const pause = (ms: number): Promise<void> => new Promise((go) => setTimeout(go, ms));
