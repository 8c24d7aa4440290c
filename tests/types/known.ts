// Literal shapes propagate. These files are only compiled: tsc -p tests/types.
import * as st from "../../src/index.ts";
import { is } from "./expect.ts";

const a = st.ones([2, 3]),
  b = st.zeros([3, 4], { dtype: "f64" }),
  v = st.full([3], 1),
  images = st.ones([8, 32, 32, 3]);

// Making.
is<[2, 3], "f32">()(a);
is<[3, 4], "f64">()(b);
is<[3], "bool">()(st.full([3], true));
is<[2, 2], "f32">()(
  st.tensor([
    [1, 2],
    [3, 4],
  ]),
);
is<[], "f32">()(st.tensor(1));
is<[2], "bool">()(st.tensor([true, false]));
is<[2, 3], "f64">()(st.tensor(new Float64Array(6), { shape: [2, 3] }));
is<[number], "i32">()(st.tensor(new Int32Array(6)));
is<[3, 3], "f32">()(st.eye(3));
is<[2, 3], "f32">()(st.eye(2, 3));
is<[5], "f32">()(st.linspace(0, 1, 5));
is<[number], "i32">()(st.arange(5, { dtype: "i32" }));
is<[2, 3], "f32">()(st.zerosLike(a));
is<[2, 3], "i32">()(st.onesLike(a, { dtype: "i32" }));
is<[2], "u32">()(st.random.key(0));
is<[4, 2], "u32">()(st.random.split(st.random.key(0), 4));
is<[2, 3], "f64">()(st.random.normal(st.random.key(0), [2, 3], { dtype: "f64" }));

// Elementwise, with broadcasting and promotion.
is<[2, 3], "f32">()(a.add(v));
is<[2, 3], "f32">()(a.mul(2).sub(0.5).div(a));
is<[2, 3], "f64">()(a.mul(b.at(0, null).reshape([4]).sum()));
is<[5, 2, 3], "f32">()(st.ones([5, 1, 1]).maximum(a));
is<[2, 3], "f32">()(st.sub(1, a));
is<[2, 3], "bool">()(a.greater(0));
is<[2, 3], "f32">()(st.where(a.greater(0), a, 0));
is<[2, 3], "f32">()(a.exp().relu().gelu({ approximate: "tanh" }));
is<[2], "i32">()(st.ones([2], { dtype: "i32" }).add(1));
is<[2], "f32">()(st.ones([2], { dtype: "i32" }).mul(1.5));
is<[2], "f32">()(st.ones([2], { dtype: "i32" }).exp());
is<[2], "f16">()(st.ones([2], { dtype: "f16" }).mul(2.5));
is<[2], "f32">()(st.ones([2], { dtype: "f16" }).add(st.ones([2], { dtype: "bf16" })));
is<[2], "i32">()(st.ones([2], { dtype: "u8" }).add(st.ones([2], { dtype: "i32" })));
is<[2, 3], "bf16">()(a.cast("bf16"));

// Products.
is<[2, 4], "f64">()(a.matmul(b));
is<[7, 2, 4], "f64">()(st.ones([7, 2, 3]).matmul(b));
is<[5, 7, 2, 4], "f32">()(st.ones([5, 1, 2, 3]).matmul(st.ones([7, 3, 4])));
is<[2], "f32">()(a.matmul(v));
is<[4], "f64">()(v.matmul(b));
is<[], "f32">()(v.dot(v));
is<[3, 3], "f32">()(v.outer(v));

// Reductions.
is<[], "f32">()(a.sum());
is<[2], "f32">()(a.mean({ axis: 1 }));
is<[2], "f32">()(a.max({ axis: -1 }));
is<[1, 3], "f32">()(a.sum({ axis: 0, keepDims: true }));
is<[1, 1], "f32">()(a.sum({ keepDims: true }));
is<[8, 3], "f32">()(images.mean({ axis: [1, 2] }));
is<[8, 1, 1, 3], "f32">()(images.variance({ axis: [1, -2], keepDims: true }));
is<[2], "i32">()(a.argmax({ axis: 1 }));
is<[], "i32">()(st.ones([3], { dtype: "u8" }).sum());
is<[3], "bool">()(a.greater(0).any({ axis: 0 }));

// Shapes.
is<[3, 2], "f32">()(a.transpose());
is<[8, 3, 32, 32], "f32">()(images.transpose([0, 3, 1, 2]));
is<[3, 2], "f32">()(a.mT());
is<[3, 32, 32, 8], "f32">()(images.swapAxes(0, -1));
is<[6], "f32">()(a.flatten());
is<[24576], "f32">()(images.reshape([24576]));
is<[8, number], "f32">()(images.reshape([8, -1]));
is<[3, 2], "f32">()(a.reshape([3, 2]));
is<[2, 1, 3], "f32">()(a.expandDims(1));
is<[2, 3, 1], "f32">()(a.expandDims(-1));
is<[4, 2, 3], "f32">()(a.broadcastTo([4, 2, 3]));
is<[4, 3], "f32">()(st.concat([a, a]));
is<[2, 10], "f32">()(st.concat([a, st.ones([2, 7])], { axis: 1 }));
is<[2, 10], "f32">()(st.concat([a, st.ones([2, 7])], { axis: -1 }));
is<[2, 2, 3], "f32">()(st.stack([a, a]));
is<[2, 3, 3], "f32">()(st.stack([a, a, a], { axis: -1 }));
is<[5, 10], "f32">()(st.oneHot(st.tensor(new Int32Array(5), { shape: [5] }), 10));

// Networks.
const q = st.ones([2, 4, 16, 8]),
  k = st.ones([2, 4, 10, 8]);
is<[2, 4, 16, 8], "f32">()(st.attention(q, k, k));
is<[2, 3], "f32">()(a.softmax());
is<[2, 3], "f32">()(st.layerNorm(a, v, v));

// A tensor of a known shape is one of an unknown shape, and the other way round.
export const unknown: st.Tensor<number[], "f32"> = a;
export const anything: st.Tensor = a;
export const known: st.Tensor<[2, 3], "f32"> = anything;
