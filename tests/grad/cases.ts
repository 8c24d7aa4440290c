import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import { lift } from "../../src/tensor/lift.ts";

/** One way to use an operation. Inputs are f64 of these shapes. */
export interface Case {
  /** The names of the operations that it covers. */
  readonly ops: string;
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...x: Tensor[]) => Tensor;
  /** Inputs stay away from 0, and above it. */
  readonly positive?: true;
  /** The result is no smooth function of the inputs: only vmap is tested. */
  readonly discrete?: true;
}

const one = [[3, 5]],
  two = [
    [3, 5],
    [3, 5],
  ],
  mixed = [[3, 1], [5]];
const c = (ops: string, shapes: readonly (readonly number[])[], f: Case["f"]): Case => ({ ops, shapes, f });
const positive = (ops: string, shapes: readonly (readonly number[])[], f: Case["f"]): Case => ({ ops, shapes, f, positive: true });
const discrete = (ops: string, shapes: readonly (readonly number[])[], f: Case["f"]): Case => ({ ops, shapes, f, discrete: true });
const ints = (list: readonly number[], shape = [list.length]): Tensor => st.tensor(Int32Array.from(list), { shape });
/** Indices that depend on x, so that they can be mapped. */
const indices = (x: Tensor, n: number): Tensor => x.abs().mul(10).cast("i32").mod(n);
const key = (): Tensor => st.random.key(7);
const keyOf = (x: Tensor): Tensor => st.random.foldIn(key(), x.mul(1000).abs().sum().cast("u32"));

const elementwise: Case[] = [
  c("add", mixed, (a, b) => a.add(b)),
  c("sub", mixed, (a, b) => a.sub(b)),
  c("mul", mixed, (a, b) => a.mul(b)),
  positive("div", mixed, (a, b) => a.div(b)),
  positive("pow", mixed, (a, b) => a.pow(b)),
  c("pow", one, (x) => x.pow(3)),
  c("pow", one, (x) => x.pow(2)),
  positive("pow", one, (x) => x.pow(-2)),
  positive("pow", one, (x) => x.pow(0.5)),
  positive("pow", one, (x) => x.pow(20)),
  c("pow", one, (x) => st.pow(2, x)),
  c("pow", one, (x) => x.pow(0).add(x)),
  c("mod", [[3, 1]], (a) => a.mod(0.7)),
  positive("mod", mixed, (a, b) => a.mod(b)),
  c("maximum", mixed, (a, b) => a.maximum(b)),
  c("minimum", mixed, (a, b) => a.minimum(b)),
  c("neg", one, (x) => x.neg()),
  c("abs", one, (x) => x.abs()),
  c("square", one, (x) => x.square()),
  positive("reciprocal", one, (x) => x.reciprocal()),
  c("exp", one, (x) => x.exp()),
  c("expm1", one, (x) => x.expm1()),
  positive("log", one, (x) => x.log()),
  positive("log1p", one, (x) => x.log1p()),
  positive("sqrt", one, (x) => x.sqrt()),
  positive("rsqrt", one, (x) => x.rsqrt()),
  c("sin", one, (x) => x.sin()),
  c("cos", one, (x) => x.cos()),
  c("tan", one, (x) => x.mul(0.3).tan()),
  c("tanh", one, (x) => x.tanh()),
  c("sigmoid", one, (x) => x.sigmoid()),
  c("relu", one, (x) => x.relu()),
  c("silu", one, (x) => x.silu()),
  c("softplus", one, (x) => x.softplus()),
  c("erf", one, (x) => x.erf()),
  c("gelu", one, (x) => x.gelu()),
  c("gelu", one, (x) => x.gelu({ approximate: "tanh" })),
  c("clip", one, (x) => x.clip(-0.6, 0.8)),
  c("clip", [[3, 5], [5], [1]], (x, low, high) => x.clip(low.sub(2), high.add(2))),
  c("where", [[5], [3, 5], [3, 1]], (p, a, b) => st.where(p.greater(0), a, b)),
  c("cast", one, (x) => x.cast("f64").mul(x)),
  c("stopGradient", one, (x) => x.mul(st.stopGradient(x.mul(0)).add(2))),
  discrete("sign floor ceil round", one, (x) => x.sign().add(x.floor()).add(x.ceil()).add(x.round())),
  discrete("equal notEqual less lessEqual greater greaterEqual", two, (a, b) =>
    st.stack([a.equal(b), a.notEqual(b), a.less(b), a.lessEqual(b), a.greater(b), a.greaterEqual(b)], { axis: -1 }),
  ),
  discrete("logicalAnd logicalOr logicalNot isNaN isFinite", two, (a, b) =>
    a.greater(0).logicalAnd(b).logicalOr(a.isNaN()).logicalNot().logicalOr(b.isFinite()),
  ),
];

