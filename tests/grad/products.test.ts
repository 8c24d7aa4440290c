import { describe, expect, test } from "vitest";
import type { Value } from "../../src/graph/node.ts";
import { unwrap, wrap } from "../../src/tensor/tensor.ts";
import { expectClose, f64, flatNumbers, st } from "../models/helpers.ts";

// matmul, convolution, patches and pooling: first and second derivatives against differences, batching against a loop.

type Function = (...xs: st.Tensor[]) => st.Tensor;
const conv =
  (options?: object): Function =>
  (x, w) =>
    (st.conv2d as any)(x, w, options);
const image = [2, 5, 4, 2];

const cases: readonly (readonly [name: string, shapes: readonly (readonly number[])[], f: Function])[] = [
  [
    "matmul",
    [
      [3, 4],
      [4, 2],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    "matmul, a shared matrix",
    [
      [2, 3, 4],
      [4, 2],
    ],
    (a, b) => a.matmul(b),
  ],
  [
    "matmul, a shared matrix of a transposed tensor",
    [
      [2, 4, 3],
      [4, 2],
    ],
    (a, b) => a.mT().matmul(b),
  ],
  [
    "matmul, broadcast on both sides",
    [
      [2, 1, 3, 4],
      [3, 4, 2],
    ],
    (a, b) => a.matmul(b),
  ],
  ["vector @ matrix", [[4], [4, 2]], (a, b) => a.matmul(b)],
  ["matrix @ vector", [[2, 3, 4], [4]], (a, b) => a.matmul(b)],
  ["dot and outer", [[4], [4]], (a, b) => a.outer(b).mul(a.dot(b))],
  [
    "dot of many axes",
    [
      [2, 3],
      [2, 3, 2],
    ],
    (a, b) => a.dot(b),
  ],
  ["conv2d same", [image, [3, 3, 2, 3]], conv()],
  ["conv2d stride 2", [image, [3, 2, 2, 3]], conv({ stride: 2 })],
  ["conv2d stride wider than the kernel", [image, [1, 1, 2, 3]], conv({ stride: [2, 3], padding: "valid" })],
  [
    "conv2d uneven padding",
    [image, [3, 3, 2, 2]],
    conv({
      stride: [2, 1],
      padding: [
        [1, 0],
        [2, 1],
      ],
    }),
  ],
  [
    "conv2d groups",
    [
      [2, 4, 4, 4],
      [3, 2, 2, 6],
    ],
    conv({ groups: 2, padding: "valid" }),
  ],
  [
    "conv2d depthwise",
    [
      [1, 4, 4, 3],
      [3, 3, 1, 3],
    ],
    conv({ groups: 3 }),
  ],
  ["patchEmbed", [[2, 4, 6, 3], [2, 2, 3, 4], [4]], (x, w, b) => st.patchEmbed(x, w, b, { patch: 2 })],
  ["maxPool2d", [[2, 5, 5, 2]], (x) => st.maxPool2d(x, { window: 3, stride: 2, padding: "same" })],
  [
    "avgPool2d",
    [[2, 5, 5, 2]],
    (x) =>
      st.avgPool2d(x, {
        window: [2, 3],
        stride: 1,
        padding: [
          [1, 1],
          [1, 1],
        ],
      }),
  ],
];

/** A scalar whose second derivatives are all there. */
const scalar =
  (f: Function) =>
  (xs: st.Tensor[]): st.Tensor =>
    f(...xs)
      .sin()
      .sum();
const moved = (xs: readonly st.Tensor[], vs: readonly st.Tensor[], h: number): st.Tensor[] => xs.map((x, i) => x.add(vs[i]!.mul(h)));
const step = 1e-5,
  tolerance = 1e-7;

describe.each(cases)("%s", (_name, shapes, f) => {
  const xs = shapes.map((shape, i) => f64(i + 1, ...shape)),
    vs = shapes.map((shape, i) => f64(i + 11, ...shape));
  const loss = scalar(f),
    gradient = st.grad(loss);

  test("first derivative", async () => {
    const g = await flatNumbers(gradient(xs)),
      v = await flatNumbers(vs);
    const [high, low] = await flatNumbers([loss(moved(xs, vs, step)), loss(moved(xs, vs, -step))]);
    expectClose([g.reduce((sum, x, i) => sum + x * v[i]!, 0)], [(high! - low!) / (2 * step)], tolerance);
    const [, tangent] = st.jvp(loss, [xs], [vs]);
    expectClose(await flatNumbers(tangent), [g.reduce((sum, x, i) => sum + x * v[i]!, 0)], 1e-12, "jvp against grad");
  });

  test("second derivative", async () => {
    const product = await flatNumbers(st.hvp(loss)(xs, vs));
    const high = await flatNumbers(gradient(moved(xs, vs, step))),
      low = await flatNumbers(gradient(moved(xs, vs, -step)));
    expectClose(
      product,
      high.map((x, i) => (x - low[i]!) / (2 * step)),
      tolerance,
    );
    const reverse = st.grad((ys: st.Tensor[]) => (gradient(ys) as st.Tensor[]).map((g, i) => g.mul(vs[i]!).sum()).reduce((a, b) => a.add(b)));
    expectClose(await flatNumbers(reverse(xs)), product, 1e-11, "reverse over reverse");
  });

  test("the plain form", async () => {
    const seen = new Set<Value["node"]>(),
      pairs: [string, st.Tensor, st.Tensor][] = [];
    const visit = ({ node }: Value): void => {
      if (seen.has(node)) return;
      seen.add(node);
      const { name, fallback } = node.primitive;
      if (/^(matmul|conv|patch|maxPool|avgPool)/.test(name)) {
        expect(fallback, `a plain form of ${name}`).toBeDefined();
        fallback!(node.inputs, node.attrs).forEach((plain, i) => pairs.push([name, wrap(node.outputs[i]!), wrap(plain)]));
      }
      node.inputs.forEach(visit);
    };
    for (const g of gradient(xs) as st.Tensor[]) visit(unwrap(g, "test"));
    for (const [name, kernel, plain] of pairs) expectClose(await flatNumbers(plain), await flatNumbers(kernel), 1e-12, name);
  });

  test("vmap", async () => {
    for (let mask = 1; mask < 2 ** shapes.length; mask++) {
      const mapped = shapes.map((_, i) => ((mask >> i) & 1) === 1);
      const many = shapes.map((shape, i) => (mapped[i] ? f64(i + 21, 3, ...shape) : xs[i]!));
      const inAxes = [mapped.map((on) => (on ? 0 : null))];
      const entry = (k: number): st.Tensor[] => many.map((x, i) => (mapped[i] ? x.at(k) : x));
      const loop = (g: (ys: st.Tensor[]) => unknown): Promise<number[][]> => Promise.all([0, 1, 2].map((k) => flatNumbers(g(entry(k)))));
      const value = (ys: st.Tensor[]): st.Tensor => f(...ys);
      const batched = (st.vmap as any)(value, { inAxes })(many) as st.Tensor;
      expectClose(await flatNumbers(batched), (await loop(value)).flat(), 1e-12, `values, mask ${mask}`);
      const gradients = (st.vmap as any)(gradient, { inAxes })(many) as st.Tensor[];
      const wanted = await Promise.all(
        [0, 1, 2].flatMap((k) => [gradient(entry(k)) as st.Tensor[]]).map((gs) => Promise.all(gs.map((g) => flatNumbers(g)))),
      );
      for (const [i, g] of gradients.entries())
        expectClose(
          await flatNumbers(g),
          wanted.flatMap((gs) => gs[i]!),
          1e-11,
          `gradient ${i}, mask ${mask}`,
        );
      const products = (st.vmap as any)((ys: st.Tensor[], us: st.Tensor[]) => st.hvp(loss)(ys, us), { inAxes: [inAxes[0], null] })(many, vs);
      const single = await Promise.all([0, 1, 2].map((k) => Promise.all((st.hvp(loss)(entry(k), vs) as st.Tensor[]).map((g) => flatNumbers(g)))));
      for (const [i, g] of (products as st.Tensor[]).entries())
        expectClose(
          await flatNumbers(g),
          single.flatMap((gs) => gs[i]!),
          1e-11,
          `product ${i}, mask ${mask}`,
        );
    }
  });

  test("tangents mapped alone", async () => {
    const many = shapes.map((shape, i) => f64(i + 31, 3, ...shape));
    const products = (st.vmap as any)((us: st.Tensor[]) => st.hvp(loss)(xs, us))(many) as st.Tensor[];
    const single = await Promise.all(
      [0, 1, 2].map((k) =>
        Promise.all(
          (
            st.hvp(loss)(
              xs,
              many.map((x) => x.at(k)),
            ) as st.Tensor[]
          ).map((g) => flatNumbers(g)),
        ),
      ),
    );
    for (const [i, g] of products.entries())
      expectClose(
        await flatNumbers(g),
        single.flatMap((gs) => gs[i]!),
        1e-11,
        `product ${i}`,
      );
  });
});
