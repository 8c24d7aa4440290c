// A layer and a training loop of your own: a network with it learns to tell two spirals apart.
// Run: node examples/trainingLoop.mjs [steps, 300 if not given]
// Prints the loss as it falls, and at the end the share of the points that are told apart.
import * as st from "steppe";
import { dense, init, module, sequential } from "steppe/nn";
import * as optim from "steppe/optim";

/** x [..., inputs] to (x value) * silu(x gate) [..., outputs]: init() makes what is declared here, param() finds it. */
const gated = (inputs, outputs) => {
  const kernel = { shape: [inputs, outputs], init: init.xavierUniform() };
  return module({
    name: "gated",
    params: { gate: kernel, value: kernel },
    forward: (call, x) => x.matmul(call.param("value")).mul(x.matmul(call.param("gate")).silu()),
  });
};
const net = sequential([gated(2, 32), gated(32, 32), gated(32, 32), dense(32, 2)]);

/** n points on each of two spirals, one turned by half a turn: points [2 n, 2] and the spiral of each, labels [2 n]. */
function spirals(key, n) {
  const radius = st.linspace(0.3, 3, n);
  const arms = [0, Math.PI].map((turn) => {
    const angle = radius.mul(2).add(turn);
    return st.stack([radius.mul(angle.cos()), radius.mul(angle.sin())], { axis: 1 });
  });
  const noise = st.random.normal(key, [2 * n, 2], { std: 0.05 });
  return { points: st.concat(arms).add(noise), labels: st.repeat(st.arange(2, { dtype: "i32" }), n) };
}

const steps = Number(process.argv[2] ?? 300),
  keys = st.random.split(st.random.key(0));
const { points, labels } = st.tidy(() => spirals(keys.at(0), 200));

const opt = optim.adamw({ lr: optim.warmupCosine({ peak: 1e-2, warmup: 20, steps }), weightDecay: 1e-3 });
const logitsOf = (params, x) => net.apply({ params, state: {} }, x).out;
const loss = (params, x, y) => logitsOf(params, x).crossEntropy(y);
// The whole step is one plan. Parameters and moments are donated: the new ones take over their memory.
const step = st.compile(
  (params, moments, x, y) => {
    const [value, grads] = st.valueAndGrad(loss)(params, x, y);
    return { value, ...opt.step(params, grads, moments) };
  },
  { donate: [0, 1], name: "step" },
);

let { params } = net.init(keys.at(1)),
  state = opt.init(params);
for (let i = 1; i <= steps; i++) {
  const done = step(params, state, points, labels);
  ({ params, state } = done);
  if (i === 1 || i % 50 === 0) console.log(`step ${i}: loss ${(await done.value.item()).toFixed(4)}`);
  done.value.dispose();
}
const right = st.tidy(() => logitsOf(params, points).argmax({ axis: -1 }).equal(labels).cast("f32").mean());
console.log(`told apart: ${(100 * (await right.item())).toFixed(1)} %`);
