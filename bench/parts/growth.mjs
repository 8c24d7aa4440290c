// How our cost grows: with tokens, batch, layers and parameters over two decades, and between neighbouring sizes.
import { setTimeout as sleep } from "node:timers/promises";
import { labels, normal, writeInputs } from "../inputs.mjs";
import { networkInputs } from "../cases/networks.mjs";
import { openOwn } from "../sides/sides.mjs";
import { fromSmooth, median, slope } from "../statistics.mjs";
import { afterWarmUp, turnOf } from "../timing.mjs";

const range = (from, to, by = 1) => Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, i) => from + i * by);

const attention = (shape) => ({ kind: "attention", task: "forward", inputs: { q: normal(shape), k: normal(shape), v: normal(shape) } });
const square = (n) => ({ kind: "matmul", task: "forward", inputs: { a: normal([n, n]), b: normal([n, n]) } });
const vector = (n) => ({ kind: "adamw", task: "step", inputs: { p: normal([n]), g: normal([n]) }, options: { lr: 1e-3, weightDecay: 0.1 } });
const rows = (n) => ({ kind: "crossEntropy", task: "both", inputs: { x: normal([n, 128]), labels: labels(n, 128) } });
async function training({ batch, layers, image }) {
  const config = { patch: 4, hidden: 64, layers, heads: 2, image, classes: 10 },
    { inputs, options } = await networkInputs({ family: "vit", config, batch });
  return { kind: "training", task: "step", inputs, options: { ...options, lr: 1e-3, weightDecay: 0.1, eps: 1e-8, rho: 0 } };
}

/** expected: the exponent of the arithmetic for large sizes. */
const growths = [
  {
    id: "tokens",
    what: "attention, 1 x 4 x N x 64, against tokens",
    expected: 2,
    sizes: [32, 64, 128, 256, 512, 1024, 2048, 3200],
    make: (n) => attention([1, 4, n, 64]),
  },
  {
    id: "batch",
    what: "training step, ViT d64 L2, 17 tokens, against batch",
    expected: 1,
    sizes: [4, 8, 16, 32, 64, 128, 256, 400],
    make: (batch) => training({ batch, layers: 2, image: 16 }),
  },
  {
    id: "layers",
    what: "training step, ViT d64, 17 tokens, batch 8, against layers",
    expected: 1,
    sizes: [1, 2, 4, 8, 16, 32, 64, 100],
    make: (layers) => training({ batch: 8, layers, image: 16 }),
  },
  { id: "parameters", what: "AdamW, against parameters", expected: 1, sizes: [1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7], make: vector },
  {
    id: "rows",
    what: "softmax and cross-entropy with gradient, N x 128, against rows",
    expected: 1,
    sizes: [100, 200, 500, 1000, 2000, 5000, 10_000],
    make: rows,
  },
];

const neighbours = [
  { id: "matmul-60-70", what: "matmul N x N x N", sizes: range(60, 70), make: square },
  { id: "matmul-1000-1030", what: "matmul N x N x N", sizes: range(1000, 1030, 2), make: square },
  { id: "attention-60-70", what: "attention 64 x 3 x N x 64", sizes: range(60, 70), make: (n) => attention([64, 3, n, 64]) },
  { id: "attention-1000-1030", what: "attention 1 x 2 x N x 64", sizes: range(1000, 1030, 2), make: (n) => attention([1, 2, n, 64]) },
];

/** Times of one series: all sizes in each of the rounds, medians; and of each size the first call, which is recorded and planned. */
async function timesOf(side, { id, sizes, make }, { rounds, folder }) {
  const works = [];
  for (const size of sizes) {
    const { kind, task, inputs, options } = await make(size),
      work = `${id}-${size}`;
    await side.ask({ command: "load", work, kind, inputs: writeInputs(folder, work, inputs), options });
    const ask = (turn) => side.ask({ command: "time", work, task, ...turn });
    const [first] = (await ask({ repeats: 1, inner: 1 })).times,
      [, ms] = (await ask({ repeats: 2, inner: 1 })).times;
    works.push({ work, ask, first, turn: turnOf(ms), times: [] });
  }
  for (let round = 0; round < rounds; round++) {
    for (const { ask, turn, times } of round % 2 ? works.toReversed() : works) times.push(...afterWarmUp((await ask(turn)).times));
    await sleep(20);
  }
  for (const { work } of works) await side.ask({ command: "drop", work });
  return { times: works.map(({ times }) => median(times)), firsts: works.map(({ first }) => first) };
}

/** { growths: [{ what, sizes, times, firsts, slope, expected }], cliffs: [{ what, sizes, times, away, farthest }] }. The slope is that of the upper half. */
export async function measureGrowth({ cases, threads, isa, rounds = 5, folder }, onRow) {
  const side = await openOwn("own", { threads, isa }),
    wanted = ({ id }) => cases.length === 0 || cases.includes(id),
    found = { growths: [], cliffs: [] };
  try {
    for (const series of growths.filter(wanted)) {
      const { id, what, sizes, expected } = series,
        { times, firsts } = await timesOf(side, series, { rounds, folder }),
        half = sizes.length >> 1;
      const row = {
        id,
        what,
        sizes,
        times,
        firsts,
        expected,
        slope: slope(sizes.slice(half), times.slice(half)),
        planSlope: slope(sizes.slice(half), firsts.slice(half)),
      };
      found.growths.push(row);
      onRow(row);
    }
    for (const series of neighbours.filter(wanted)) {
      const { id, what, sizes } = series,
        { times } = await timesOf(side, series, { rounds: 3 * rounds, folder }),
        away = fromSmooth(sizes, times);
      const row = { id, what, sizes, times, away, farthest: Math.max(...away.map(Math.abs)) };
      found.cliffs.push(row);
      onRow(row);
    }
  } finally {
    await side.stop();
  }
  return found.growths.length + found.cliffs.length ? found : null;
}
