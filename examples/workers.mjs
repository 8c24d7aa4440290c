// A pool of worker threads: each loads steppe and runs small experiments, here the training of a network from several seeds.
// Run: node examples/workers.mjs [seeds, 8 if not given] [workers, 2 if not given]
// Prints the loss of each seed and which worker found it, and checks that the main thread finds the same, to the bit.
import { once } from "node:events";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import * as st from "steppe";
import { activation, dense, sequential } from "steppe/nn";
import * as optim from "steppe/optim";

/** Trains a small network on y = sin(3 x), all from one seed: the last loss, and the bits of the parameters as one vector. */
const experiment = (seed) =>
  st.tidy(async () => {
    const keys = st.random.split(st.random.key(seed), 3);
    const net = sequential([dense(1, 32), activation(st.tanh), dense(32, 1)]);
    const x = st.random.uniform(keys.at(0), [128, 1], { min: -1, max: 1 });
    const y = x
      .mul(3)
      .sin()
      .add(st.random.normal(keys.at(1), [128, 1], { std: 0.1 }));
    const loss = (params) => net.apply({ params, state: {} }, x).out.sub(y).square().mean();
    const opt = optim.adamw({ lr: 1e-2 });
    const step = st.compile(
      (params, moments) => {
        const [value, grads] = st.valueAndGrad(loss)(params);
        return { value, ...opt.step(params, grads, moments) };
      },
      { donate: [0, 1] },
    );
    let { params } = net.init(keys.at(2));
    let state = opt.init(params);
    let value;
    for (let i = 0; i < 100; i++) ({ params, state, value } = step(params, state));
    const weights = st.concat(params.layers.flatMap((layer) => Object.values(layer)).map((leaf) => leaf.flatten()));
    const result = { loss: await value.item(), weights: await weights.data() };
    step.dispose();
    return result; // numbers: every tensor made here ends here
  });

if (!isMainThread) {
  parentPort.on("message", async (seed) => parentPort.postMessage({ seed, ...(await experiment(seed)) }));
} else {
  const seeds = Array.from({ length: Number(process.argv[2] ?? 8) }, (_, i) => i);
  const workers = Array.from({ length: Number(process.argv[3] ?? 2) }, () => new Worker(new URL(import.meta.url)));

  // Each worker takes the next seed when it is done with one.
  const waiting = [...seeds],
    found = [];
  await Promise.all(
    workers.map(async (worker, i) => {
      for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
        worker.postMessage(seed);
        const [result] = await once(worker, "message"); // rejects when the worker throws
        found[seed] = { ...result, worker: i };
      }
      await worker.terminate();
    }),
  );

  for (const seed of seeds) {
    const here = await experiment(seed),
      there = found[seed];
    const same = Buffer.from(here.weights.buffer).equals(Buffer.from(there.weights.buffer)) && here.loss === there.loss;
    console.log(`seed ${seed}: loss ${there.loss.toPrecision(9)} by worker ${there.worker}, ${same ? "the same bits" : "OTHER BITS"} here`);
    if (!same) process.exitCode = 1;
  }
}
