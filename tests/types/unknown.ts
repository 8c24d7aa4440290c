// Code with unknown shapes compiles as if there were no shape types.
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import { is } from "./expect.ts";

declare const sizes: number[], n: number, axis: number;
const x = st.zeros(sizes),
  known = st.ones([2, 3]),
  partly = st.ones([n, 3]);
is<number[], "f32">()(x);
is<[number, 3], "f32">()(partly);
is<[number, 3], "f32">()(partly.add(known.at([0, 1]).reshape([3])));
is<[number, 4], "f32">()(partly.matmul(st.ones([3, 4])));
is<[number, 7], "f32">()(st.concat([partly, st.ones([n, 4])], { axis: 1 }));
is<[number, 3], "f32">()(st.concat([partly, partly]));
is<[3], "f32">()(partly.sum({ axis: 0 }));
is<number[], "f32">()(known.sum({ axis }));

x.add(known).matmul(x).reshape([4, 2]).transpose([1, 0]).softmax({ axis }).sum({ axis, keepDims: true });
st.concat([x, known, x]).add(st.stack([x, x], { axis }));
st.where(x, known, x)
  .broadcastTo(sizes)
  .flatten()
  .add(x.at(0, [1, 2], null, "..."));
st.attention(x, x, x, { mask: x });
st.einsum("ij,jk->ik", x, known);

// Functions that say nothing of shapes.
function dense(w: Tensor, b: Tensor, input: Tensor): Tensor {
  return input.matmul(w).add(b).relu();
}
const layers: Tensor[] = [dense(known, x, partly), known, x];
const total: Tensor = layers.reduce((sum, y) => sum.add(y.sum()), st.zeros([]) as Tensor);
const tree: Record<string, Tensor> = { w: known, b: st.zeros([3]) };
const grown: Record<string, Tensor> = Object.fromEntries(Object.entries(tree).map(([key, y]) => [key, y.add(total)]));
const list = st.concat(layers).split(2);
const first: Tensor = list[0]!;
let state: Tensor = st.zeros([2]);
for (let i = 0; i < 3; i++) state = state.add(grown.w!.mean()).mul(first);
const anything = state as any;
dense(anything, anything.add(1), st.add(anything, known));

// Trees through the transforms.
const g = st.grad((p: { w: Tensor; b: Tensor }, y: Tensor) => y.matmul(p.w).add(p.b).square().mean())({ w: known, b: st.zeros([3]) }, partly);
export const step: Tensor = g.w.mul(0.1);
export const mapped: Tensor = st.vmap((y: Tensor) => y.sum())(partly);
const typed = st.grad((p: Tensor<[2, 3], "f32">) => p.square().sum())(known);
is<[2, 3], "f32">()(typed);
