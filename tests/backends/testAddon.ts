import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { kernel, type Kernel } from "../../kernels/kernel.ts";
import type { Backend, Slot } from "../../src/backends/backend.ts";
import type { Plan } from "../../src/plan/plan.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Builds the addon with the kernels of native/tests/kernels.cpp and makes it the one that is loaded here and in children. */
export function useTestAddon(): void {
  if (!process.env["STEPPE_TEST_ADDON"]) {
    const out = "build/test",
      args = ["scripts/build-native.mjs", "--out", out, "--CDSTEPPE_TESTS=ON", "--CDSTEPPE_KERNELS=none"];
    const built = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
    if (built.status !== 0) throw new Error(`the test addon does not build: ${built.stdout}${built.stderr}`);
  }
  process.env["STEPPE_ADDON"] = process.env["STEPPE_TEST_ADDON"] ?? `${root}/build/test/Release/steppe.node`;
}

const contract = (name: string, params: Kernel["params"], buffers: boolean): Kernel =>
  kernel<any>({
    name,
    dtypes: ["f32"],
    params,
    inputs: buffers ? { x: "T" } : {},
    outputs: buffers ? { y: "T" } : {},
    sizes: ({ n }): Record<string, number> => (buffers ? { x: n, y: n } : {}),
    cost: ({ n = 0 }) => ({ flops: n, bytes: 8 * n }),
    reference() {},
    cases: [],
  });
const add = contract("test_add", { value: "f64", n: "u32" }, true);
const plain = {
  fail: contract("test_fail", {}, false),
  greedy: contract("test_greedy", {}, false),
  slow: contract("test_slow", { ms: "u32" }, false),
};

/** y = x + constants[0], on n elements. */
export const addPlan = (n: number, label = "add"): Plan => ({
  buffers: [
    { role: "input", bytes: 4 * n },
    { role: "output", bytes: 4 * n },
  ],
  steps: [
    {
      kernel: add,
      dtype: "f32",
      params: add.pack({ value: 0, n }),
      inputs: 1,
      label,
      spans: [
        { buffer: 0, offset: 0, dtype: "f32", length: n },
        { buffer: 1, offset: 0, dtype: "f32", length: n },
      ],
    },
  ],
  outputs: [{ buffer: 1, offset: 0, shape: [n], dtype: "f32" }],
  patches: [{ step: 0, word: 0, constant: 0 }],
});
export function plainPlan(name: keyof typeof plain, params: object = {}): Plan {
  const kernel = plain[name];
  return {
    buffers: [],
    steps: [{ kernel, dtype: "f32", params: kernel.pack(params), spans: [], inputs: 0, label: `my ${name}` }],
    outputs: [],
    patches: [],
  };
}
export const submitPlain = (backend: Backend, name: keyof typeof plain, params?: object): Promise<void> =>
  backend.submit({ plan: plainPlan(name, params), slots: [], bases: [], constants: [] });

export const floats = (...numbers: number[]): Uint8Array => new Uint8Array(Float32Array.from(numbers).buffer);
export async function readFloats(backend: Backend, slot: Slot, count: number, offset = 0): Promise<number[]> {
  const bytes = await backend.read(slot, offset, 4 * count);
  return [...new Float32Array(bytes.buffer, bytes.byteOffset, count)];
}
