// The networks of the bars, their layouts, and inputs for them.
import { labels, normal, pieces } from "../inputs.mjs";

const image = { image: 32, classes: 10 };
const basic = { block: "basic", stem: "cifar", ...image };

export const networks = [
  { id: "vit-ti", what: "ViT-Ti/4 (d192 L12 H3)", batch: 64, family: "vit", config: { patch: 4, hidden: 192, layers: 12, heads: 3, ...image } },
  { id: "vit-d128", what: "ViT d128 L6 H4 patch 4", batch: 128, family: "vit", config: { patch: 4, hidden: 128, layers: 6, heads: 4, ...image } },
  {
    id: "mixer-d128",
    what: "Mixer d128 L8 patch 4",
    batch: 128,
    family: "mixer",
    config: { patch: 4, hidden: 128, layers: 8, tokensMlp: 64, channelsMlp: 512, ...image },
  },
  { id: "resnet-20", what: "ResNet-20", batch: 128, family: "resnet", config: { blocks: [3, 3, 3], width: 16, ...basic } },
  { id: "resnet-wide", what: "ResNet, width 64, 2 blocks a stage", batch: 32, family: "resnet", config: { blocks: [2, 2, 2], width: 64, ...basic } },
];

/** [{ path, offset, shape }] of a tree of shapes, keys in sorted order as flat vectors have them. */
export function layoutOf(tree) {
  const layout = [];
  let offset = 0;
  const walk = (node, path) => {
    if (Array.isArray(node.shape)) {
      layout.push({ path, offset, shape: [...node.shape] });
      offset += product(node.shape);
      return;
    }
    const keys = Array.isArray(node) ? node.keys() : Object.keys(node).sort();
    for (const key of keys) walk(node[key], path === "" ? String(key) : `${path}.${key}`);
  };
  walk(tree, "");
  return layout;
}

/** Numbers as they are in the middle of training: none at zero, signals neither grow nor vanish. */
function pieceOf({ path, shape }) {
  const leaf = path.split(".").at(-1),
    size = product(shape);
  if (leaf === "kernel") return { size, std: (product(shape) / shape.at(-1)) ** -0.5, mean: 0 };
  if (leaf === "scale") return { size, std: 0.1, mean: 1 };
  if (leaf === "variance") return { size, std: 0.05, mean: 1 };
  return { size, std: 0.02, mean: 0 };
}

/** { inputs, options } of a network: its options carry the layouts, its inputs params, state, images and labels. */
export async function networkInputs({ family, config, batch }) {
  const models = await import("../../dist/src/models/index.js");
  const { params, state } = models[family](config).shapes(),
    [layout, stateLayout] = [layoutOf(params), layoutOf(state)];
  const inputs = {
    params: pieces(layout.map(pieceOf)),
    ...(stateLayout.length && { state: pieces(stateLayout.map(pieceOf)) }),
    images: normal([batch, config.image, config.image, 3]),
    labels: labels(batch, config.classes),
  };
  return { inputs, options: { network: { family, config }, layout, stateLayout } };
}

/** Multiply-adds of one image, and how many products lie one behind another. */
export async function costOf({ family, config }) {
  const models = await import("../../dist/src/models/index.js");
  const net = models[family](config);
  const depth = family === "resnet" ? 1 + 2 * config.blocks.reduce((a, b) => a + b) : (family === "vit" ? 6 : 4) * config.layers + 2;
  return { macs: net.macs, depth, paramCount: net.paramCount };
}

const product = (shape) => shape.reduce((a, b) => a * b, 1);