const reductions: Case[] = [
  c("sum", one, (x) => x.square().sum({ axis: 0 })),
  c("sum", [[2, 3, 4]], (x) => x.sum({ axis: [0, 2], keepDims: true })),
  c("mean", one, (x) => x.mean({ axis: -1 })),
  c("max", one, (x) => x.max({ axis: 1 })),
  c("max", [[2, 3, 4]], (x) => x.max({ axis: [0, 2] })),
  c("min", one, (x) => x.min()),
  c("prod", one, (x) => x.prod({ axis: 1 })),
  c("prod", [[4, 3]], (x) => x.mul(ints([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 3])).prod({ axis: 0 })),
  c("prod", [[2, 3, 2]], (x) => x.prod({ axis: [0, 2] })),
  c("variance", one, (x) => x.variance({ axis: 0, ddof: 1 })),
  c("std", one, (x) => x.std({ axis: 1 })),
  c("norm", one, (x) => x.norm({ axis: 0 })),
  c("logSumExp", one, (x) => x.logSumExp({ axis: 0 })),
  c("cumsum", [[2, 3, 4]], (x) => x.cumsum({ axis: 1 })),
  c("cumsum", one, (x) => x.cumsum()),
  discrete("argmax argmin any all", one, (x) =>
    x
      .argmax({ axis: 1 })
      .add(x.argmin({ axis: -1 }))
      .add(x.greater(0).any({ axis: 1 }))
      .add(x.greater(-1).all({ axis: 1 })),
  ),
];

const shapes: Case[] = [
  c("reshape flatten", [[2, 3, 4]], (x) => x.transpose([2, 0, 1]).reshape([4, 6]).flatten()),
  c("transpose mT", [[2, 3, 4]], (x) => x.transpose([2, 0, 1]).mT()),
  c("swapAxes expandDims squeeze", [[2, 3, 4]], (x) => x.swapAxes(0, 2).expandDims(0).squeeze()),
  c("broadcastTo", [[3, 1]], (x) => x.broadcastTo([2, 3, 4])),
  c("tile repeat", [[3, 2]], (x) => x.tile([2, 1, 2]).repeat(2, { axis: 1 })),
  c(
    "concat",
    [
      [2, 3],
      [4, 3],
    ],
    (a, b) => st.concat([a, b, a]),
  ),
  c("stack", two, (a, b) => st.stack([a, b], { axis: 1 })),
  c("split", [[4, 3]], (x) => {
    const [p, q] = x.split([1, 3]);
    return p!.mul(q!);
  }),
  c("pad", [[3, 4]], (x) =>
    x.pad([
      [1, 0],
      [0, 2],
    ]),
  ),
  c("pad", [[3, 4]], (x) =>
    x.pad([
      [1, -1, 1],
      [-2, 2, 2],
    ]),
  ),
  c("flip", [[3, 4]], (x) => x.flip({ axis: 1 })),
  c("roll", [[3, 4]], (x) => x.roll(2, { axis: 1 }).add(x.roll(-1))),
  c("tril triu", [[3, 4]], (x) => x.tril().add(x.triu(1).square())),
  c("at slice", [[4, 5]], (x) => x.at([3, -5, -2], [1, 5, 2]).add(x.at(-1, 0))),
  c("at", [[2, 3, 4]], (x) => x.at("...", 1).add(x.at(null, [0, 3], -1))),
];

