// Our side of single operations: for each kind its tasks as functions of the inputs.
import { keeping } from "./library.mjs";

export function kernelWorks({ st, optim }) {
  /** A task: f compiled, applied to the inputs in this order. */
  const on = (names, f) => {
    let compiled;
    return (inputs) => {
      compiled ??= st.compile(f, { name: "bench" });
      return () => compiled(...names.map((name) => inputs[name]));
    };
  };
  const tasks = (makers) => (inputs) => Object.fromEntries(Object.entries(makers(inputs)).map(([name, make]) => [name, make(inputs)]));

  /** f and its pullback of g, named. */
  const withGradients = (names, outputs, f) =>
    on([...names, "g"], (...args) => {
      const g = args.pop(),
        [y, pullback] = st.vjp(f, ...args);
      return Object.fromEntries([["y", y], ...pullback(g).map((d, i) => [outputs[i], d])]);
    });
  const forward = (names, f) => on(names, (...args) => ({ y: f(...args) }));

  const conv = (inputs, { stride }) => {
    const pad = (inputs.w.shape[0] - 1) / 2,
      options = {
        stride,
        padding: [
          [pad, pad],
          [pad, pad],
        ],
      };
    const f = (x, w) => st.conv2d(x, w, options);
    return { forward: forward(["x", "w"], f)(inputs), both: withGradients(["x", "w"], ["dx", "dw"], f)(inputs) };
  };

  /** One AdamW step on a flat vector, moved on at each call. */
  const adamw = ({ p, g }, options) => {
    const opt = optim.adamw(options);
    let params = { p: p.add(0) },
      state = opt.init(params);
    const step = st.compile((params, g, state) => opt.step(params, { p: g }, state), { donate: [0, 2], name: "adamw" });
    return {
      step: keeping(() => {
        ({ params, state } = step(params, g, state));
        return { p: params.p };
      }),
    };
  };

  const attention = (q, k, v) => st.attention(q, k, v),
    norm = (x, scale, bias) => st.layerNorm(x, scale, bias, { eps: 1e-6 }),
    loss = (x, labels) => st.crossEntropy(x, labels);

  return {
    matmul: tasks(() => ({
      forward: on(["a", "b"], (a, b) => ({ y: a.matmul(b) })),
      dgrad: on(["g", "b"], (g, b) => ({ y: g.matmul(b.mT()) })),
      wgrad: on(["a", "g"], (a, g) => ({ y: a.mT().matmul(g) })),
    })),
    attention: tasks(() => ({
      forward: forward(["q", "k", "v"], attention),
      both: withGradients(["q", "k", "v"], ["dq", "dk", "dv"], attention),
    })),
    conv2d: conv,
    layerNorm: tasks(() => ({
      forward: forward(["x", "scale", "bias"], norm),
      both: withGradients(["x", "scale", "bias"], ["dx", "dscale", "dbias"], norm),
    })),
    softmax: tasks(() => ({
      forward: forward(["x"], (x) => st.softmax(x)),
      both: withGradients(["x"], ["dx"], (x) => st.softmax(x)),
    })),
    crossEntropy: tasks(() => ({
      forward: on(["x", "labels"], (x, labels) => ({ loss: loss(x, labels) })),
      both: on(["x", "labels"], (x, labels) => {
        const [value, dx] = st.valueAndGrad(loss)(x, labels);
        return { loss: value, dx };
      }),
    })),
    chain: tasks(() => ({
      forward: on(["x", "b", "y", "z"], (x, b, y, z) => ({ y: st.gelu(x.add(b), { approximate: "tanh" }).mul(y).add(z) })),
    })),
    adamw,
    perturb: tasks(() => ({
      forward: on(["p", "g"], (p, g) => ({ moved: p.add(g.mul(st.div(0.05, g.square().sum().sqrt()))) })),
    })),
    copy: tasks(() => ({ forward: on(["x"], (x) => ({ y: x.neg() })) })),
  };
}
