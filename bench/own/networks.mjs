// Our networks of a case. Parameters and state come as flat inputs with a layout: [{ path, offset, shape }].

export const networkOf = (models, { family, config }) => models[family](config);

/** The tree of views of a flat vector. Keys that are whole numbers make lists. */
export function treeOf(flat, layout) {
  const root = {};
  for (const { path, offset, shape } of layout) {
    const keys = path.split("."),
      size = shape.reduce((a, b) => a * b, 1);
    keys.slice(0, -1).reduce((at, key) => (at[key] ??= {}), root)[keys.at(-1)] = flat.at([offset, offset + size]).reshape(shape);
  }
  return listsIn(root);
}

function listsIn(tree) {
  if (tree.shape !== undefined) return tree;
  const entries = Object.entries(tree).map(([key, below]) => [key, listsIn(below)]);
  return entries.length > 0 && entries.every(([key], i) => key === String(i)) ? entries.map(([, below]) => below) : Object.fromEntries(entries);
}

/** [mean cross-entropy, moved state] of (params, state, images, labels). */
export const lossOf =
  (st, net, { train }) =>
  (params, state, images, labels) => {
    const { out, state: moved } = net.apply({ params, state }, images, { train });
    return [st.crossEntropy(out, labels), moved];
  };
