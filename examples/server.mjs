// An HTTP server that answers at once while a model trains in the same process: training runs on threads of its own, and the event loop is free.
// Run: node examples/server.mjs [seconds, 10 if not given] [port, any free one if not given], and meanwhile: curl http://localhost:PORT
// Prints its address, and at the end how long a training step took, how many requests came, and how late the event loop was.
// Answers with the number of steps done and the last loss, as JSON.
import { once } from "node:events";
import { createServer } from "node:http";
import { monitorEventLoopDelay } from "node:perf_hooks";
import * as st from "steppe";
import * as models from "steppe/models";
import * as optim from "steppe/optim";

const seconds = Number(process.argv[2] ?? 10),
  port = Number(process.argv[3] ?? 0);

const net = models.create("vit-ti/8", { image: 32, classes: 10 });
const opt = optim.adamw({ lr: 1e-3 });
const loss = (params, images, labels) => net.apply({ params, state: {} }, images, { train: true }).out.crossEntropy(labels);
const step = st.compile(
  (params, moments, images, labels) => {
    const [value, grads] = st.valueAndGrad(loss)(params, images, labels);
    return { value, ...opt.step(params, grads, moments) };
  },
  { donate: [0, 1], name: "step" },
);

// Noise in place of data: what is learnt here is to know 32 images by heart.
const keys = st.random.split(st.random.key(0));
const images = st.random.normal(keys.at(0), [32, 32, 32, 3]);
const labels = st.arange(32).mod(10).cast("i32");
let { params } = net.init(keys.at(1));
let state = opt.init(params);
const progress = { steps: 0, loss: null };
async function train() {
  const done = step(params, state, images, labels);
  ({ params, state } = done);
  progress.loss = await done.value.item(); // waits without holding the event loop
  progress.steps++;
  done.value.dispose();
}
// The first step plans the graph on this thread, and so does the second, whose parameters lie where the first put them: before anybody waits.
for (let i = 0; i < 2; i++) await train();

let requests = 0;
const server = createServer((_request, response) => {
  requests++;
  response.setHeader("content-type", "application/json").end(JSON.stringify(progress));
});
server.listen(port);
await once(server, "listening");
console.log(`training ${net.name}, listening on http://localhost:${server.address().port}`);

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
const begin = performance.now(),
  first = progress.steps;
while (performance.now() < begin + 1000 * seconds) await train();
delay.disable();
const perStep = (performance.now() - begin) / (progress.steps - first);
console.log(`${progress.steps - first} steps of ${perStep.toFixed(1)} ms, loss ${progress.loss.toFixed(3)}`);
console.log(
  `${requests} requests; the event loop was late by ${(delay.percentile(50) / 1e6).toFixed(1)} ms at the median, ${(delay.max / 1e6).toFixed(1)} ms at most`,
);
server.close();
server.closeAllConnections();
