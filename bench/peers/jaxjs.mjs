// jax-js's side, on its wasm device. Its arrays are consumed by use; `.ref` keeps them.
import "core-js/actual/iterator/index.js"; // iterator helpers, which Node 20 lacks
import { packageVersion } from "../sides/sides.mjs";
import { oneByOne, readInput, serve } from "../sides/serve.mjs";

const { defaultDevice, init, grad, jit, jvp, nn, numpy: np, valueAndGrad } = await import("@jax-js/jax");
await init("wasm");
defaultDevice("wasm");

const array = (entry) => np.array(readInput(entry), { shape: entry.shape, dtype: entry.dtype === "i32" ? np.int32 : np.float32 });
const arrays = (inputs, names) => names.map((name) => array(inputs[name]));

/** Row i of an input along its first axis. */
const partOf = (entry, i) => {
  const shape = entry.shape.slice(1),
    size = shape.reduce((a, b) => a * b, 1);
  return np.array(readInput(entry).slice(i * size, (i + 1) * size), { shape, dtype: np.float32 });
};

const matmul = (inputs) => {
  const [a, b] = arrays(inputs, ["a", "b"]),
    f = jit((a, b) => np.matmul(a, b));
  return { forward: () => ({ y: f(a.ref, b.ref) }) };
};

const attention = (inputs) => {
  const qkv = arrays(inputs, ["q", "k", "v"]),
    scale = inputs.q.shape[3] ** -0.5;
  const f = jit((q, k, v) => np.matmul(nn.softmax(np.matmul(q, np.swapaxes(k, -1, -2)).mul(scale), -1), v));
  return { forward: () => ({ y: f(...qkv.map((x) => x.ref)) }) };
};

const mlp = (inputs, { lr }) => {
  const names = ["w1", "w2", "w3"],
    p = arrays(inputs, names),
    vs = Array.from({ length: 8 }, (_, i) => ["v1", "v2", "v3"].map((name) => partOf(inputs[name], i))),
    x = array(inputs.x),
    y = nn.oneHot(array(inputs.labels), 10);
  const gelu = (x) => nn.gelu(x, { approximate: true });
  const loss = ([w1, w2, w3], x, y) => {
    const logits = np.matmul(gelu(np.matmul(gelu(np.matmul(x, w1)), w2)), w3);
    return np.mean(np.sum(nn.logSoftmax(logits, -1).mul(y), -1)).mul(-1);
  };
  const step = jit((p, x, y) => {
    const [value, g] = valueAndGrad(loss)(
      p.map((w) => w.ref),
      x,
      y,
    );
    return [value, p.map((w, i) => w.sub(g[i].mul(lr)))];
  });
  const product = jit((p, v, x, y) => jvp((p) => grad(loss)(p, x.ref, y.ref), [p], [v])[1]);
  const kept = () => [p.map((w) => w.ref), x.ref, y.ref];
  return {
    step() {
      const [loss, moved] = step(...kept());
      return { loss, ...Object.fromEntries(names.map((name, i) => [name, moved[i]])) };
    },
    /** One after another: vmap over the eight is several times slower there. */
    hvp8() {
      const each = vs.map((v) => {
        const [p, x, y] = kept();
        return product(
          p,
          v.map((w) => w.ref),
          x,
          y,
        );
      });
      return Object.fromEntries(names.map((name, i) => [name, np.stack(each.map((hv) => hv[i]))]));
    },
  };
};

const free = (outputs) => {
  for (const value of Object.values(outputs)) value.dispose();
};
await serve({
  versions: { "jax-js": packageVersion("@jax-js/jax"), threads: 1 },
  works: { matmul, attention, mlp },
  read: (value) => value.ref.data(),
  many: oneByOne(async (outputs) => {
    await Promise.all(Object.values(outputs).map((value) => value.blockUntilReady()));
    free(outputs);
  }),
  free,
});