const indexing: Case[] = [
  c("take", [[4, 3]], (x) => x.take(ints([2, 0, 2, -1, 2]), { axis: 0 })),
  c("take", [[4, 3]], (x) => x.take(ints([1, 0, 2, 2], [2, 2]), { axis: 1 })),
  c("take", [[4, 3], [2]], (x, i) => x.take(st.stopGradient(indices(i, 4)), { axis: 0 })),
  c("takeAlongAxis", [[2, 3]], (x) => x.takeAlongAxis(ints([2, 2, 0, 1], [2, 2]), { axis: 1 })),
  c(
    "takeAlongAxis",
    [
      [4, 3],
      [2, 3],
    ],
    (x, i) => x.takeAlongAxis(indices(i, 4), { axis: 0 }),
  ),
  c(
    "scatterAdd",
    [
      [4, 2],
      [3, 2],
    ],
    (x, u) => x.scatterAdd(ints([1, 3, 1]), u, { axis: 0 }),
  ),
  c("scatterAdd", [[4, 2], [3, 2], [3]], (x, u, i) => x.scatterAdd(indices(i, 4), u, { axis: 0 })),
  c("sort argsort", [[3, 5]], (x) => x.sort({ axis: 1 })),
  c("topK", [[3, 5]], (x) => x.topK(2).values),
  discrete("argsort topK", one, (x) => x.argsort({ axis: 0 }).add(x.topK(5).indices)),
  discrete("oneHot", [[4]], (x) => st.oneHot(indices(x, 3), 3)),
];

