// Our side of curvature: the gradient, and Hessian-vector products of the mean cross-entropy at fixed running statistics.
import { lossOf, networkOf, treeOf } from "./networks.mjs";

export function curvatureWorks({ st, models, curvature }) {
  const work = async (inputs, { network, layout, stateLayout }) => {
    const net = networkOf(models, network),
      apply = lossOf(st, net, { train: false }),
      params = treeOf(inputs.params, layout),
      state = stateLayout.length ? treeOf(inputs.state, stateLayout) : {},
      { images, labels, v } = inputs;
    await st.evaluate({ params, state });
    const loss = (p, state, images, labels) => apply(p, state, images, labels)[0],
      vs = Array.from({ length: 8 }, (_, i) => (i === 0 ? v : v.roll(1000 * i)));
    await st.evaluate(vs);
    const gradient = st.compile((p, state, images, labels) => {
      const [value, g] = st.valueAndGrad(loss)(p, state, images, labels);
      return { loss: value, g: st.concat(layout.map(({ path }) => leafOf(g, path).reshape([-1]))) };
    });
    const operators = new Map();
    const operator = (keep) => {
      if (!operators.has(keep)) operators.set(keep, curvature.hessian(loss, params, [[state, images, labels]], { keep }));
      return operators.get(keep);
    };
    return {
      gradient: () => gradient(params, state, images, labels),
      hvp: () => ({ hv: operator(false).matvec(v) }),
      kept: () => ({ hv: operator(true).matvec(v) }),
      batched8: () =>
        Object.fromEntries(
          operator(false)
            .matmat(vs)
            .map((hv, i) => [i === 0 ? "hv" : `hv${i}`, hv]),
        ),
      singles8: () => Object.fromEntries(vs.map((v, i) => [i === 0 ? "hv" : `hv${i}`, operator(false).matvec(v)])),
      dispose() {
        for (const each of operators.values()) each.dispose();
        gradient.dispose();
      },
    };
  };
  return { curvature: work };
}

const leafOf = (tree, path) => path.split(".").reduce((at, key) => at[key], tree);
