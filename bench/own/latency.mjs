// Prints as JSON what calls cost beside their work, and how long the event loop stands still while training: node bench/own/latency.mjs ROOT SECONDS
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import Benchmark from "benchmark";
import { loadLibrary } from "./library.mjs";

const [root, seconds] = [process.argv[2], Number(process.argv[3])];
const { st, models, optim } = await loadLibrary(root);

/** The median seconds of a run, by benchmark.js. */
const secondsOf = (name, work) =>
  new Promise((resolve, reject) => {
    new Benchmark(name, {
      defer: true,
      fn: (deferred) => Promise.resolve(work()).then(() => deferred.resolve(), reject),
      onComplete: ({ target }) => resolve(target.stats.sample.toSorted((a, b) => a - b)[target.stats.sample.length >> 1]),
    }).run({ async: true });
  });
const finish = async (y) => {
  await y.data();
  y.dispose();
};

const [four, scalar, row] = [st.ones([4]), st.tensor(1), st.ones([1024])];
const sum = st.compile((a, b) => a.add(b)),
  chain = (x) => x.mul(2).add(1).tanh().sum(),
  compiled = st.compile(chain);
const calls = {
  tinyCall: () => finish(sum(four, four)),
  chain1000: () => finish(st.tidy(() => Array.from({ length: 1000 }).reduce((x) => x.add(scalar), scalar))),
  oneAddition: () => finish(four.add(four)),
  chainEager: () => finish(st.tidy(() => chain(row))),
  chainCompiled: () => finish(compiled(row)),
  gradientEager: () => finish(st.tidy(() => st.grad(chain)(row))),
};
const took = {};
for (const [name, call] of Object.entries(calls)) took[name] = await secondsOf(name, call);

/** The longest gap in milliseconds while a network trains: in the first step, which is recorded and planned, and in the steps after it. */
async function gapsWhileTraining() {
  const net = models.vit({ patch: 4, hidden: 128, layers: 6, heads: 4, image: 32, classes: 10 }),
    opt = optim.adamw({ lr: 1e-3 });
  const { params } = net.init(st.random.key(0)),
    images = st.random.normal(st.random.key(1), [128, 32, 32, 3]),
    labels = st.random.randint(st.random.key(2), [128], { min: 0, max: 10 });
  const loss = (p, x, y) => st.crossEntropy(net.apply({ params: p, state: {} }, x, { train: true }).out, y);
  const step = st.compile(
    ({ params, optimizer }, x, y) => {
      const [value, grads] = st.valueAndGrad(loss)(params, x, y),
        next = opt.step(params, grads, optimizer);
      return { loss: value, training: { params: next.params, optimizer: next.state } };
    },
    { donate: [0] },
  );
  let training = { params, optimizer: opt.init(params) };
  await st.evaluate({ training, images, labels });

  const resolution = 1,
    delay = monitorEventLoopDelay({ resolution });
  const trainFor = async (ms) => {
    delay.reset();
    delay.enable();
    await sleep(10 * resolution); // the first tick only begins the first interval
    const until = performance.now() + ms;
    let steps = 0;
    do {
      const next = step(training, images, labels);
      training = next.training;
      await next.loss.item();
      next.loss.dispose();
      steps++;
    } while (performance.now() < until);
    delay.disable();
    // What is recorded is the time between two ticks, of which the resolution is meant to pass.
    return { steps, gapMs: Math.max(0, delay.max / 1e6 - resolution) };
  };
  return { first: await trainFor(0), steady: await trainFor(seconds * 1000) };
}

const { first, steady } = await gapsWhileTraining();
console.log(
  JSON.stringify({
    gapMs: steady.gapMs,
    steps: steady.steps,
    firstStepGapMs: first.gapMs,
    tinyCallUs: took.tinyCall * 1e6,
    chainMs: took.chain1000 * 1e3,
    calls: Object.fromEntries(Object.entries(took).map(([name, s]) => [name, s * 1e6])),
  }),
);
