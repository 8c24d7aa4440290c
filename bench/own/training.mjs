// Our side of training: a step, and a step with SAM, each on parameters of its own.
import { keeping } from "./library.mjs";
import { lossOf, networkOf, treeOf } from "./networks.mjs";

export function trainingWorks({ st, models, optim }) {
  const training = async (inputs, { network, layout, stateLayout, lr, weightDecay, eps, rho }) => {
    const net = networkOf(models, network),
      opt = optim.adamw({ lr, weightDecay, eps }),
      loss = lossOf(st, net, { train: true });
    const stepper = (gradient) => {
      let training, last;
      const step = st.compile(
        ({ params, state, optimizer }, images, labels) => {
          const [[loss, moved], grads] = gradient(params, state, images, labels),
            next = opt.step(params, grads, optimizer);
          return { loss, training: { params: next.params, state: moved, optimizer: next.state } };
        },
        { donate: [0], name: "step" },
      );
      return keeping(() => {
        if (!training) {
          const [params, state] = [treeOf(inputs.params.add(0), layout), stateLayout.length ? treeOf(inputs.state.add(0), stateLayout) : {}];
          training = { params, state, optimizer: opt.init(params) };
        }
        last?.dispose();
        const next = step(training, inputs.images, inputs.labels);
        training = next.training;
        last = next.loss;
        return { loss: next.loss };
      });
    };
    return {
      step: stepper(st.valueAndGrad(loss, { hasAux: true })),
      sam: stepper(optim.sam(loss, { rho, hasAux: true })),
    };
  };

  /** A perceptron with GELU and SGD, small enough for every peer: w1, w2, w3 without biases. */
  const mlp = (inputs, { lr }) => {
    const { x, labels } = inputs,
      given = { w1: inputs.w1, w2: inputs.w2, w3: inputs.w3 };
    const gelu = (x) => st.gelu(x, { approximate: "tanh" }),
      loss = (p, x, y) => st.crossEntropy(gelu(gelu(x.matmul(p.w1)).matmul(p.w2)).matmul(p.w3), y);
    const step = st.compile((p, x, y) => {
      const [value, g] = st.valueAndGrad(loss)(p, x, y);
      return { loss: value, ...Object.fromEntries(Object.entries(p).map(([name, w]) => [name, w.sub(g[name].mul(lr))])) };
    });
    const products = st.compile((p, vs, x, y) => st.vmap((v) => st.hvp(loss)(p, v, x, y))(vs));
    return {
      step: () => step(given, x, labels),
      hvp8: () => products(given, { w1: inputs.v1, w2: inputs.v2, w3: inputs.v3 }, x, labels),
    };
  };
  return { training, mlp };
}
