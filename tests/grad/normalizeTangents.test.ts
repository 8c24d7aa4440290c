import { describe, expect, test } from "vitest";
import * as st from "../../src/index.ts";
import type { Tensor } from "../../src/index.ts";
import { expectClose, normal, numbers } from "./checks.ts";

// Hessian-vector products through the tangents of normalisation, against those of normalisation written in plain operations in f64.
// In f32 they are kernels where a group is a row.

type Norm = (x: Tensor, scale: Tensor, bias: Tensor) => Tensor;
const plainly =
  (axis: number | number[], eps: number): Norm =>
  (x, scale, bias) => {
    const d = x.sub(x.mean({ axis, keepDims: true }));
    return d
      .div(d.square().mean({ axis, keepDims: true }).add(eps).sqrt())
      .mul(scale)
      .add(bias);
  };
const norms: [string, Norm, Norm, number[]][] = [
  ["layerNorm", (x, s, b) => st.layerNorm(x, s, b), plainly(-1, 1e-6), [3, 7, 20]],
  ["layerNorm of many rows", (x, s, b) => st.layerNorm(x, s, b), plainly(-1, 1e-6), [5, 70, 64]],
  ["batchNorm", (x, s, b) => st.batchNorm(x, s, b).y, plainly([0, 1], 1e-5), [4, 30, 6]],
];

const some = (seed: number, shape: number[]): Tensor[] => [shape, shape.slice(-1), shape.slice(-1)].map((s, i) => normal(seed + i, s));
const lossOf =
  (norm: Norm) =>
  (x: readonly Tensor[]): Tensor => {
    const y = norm(x[0]!, x[1]!, x[2]!);
    return y
      .square()
      .mul(0.5)
      .add(y.mul(normal(99, y.shape).cast(y.dtype)))
      .sum();
  };
const cast = (list: readonly Tensor[], dtype: "f32" | "f64"): Tensor[] => list.map((t) => t.cast(dtype));
/** Numbers that f32 has too, so that only the arithmetic differs. */
const exactly = (list: readonly Tensor[]): Tensor[] => cast(cast(list, "f32"), "f64");
const inputs = [0, 1, 2];

describe.each(norms)("%s", (_, fused, plain, shape) => {
  const x = exactly(some(0, shape)),
    v = exactly(some(10, shape));

  describe.each([
    ["f64", 1e-11],
    ["f32", 1e-4],
  ] as const)("%s", (dtype, relative) => {
    const expectAll = async (got: readonly Tensor[], wanted: readonly Tensor[], what: string): Promise<void> => {
      for (const i of inputs) await expectClose(got[i]!.cast("f64"), wanted[i]!, relative, `input ${i}, ${what}`);
    };
    const here = (list: readonly Tensor[]): Tensor[] => cast(list, dtype);
    const product = (norm: Norm, place: readonly Tensor[]) => (dx: readonly Tensor[]) => st.hvp(lossOf(norm))(place, dx) as Tensor[];

    test("one direction", async () => {
      await expectAll(product(fused, here(x))(here(v)), product(plain, x)(v), "one direction");
    });
    test("several directions", async () => {
      const vs = [v, exactly(some(20, shape)), exactly(some(30, shape))],
        stacked = inputs.map((i) => st.stack(vs.map((one) => one[i]!)));
      const got = st.vmap(product(fused, here(x)))(here(stacked)) as Tensor[];
      await expectAll(
        got,
        inputs.map((i) => st.stack(vs.map((one) => product(plain, x)(one)[i]!))),
        "several directions",
      );
    });
    test("some inputs move", async () => {
      for (const moving of [[0], [1], [2], [0, 1], [0, 2], [1, 2]]) {
        const along = (norm: Norm, place: readonly Tensor[]) => (dx: readonly Tensor[]) =>
          st.jvp(
            (some: readonly Tensor[]) =>
              st.grad(lossOf(norm))(place.map((still, i) => (moving.includes(i) ? some[moving.indexOf(i)]! : still))) as Tensor[],
            [moving.map((i) => place[i]!)],
            [dx],
          )[1] as Tensor[];
        const dx = moving.map((i) => v[i]!);
        await expectAll(along(fused, here(x))(here(dx)), along(plain, x)(dx), `${moving} move`);
      }
    });
    test("a direction of its own for each place, and one for all places", async () => {
      const places = [x, exactly(some(40, shape))],
        xs = inputs.map((i) => st.stack(places.map((place) => place[i]!)));
      const at = (norm: Norm) => (place: readonly Tensor[], dx: readonly Tensor[]) => st.hvp(lossOf(norm))(place, dx) as Tensor[];
      const own = st.vmap(at(fused))(
        here(xs),
        inputs.map((i) => st.stack(here([v[i]!, v[i]!.mul(3)]))),
      ) as Tensor[];
      const shared = st.vmap(at(fused), { inAxes: [0, null] })(here(xs), here(v)) as Tensor[];
      const [first, second] = places.map((place) => at(plain)(place, v)) as [Tensor[], Tensor[]];
      await expectAll(
        own,
        inputs.map((i) => st.stack([first[i]!, second[i]!.mul(3)])),
        "own directions",
      );
      await expectAll(
        shared,
        inputs.map((i) => st.stack([first[i]!, second[i]!])),
        "one direction",
      );
    });
    test("third derivatives, forward and in reverse", async () => {
      const third = (norm: Norm, to: "f32" | "f64") => {
        const [at, dx, other] = [x, v, exactly(some(70, shape))].map((list) => cast(list, to)) as [Tensor[], Tensor[], Tensor[]];
        const bent = (p: readonly Tensor[]): Tensor =>
          (st.hvp(lossOf(norm))(p, dx) as Tensor[]).map((h, i) => h.mul(normal(60 + i, h.shape).cast(to)).sum()).reduce((a, b) => a.add(b));
        return [st.grad(bent)(at) as Tensor[], st.jvp(st.grad(bent), [at], [other])[1] as Tensor[]] as const;
      };
      const [got, wanted] = [third(fused, dtype), third(plain, "f64")];
      await expectAll(got[0], wanted[0], "third derivatives");
      await expectAll(got[1], wanted[1], "fourth derivatives");
    });
  });
});

// Root mean square over all three results.
test.each(norms.slice(0, 2))("%s: in f32 as near to the exact product as plain operations are", async (_, fused, plain, shape) => {
  const v = exactly(some(10, shape));
  for (const shift of [0, 30]) {
    const place = exactly(some(0, shape).map((t, i) => (i === 0 ? t.add(shift) : t))),
      exact = st.hvp(lossOf(plain))(place, v) as Tensor[];
    const errorOf = async (norm: Norm): Promise<number> => {
      const got = st.hvp(lossOf(norm))(cast(place, "f32"), cast(v, "f32")) as Tensor[];
      const squares = got.map((h, i) => h.cast("f64").sub(exact[i]!).square().sum());
      return Math.sqrt((await numbers(st.stack(squares))).reduce((a, b) => a + b));
    };
    expect(await errorOf(fused), `shift ${shift}`).toBeLessThan(2 * (await errorOf(plain)));
  }
});
