import { describe, expect, test } from "vitest";
import { o } from "../../src/graph/algebra.ts";
import { grad, tidy } from "../../src/index.ts";
import { type Case, cases, leaves } from "./cases.ts";
import { firstOrder, mapsLikeALoop, mapsTwice, prepare, secondOrder, transposes } from "./checks.ts";

const nameOf = (c: Case): string =>
  `${c.ops} of [${c.shapes.join("] [")}]: ${c.f
    .toString()
    .replaceAll(/__vite_ssr_import_\d__/g, "st")
    .replace(/\s+/g, " ")
    .slice(0, 90)}`;

const gradientByTheFirst =
  (c: Case): Case["f"] =>
  (x, ...rest) =>
    grad((first: typeof x) =>
      c
        .f(first!, ...rest)
        .square()
        .sum(),
    )(x!);

describe.each(cases.map((c) => [nameOf(c), c] as const))("%s", (_, c) => {
  const check = (name: string, run: () => Promise<void>) => test(name, () => tidy(run));
  check("vmap against a loop", () => mapsLikeALoop(c, c.f));
  check("vmap in vmap", () => mapsTwice(c));
  if (c.discrete) return; // no derivative
  check("first order", () => firstOrder(prepare(c)));
  check("jvp against vjp", () => transposes(prepare(c)));
  check("second order", () => secondOrder(prepare(c)));
  check("vmap of the gradient", () => mapsLikeALoop(c, gradientByTheFirst(c)));
});

test("every operation of the algebra has a case", () => {
  const covered = new Set(cases.flatMap((c) => c.ops.split(" ")));
  expect(Object.keys(o).filter((name) => !covered.has(name) && !leaves.includes(name))).toEqual([]);
});
