// tfjs's side, on its wasm backend.
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { packageVersion } from "../sides/sides.mjs";
import { oneByOne, readInput, serve } from "../sides/serve.mjs";

const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs"),
  wasm = require("@tensorflow/tfjs-backend-wasm");
wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
await tf.setBackend("wasm");
await tf.ready();

const tensor = (entry) => tf.tensor(readInput(entry), entry.shape, entry.dtype === "i32" ? "int32" : "float32");
const tensors = (inputs, names) => names.map((name) => tensor(inputs[name]));

const matmul = (inputs) => {
  const [a, b] = tensors(inputs, ["a", "b"]);
  return { forward: () => ({ y: tf.matMul(a, b) }) };
};

const attention = (inputs) => {
  const [q, k, v] = tensors(inputs, ["q", "k", "v"]),
    scale = inputs.q.shape[3] ** -0.5;
  return { forward: () => tf.tidy(() => ({ y: tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), scale)), v) })) };
};

const mlp = (inputs, { lr }) => {
  const names = ["w1", "w2", "w3"],
    p = tensors(inputs, names),
    vs = tensors(inputs, ["v1", "v2", "v3"]),
    x = tensor(inputs.x),
    y = tf.oneHot(tensor(inputs.labels), 10);
  const gelu = (x) =>
    tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x))))))));
  const loss = (w1, w2, w3) => {
    const logits = tf.matMul(gelu(tf.matMul(gelu(tf.matMul(x, w1)), w2)), w3);
    return tf.mul(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), y), -1)), -1);
  };
  const gradients = tf.valueAndGrads(loss);
  /** The gradient of the gradient's product with v. */
  const product = (v) =>
    tf.grads((...p) =>
      tf
        .grads(loss)(p)
        .map((g, i) => tf.sum(tf.mul(g, v[i])))
        .reduce((a, b) => tf.add(a, b)),
    )(p);
  return {
    step: () =>
      tf.tidy(() => {
        const { value, grads } = gradients(p);
        return { loss: value, ...Object.fromEntries(names.map((name, i) => [name, tf.sub(p[i], tf.mul(grads[i], lr))])) };
      }),
    hvp8: () =>
      tf.tidy(() => {
        const each = Array.from({ length: 8 }, (_, k) => product(vs.map((v) => tf.squeeze(tf.slice(v, [k], [1]), [0]))));
        return Object.fromEntries(names.map((name, i) => [name, tf.stack(each.map((hv) => hv[i]))]));
      }),
  };
};

const free = (outputs) => tf.dispose(outputs);
await serve({
  versions: { tfjs: packageVersion("@tensorflow/tfjs"), threads: wasm.getThreadsCount() },
  works: { matmul, attention, mlp },
  read: (value) => value.data(),
  many: oneByOne((outputs) => {
    for (const value of Object.values(outputs)) value.dataSync(); // kernels on wasm are done when they return; this also counts one copy out
    free(outputs);
  }),
  free,
});
