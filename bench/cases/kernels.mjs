// Single operations: the shapes of the networks on 32 x 32 and 224 x 224 images, as in the table of the bars.
import { toleranceOf } from "../agreement.mjs";
import { labels, normal } from "../inputs.mjs";

const both = (tasks, ...more) => [...tasks.flatMap((task) => [`own:${task}`, `torch:${task}`]), ...more];
const product = (shape) => shape.reduce((a, b) => a * b, 1);
const times = (shape) => shape.join(" x ");

function matmul([m, k, n], { batch = [], tasks = ["forward", "dgrad", "wgrad"], peers = [] } = {}) {
  const flops = 2 * product(batch) * m * k * n,
    words = product(batch) * (m * k + k * n + m * n);
  return {
    id: `matmul-${[...batch, m, k, n].join("-")}`,
    what: `matmul ${batch.length ? `${times(batch)} x (${times([m, k, n])})` : times([m, k, n])}`,
    kind: "matmul",
    inputs: { a: normal([...batch, m, k]), b: normal([...batch, k, n]), ...(tasks.length > 1 && { g: normal([...batch, m, n]) }) },
    entries: both(tasks, ...peers.map((peer) => `${peer}:forward`)),
    tolerance: toleranceOf(Math.max(m, k, n)),
    flops: Object.fromEntries(tasks.map((task) => [task, flops])),
    bytes: Object.fromEntries(tasks.map((task) => [task, 4 * words])),
  };
}

function attention(shape, peers = []) {
  const [b, h, n, d] = shape,
    flops = 4 * b * h * n * n * d;
  return {
    id: `attention-${n}`,
    what: `attention ${times(shape)}`,
    kind: "attention",
    inputs: { q: normal(shape), k: normal(shape), v: normal(shape), g: normal(shape) },
    entries: both(["forward", "both"], ...peers.map((peer) => `${peer}:forward`)),
    tolerance: toleranceOf(n, 4),
    // The backward pass makes the scores again: 5 products to the forward's 2.
    flops: { forward: flops, both: 3.5 * flops },
  };
}

function conv2d([n, side, channels, outputs], { window = 3, stride = 1 } = {}) {
  const after = side / stride,
    flops = 2 * n * after * after * window * window * channels * outputs;
  return {
    id: `conv2d-${[n, side, channels, outputs, window, stride].join("-")}`,
    what: `conv2d ${window} x ${window}${stride > 1 ? ` by ${stride}` : ""}, ${channels} to ${outputs}, ${n} x ${side} x ${side}`,
    kind: "conv2d",
    options: { stride },
    inputs: {
      x: normal([n, side, side, channels]),
      w: normal([window, window, channels, outputs], { std: 0.05 }),
      g: normal([n, after, after, outputs]),
    },
    entries: both(["forward", "both"]),
    tolerance: toleranceOf(Math.max(n * after * after, window * window * channels), 1),
    flops: { forward: flops, both: 3 * flops },
  };
}

const rowsAndGradients = (kind, what, [rows, size], inputs, passes) => ({
  id: `${kind}-${rows}-${size}`,
  what: `${what} ${rows} x ${size}`,
  kind,
  inputs: { x: normal([rows, size]), ...inputs },
  entries: both(["forward", "both"]),
  tolerance: toleranceOf(Math.max(rows, size)),
  bytes: Object.fromEntries(Object.entries(passes).map(([task, words]) => [task, 4 * words * rows * size])),
});

export const flatSize = 5_362_762; // the parameters of ViT-Ti/4
const longSize = 1 << 24;

export const matmulShapes = [
  [1024, 1024, 1024],
  [4160, 192, 576],
  [4160, 192, 768],
  [4160, 768, 192],
  [1576, 768, 2304],
  [1576, 768, 3072],
  [64, 192, 192],
];

export const kernelCases = () => [
  ...matmulShapes.map((shape, i) => matmul(shape, { peers: i === 0 ? ["onnxruntime", "jaxjs", "tfjs"] : [] })),
  matmul([65, 64, 65], { batch: [192], tasks: ["forward"] }),
  matmul([197, 64, 197], { batch: [48], tasks: ["forward"] }),
  attention([64, 3, 65, 64]),
  attention([8, 6, 197, 64], ["onnxruntime", "jaxjs", "tfjs"]),
  attention([1, 6, 1024, 64]),
  conv2d([32, 16, 64, 64]),
  conv2d([128, 32, 16, 16]),
  conv2d([128, 32, 16, 32], { stride: 2 }),
  conv2d([32, 32, 64, 64]),
  conv2d([32, 8, 256, 256]),
  conv2d([32, 16, 64, 128], { window: 1 }),
  rowsAndGradients(
    "layerNorm",
    "layerNorm",
    [4160, 192],
    { scale: normal([192]), bias: normal([192]), g: normal([4160, 192]) },
    { forward: 2, both: 5 },
  ),
  rowsAndGradients("softmax", "softmax", [12_480, 65], { g: normal([12_480, 65]) }, { forward: 2, both: 5 }),
  rowsAndGradients("crossEntropy", "softmax and cross-entropy", [4096, 1000], { labels: labels(4096, 1000) }, { forward: 1, both: 2 }),
  {
    id: "chain",
    what: "gelu(x + b) y + z, 4160 x 768",
    kind: "chain",
    inputs: { x: normal([4160, 768]), b: normal([768]), y: normal([4160, 768]), z: normal([4160, 768]) },
    entries: both(["forward"]),
    tolerance: toleranceOf(1),
    bytes: { forward: 4 * 4 * 4160 * 768 },
  },
  {
    id: "adamw",
    what: `AdamW on ${flatSize.toLocaleString("en-US")} parameters`,
    kind: "adamw",
    options: { lr: 1e-3, weightDecay: 0.1 },
    inputs: { p: normal([flatSize]), g: normal([flatSize]) },
    entries: both(["step"]),
    checks: 3,
    tolerance: toleranceOf(1),
    bytes: { step: 4 * 7 * flatSize },
  },
  {
    id: "perturb",
    what: `SAM's perturbation of ${longSize.toLocaleString("en-US")} parameters`,
    kind: "perturb",
    inputs: { p: normal([longSize]), g: normal([longSize]) },
    entries: both(["forward"]),
    tolerance: toleranceOf(1),
    // The norm reads g; the perturbation reads p and g and writes.
    bytes: { forward: 4 * 4 * longSize },
  },
  {
    id: "copy",
    what: `negation of ${longSize.toLocaleString("en-US")} numbers`,
    kind: "copy",
    inputs: { x: normal([longSize]) },
    entries: both(["forward"]),
    tolerance: toleranceOf(1),
    bytes: { forward: 4 * 2 * longSize },
  },
];