const products: Case[] = [
  c(
    "matmul",
    [
      [3, 4],
      [4, 2],
    ],
    (a, b) => a.matmul(b),
  ),
  c(
    "matmul",
    [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
    (a, b) => a.matmul(b),
  ),
  c("matmul", [[4], [4, 2]], (a, b) => a.matmul(b)),
  c("matmul", [[3, 4], [4]], (a, b) => a.matmul(b)),
  c("dot", [[4], [4]], (a, b) => a.dot(b)),
  c("outer", [[3], [4]], (a, b) => a.outer(b)),
  c(
    "einsum",
    [
      [2, 3, 4],
      [2, 5, 4],
    ],
    (a, b) => st.einsum("bnd,bmd->bnm", a, b),
  ),
  c("einsum", [[3, 4], [4, 2], [2]], (a, b, d) => st.einsum("ij,jk,k->i", a, b, d)),
  c(
    "einsum",
    [
      [3, 3],
      [2, 3],
    ],
    (a, b) => st.einsum("ii,...i->...i", a, b),
  ),
];

const image = [
    [2, 6, 5, 4],
    [3, 3, 4, 2],
  ],
  norm = [[2, 3, 4], [4], [4]],
  heads = [
    [2, 2, 4, 3],
    [2, 2, 5, 3],
    [2, 2, 5, 3],
  ];
const networks: Case[] = [
  c("softmax", one, (x) => x.softmax()),
  c("softmax", one, (x) => x.softmax({ axis: 0 })),
  c("logSoftmax", one, (x) => x.logSoftmax()),
  c("layerNorm", norm, (x, s, b) => st.layerNorm(x, s, b)),
  c("groupNorm", [[2, 3, 2, 4], [4], [4]], (x, s, b) => st.groupNorm(x, s, b, { groups: 2, eps: 1e-5 })),
  c("batchNorm", norm, (x, s, b) => st.batchNorm(x, s, b).y),
  c("batchNorm", norm, (x, s, b) => {
    const { mean, variance, y } = st.batchNorm(x, s, b);
    return mean.add(variance).add(y);
  }),
  c("batchNorm", [...norm, [4], [4]], (x, s, b, mean, v) => st.batchNorm(x, s, b, { mean, variance: v.square().add(0.5) }).y),
  c("conv2d", image, (x, w) => st.conv2d(x, w)),
  c("conv2d", image, (x, w) =>
    st.conv2d(x, w, {
      stride: 2,
      padding: [
        [1, 0],
        [2, 1],
      ],
    }),
  ),
  c(
    "conv2d",
    [
      [2, 5, 5, 4],
      [3, 2, 2, 6],
    ],
    (x, w) => st.conv2d(x, w, { groups: 2, padding: "valid" }),
  ),
  c("maxPool2d", [[2, 5, 5, 2]], (x) => st.maxPool2d(x, { window: 3, stride: 2, padding: "same" })),
  c("avgPool2d", [[2, 5, 5, 2]], (x) => st.avgPool2d(x, { window: 3, stride: 2, padding: "same" })),
  c("attention", heads, (q, k, v) => st.attention(q, k, v)),
  c("attention", heads, (q, k, v) => st.attention(q, k, v, { causal: true, scale: 0.4 })),
  c("attention", [...heads, [4, 5]], (q, k, v, mask) => st.attention(q, k, v, { mask: mask.greater(-1) })),
  c("patchEmbed", [[2, 4, 6, 3], [2, 2, 3, 4], [4]], (x, w, b) => st.patchEmbed(x, w, b, { patch: 2 })),
  c("crossEntropy", [[4, 5]], (x) => st.crossEntropy(x, ints([4, 0, 2, 2]), { smoothing: 0.1 })),
  c(
    "crossEntropy",
    [
      [3, 5],
      [3, 5],
    ],
    (x, p) => st.crossEntropy(x, p.softmax(), { reduction: "none" }),
  ),
  c("sigmoidCrossEntropy", two, (x, p) => st.sigmoidCrossEntropy(x, p.sigmoid())),
  c("dropout", one, (x) => x.dropout(0.4, key())),
];

const random: Case[] = [
  discrete("random", [[4]], (x) => st.random.normal(keyOf(x), [3], { dtype: "f64" })),
  discrete("random", [[4]], (x) => st.random.bits(st.random.split(keyOf(x), 3).at(1), [2, 2])),
  discrete("random", [[4]], (x) => st.random.permutation(keyOf(x), 6)),
  discrete("random", [[4]], (x) => st.random.permutation(key(), x)),
  discrete("random", [[2, 4]], (x) => st.random.categorical(keyOf(x), x)),
  discrete("random", [[4]], (x) => st.random.beta(keyOf(x), [3], { a: 0.4, b: 2, dtype: "f64" })),
  discrete("random", [[4]], (x) => st.random.randint(keyOf(x), [5], { min: -3, max: 1000000 })),
];

// What is not public.
const inner: Case[] = [
  c("erfinv", one, (x) => lift("erfinv")(x.tanh().mul(0.9))),
  c(
    "scatterAlongAxis",
    [
      [4, 2],
      [3, 2],
      [3, 2],
    ],
    (x, u, i) => lift("scatterAlongAxis")(x, indices(i, 4), u, { axis: 0 }),
  ),
  discrete("floorDivide bitAnd bitOr bitXor shiftLeft shiftRight", [[2, 3], [3]], (a, b) => {
    const x = indices(a, 100),
      y = indices(b, 5);
    return st.stack(
      [
        lift("floorDivide")(x, y.add(1)),
        lift("bitAnd")(x, y),
        lift("bitOr")(x, y),
        lift("bitXor")(x, y),
        lift("shiftLeft")(x, y),
        lift("shiftRight")(x, y),
      ],
      { axis: -1 },
    );
  }),
];

export const cases: readonly Case[] = [...elementwise, ...reductions, ...shapes, ...indexing, ...products, ...networks, ...random, ...inner];

/** What the algebra holds besides: leaves, and what makes them. */
export const leaves = "constant asValue fromBytes iota place tensor zeros ones full arange linspace eye zerosLike onesLike fullLike".split(" ");
