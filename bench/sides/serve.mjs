// The answering end of a side that is JavaScript: what client.mjs asks.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";

const arrays = { f32: Float32Array, i32: Int32Array };

/** The numbers of an input file. */
export function readInput({ path, dtype }) {
  const file = readFileSync(path);
  return new arrays[dtype](file.buffer, file.byteOffset, file.length / 4);
}

/**
 * works: { kind: async (inputs, options) => ({ task: () => outputs }) }, where inputs are { name: { path, shape, dtype } } and outputs records of the
 * library's arrays. read gives an output's numbers, many runs a task several times and waits for all, free ends what a task gave.
 */
export async function serve({ versions, works, read, many, free = () => {} }) {
  const loaded = new Map();
  const answers = {
    start: () => versions,
    async load({ work, kind, inputs, options }) {
      if (!works[kind]) throw new Error(`it has no ${kind}`);
      loaded.set(work, await works[kind](inputs, options ?? {}));
      globalThis.gc?.();
      return {};
    },
    async outputs({ work, task, folder }) {
      const run = loaded.get(work)[task],
        outputs = await run(),
        paths = {};
      for (const [name, value] of Object.entries(outputs)) {
        paths[name] = `${folder}/${process.pid}.${task}.${name}`;
        writeFileSync(paths[name], await read(value));
      }
      free(outputs, run);
      return { outputs: paths };
    },
    async time({ work, task, repeats, inner }) {
      const run = loaded.get(work)[task],
        times = [];
      for (let i = 0; i < repeats; i++) {
        const began = performance.now();
        await many(run, inner);
        times.push((performance.now() - began) / inner);
      }
      return { times };
    },
    drop({ work }) {
      loaded.get(work)?.dispose?.();
      loaded.delete(work);
      globalThis.gc?.();
      return {};
    },
    peak: () => ({ bytes: Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) * 1024 }),
  };
  for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
      const message = JSON.parse(line);
      answer = await answers[message.command](message);
    } catch (error) {
      answer = { error: error?.message ?? String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** many for libraries whose calls are done when they return, or when what they return is. */
export const oneByOne =
  (free = () => {}) =>
  async (run, inner) => {
    for (let i = 0; i < inner; i++) await free(await run());
  };
