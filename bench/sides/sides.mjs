// Which sides there are, how each is started with threads and instruction set held alike, and how to get those that are absent.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { howToGetTorch, torchPython } from "../../scripts/torch.mjs";
import { startProcess } from "./client.mjs";

const bench = fileURLToPath(new URL("..", import.meta.url));
export const root = join(bench, "..");

export const isas = ["avx2", "avx512"];

/** Environment that holds a side to an instruction set. oneDNN, MKL and ATen each have a switch of their own. */
const heldTo = {
  own: (isa) => ({ STEPPE_ISA: isa }),
  torch: (isa) => (isa === "avx2" ? { ATEN_CPU_CAPABILITY: "avx2", MKL_ENABLE_INSTRUCTIONS: "AVX2", ONEDNN_MAX_CPU_ISA: "AVX2" } : {}),
};

const javascript = (name, packages) => ({
  how: `${name} is not here: node bench/peers/install.mjs installs it`,
  isHere: () => packages.every((one) => existsSync(join(bench, "peers/node_modules", one))),
  command: () => [process.execPath, ["--no-warnings", "--expose-gc", join(bench, `peers/${name}.mjs`)], {}],
});

const peers = {
  torch: {
    how: howToGetTorch,
    isHere: () => torchPython() !== null,
    command: (threads, isa) => [
      torchPython(),
      [join(bench, "peers/torch/peer.py")],
      { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads), ...heldTo.torch(isa) },
    ],
  },
  onnxruntime: javascript("onnxruntime", ["onnxruntime-node"]),
  jaxjs: javascript("jaxjs", ["@jax-js/jax", "core-js"]),
  tfjs: javascript("tfjs", ["@tensorflow/tfjs", "@tensorflow/tfjs-backend-wasm"]),
};

/** What each side is called in words. */
export const sideNames = {
  own: "ours",
  own1: "ours, 1 thread",
  torch: "PyTorch",
  onnxruntime: "onnxruntime-node",
  jaxjs: "jax-js",
  tfjs: "tfjs wasm",
};

/** Our side of a root (this tree, or a built worktree). */
export async function openOwn(name, { threads, isa, root: at = root }) {
  const env = { STEPPE_THREADS: String(threads), ...(isa && heldTo.own(isa)) };
  const side = await startProcess(name, process.execPath, ["--no-warnings", "--expose-gc", join(bench, "own/side.mjs"), at], env);
  return { ...side, versions: await side.ask({ command: "start", threads }) };
}

export async function openPeer(name, { threads, isa }) {
  const { isHere, how, command } = peers[name];
  if (!isHere()) throw new Error(how);
  const [program, args, env] = command(threads, isa);
  const side = await startProcess(name, program, args, { BENCH_THREADS: String(threads), ...env });
  return { ...side, versions: await side.ask({ command: "start", threads }) };
}

/** Opens what is there of the sides by name: { sides, absent: [{ name, why }] }. */
export async function openSides(names, settings) {
  const sides = {},
    absent = [];
  for (const name of names) {
    try {
      if (name === "own1") sides.own1 = await openOwn("own1", { ...settings, threads: 1 });
      else sides[name] = name === "own" ? await openOwn("own", settings) : await openPeer(name, settings);
    } catch (error) {
      if (name === "own" || name === "own1") throw error;
      absent.push({ name, why: error.message });
    }
  }
  return { sides, absent };
}

export const stopAll = (sides) => Promise.all(Object.values(sides).map((side) => side.stop()));

/** The version of a package that peers are made of; null where it is not installed. */
export function packageVersion(name) {
  const file = join(bench, "peers/node_modules", name, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : null;
}
