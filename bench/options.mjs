// The command line of the bench.
import { parseArgs } from "node:util";
import { isas } from "./sides/sides.mjs";

export const parts = ["kernels", "models", "curvature", "memory", "latency", "growth"];

export const help = `npm run bench -- [part ...] [case ...] [options]
npm run bench -- compare A B [case ...]     two commits, built in .cache/compare, taking turns

parts (all of them when none is named)
  kernels     single operations against PyTorch, onnxruntime-node, jax-js and tfjs
  models      training steps, plain and with SAM; 1 and 2 threads
  curvature   gradients and Hessian-vector products
  memory      peak memory of a training step above that of the loaded library
  latency     gaps of the event loop, import to first result, small calls, size of the addon
  growth      cost against tokens, batch, layers and parameters, and between neighbouring sizes
A case is named by its id, as the table shows it: npm run bench -- models vit-d128

options
  --quick         four ratios against PyTorch in few rounds; nothing is written
  --json          one object on standard output; the table goes to standard error
  --threads N     threads of every side, 2 by default
  --isa NAME      ${isas.join(" or ")}: hold every side that can be held to it
  --rounds N      turns of every side, 7 by default, 3 for models and curvature
  --out FILE      write the results there instead of bench/results
  --help          this text
Peers that are missing are named, with how to get them. Results go to bench/results/<cpu>-<isa>-<threads>.json, and bench/report.html shows all that lie there.`;

/** { parts, cases, compare: [A, B] | null, ... }, or an error in one sentence. */
export function parseOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
      threads: { type: "string", default: "2" },
      isa: { type: "string" },
      rounds: { type: "string" },
      out: { type: "string" },
    },
  });
  const whole = (name) => {
    const n = Number(values[name]);
    if (!Number.isInteger(n) || n < 1) throw new Error(`--${name} must be a whole number from 1 on, got ${JSON.stringify(values[name])}`);
    return n;
  };
  if (values.isa !== undefined && !isas.includes(values.isa))
    throw new Error(`--isa must be ${isas.join(" or ")}, got ${JSON.stringify(values.isa)}`);
  const settings = { ...values, threads: whole("threads"), rounds: values.rounds === undefined ? undefined : whole("rounds") };
  if (positionals[0] === "compare") {
    if (positionals.length < 3) throw new Error("compare needs two commits: npm run bench -- compare main~1 main");
    return { ...settings, compare: positionals.slice(1, 3), cases: positionals.slice(3), parts: [] };
  }
  const named = positionals.filter((word) => parts.includes(word)),
    cases = positionals.filter((word) => !parts.includes(word));
  return { ...settings, compare: null, parts: named.length ? named : parts, cases };
}
