// Literals that contradict each other do not compile.
import * as st from "../../src/index.ts";

const a = st.ones([2, 3]),
  b = st.ones([4, 5]),
  i = st.ones([2], { dtype: "i32" });

// @ts-expect-error 3 and 4
a.matmul(b);
// @ts-expect-error 3 and 4
st.matmul(a, b);
// @ts-expect-error batches 2 and 3
st.ones([2, 3, 4]).matmul(st.ones([3, 4, 5]));
// @ts-expect-error a vector of 2
a.matmul(st.ones([2]));
// @ts-expect-error 3 and 4
a.add(st.ones([4]));
// @ts-expect-error 2 and 3
st.mul(a, st.ones([3, 3]));
// @ts-expect-error 3 and 4
a.less(st.ones([2, 4]));
// @ts-expect-error 3 and 4
st.where(a.greater(0), st.ones([4]), 0);
// @ts-expect-error 6 and 8 elements
a.reshape([4, 2]);
// @ts-expect-error 24576 and 24575 elements
st.ones([8, 32, 32, 3]).reshape([24575]);
// @ts-expect-error 3 and 4
a.broadcastTo([2, 4]);
// @ts-expect-error 3 and 4
st.concat([a, st.ones([2, 4])]);
// @ts-expect-error 2 and 3
st.concat([a, st.ones([3, 3])], { axis: 1 });
// @ts-expect-error [2, 3] and [3, 2]
st.stack([a, a.mT()]);
// @ts-expect-error D 8 and 4
st.attention(st.ones([1, 2, 5, 8]), st.ones([1, 2, 5, 4]), st.ones([1, 2, 5, 4]));
// @ts-expect-error keys 5, values 6
st.attention(st.ones([1, 2, 5, 8]), st.ones([1, 2, 5, 8]), st.ones([1, 2, 6, 8]));
// @ts-expect-error no such dtype
st.zeros([2], { dtype: "f23" });
// @ts-expect-error no such dtype
a.cast("int64");
// @ts-expect-error no number
a.add("1");
// @ts-expect-error nothing
a.add(undefined);
// @ts-expect-error no such option
a.gelu({ approximate: "fast" });
// @ts-expect-error another shape
export const wrong: st.Tensor<[3, 2]> = a;
// @ts-expect-error another dtype
export const float: st.Tensor<[2], "f32"> = i;
