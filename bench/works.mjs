// What both sides do: inputs, the limit of ours / PyTorch's time, and our side as a function of the inputs that runs it once.

const paths = (tree, at = "") =>
  Object.entries(tree).flatMap(([name, value]) => (value.shape ? [[at + name, value]] : paths(value, `${at}${name}.`)));

export async function makeWorks() {
  const st = await import("../dist/src/index.js");
  const models = await import("../dist/src/models/index.js");
  const optim = await import("../dist/src/optim/index.js");
  const normal = (seed, shape, scale = 1) => st.random.normal(st.random.key(seed), shape).mul(scale);

  const matmul = () => {
    const f = st.compile((a, b) => ({ y: a.matmul(b) }), { name: "matmul" });
    const inputs = { a: normal(1, [1024, 1024]), b: normal(2, [1024, 1024]) };
    return { inputs, run: () => f(inputs.a, inputs.b) };
  };

  const attention = () => {
    const shape = [8, 6, 197, 64];
    const inputs = { q: normal(1, shape), k: normal(2, shape), v: normal(3, shape), g: normal(4, shape) };
    const f = st.compile(
      (q, k, v, g) => {
        const [o, pullback] = st.vjp((...qkv) => st.attention(...qkv), q, k, v);
        const [dq, dk, dv] = pullback(g);
        return { o, dq, dk, dv };
      },
      { name: "attention" },
    );
    return { inputs, run: () => f(inputs.q, inputs.k, inputs.v, inputs.g) };
  };

  const conv2d = () => {
    const inputs = { x: normal(1, [32, 16, 16, 64]), w: normal(2, [3, 3, 64, 64], 0.05), g: normal(3, [32, 16, 16, 64]) };
    const f = st.compile(
      (x, w, g) => {
        const [y, pullback] = st.vjp((...xw) => st.conv2d(...xw), x, w);
        const [dx, dw] = pullback(g);
        return { y, dx, dw };
      },
      { name: "conv2d" },
    );
    return { inputs, run: () => f(inputs.x, inputs.w, inputs.g) };
  };

  const vitStep = () => {
    const net = models.vit({ patch: 4, hidden: 128, layers: 6, heads: 4, image: 32, classes: 10 });
    const options = { config: net.config, lr: 1e-3, weightDecay: 0.1 };
    const opt = optim.adamw({ lr: options.lr, weightDecay: options.weightDecay });
    const { params: initial, state: variables } = net.init(st.random.key(0));
    let params = { ...initial, head: { kernel: normal(5, [128, 10], 0.02), bias: st.zeros([10]) } };
    let state = opt.init(params);
    const images = normal(6, [128, 32, 32, 3]);
    const labels = st.random.randint(st.random.key(7), [128], { min: 0, max: 10 });
    const loss = (p, x, y) => st.crossEntropy(net.apply({ params: p, state: variables }, x, { train: true }).out, y);
    const step = st.compile(
      (p, s, x, y) => {
        const [value, grads] = st.valueAndGrad(loss)(p, x, y);
        return { loss: value, ...opt.step(p, grads, s) };
      },
      { donate: [0, 1], name: "vit-step" },
    );
    return {
      inputs: { ...Object.fromEntries(paths(params)), images, labels },
      options,
      run() {
        const next = step(params, state, images, labels);
        ({ params, state } = next);
        return { loss: next.loss };
      },
    };
  };

  return [
    { name: "matmul", what: "matmul 1024 x 1024 x 1024", limit: 1.4, make: matmul, repeats: 10 },
    { name: "attention", what: "attention 8 x 6 x 197 x 64, forward and backward", limit: 1.2, make: attention, repeats: 8 },
    { name: "vit-step", what: "training step, ViT d128 L6 H4 patch 4, batch 128, AdamW", limit: 1.3, make: vitStep, repeats: 2, checks: 3 },
    { name: "conv2d", what: "conv2d 3 x 3, 64 to 64, 32 x 16 x 16, forward and both gradients", limit: 2, make: conv2d, repeats: 8 },
  ];
}
