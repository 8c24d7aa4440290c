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

describe.each(cases.map((c) => [nameOf(c), c] as const))("%s", (_, c) => {
  const within = (check: () => Promise<void>) => () => tidy(check);
  test.skipIf(c.discrete)(
    "first order",
    within(() => firstOrder(prepare(c))),
  );
  test.skipIf(c.discrete)(
    "jvp against vjp",
    within(() => transposes(prepare(c))),
  );
  test.skipIf(c.discrete)(
    "second order",
    within(() => secondOrder(prepare(c))),
  );
  test(
    "vmap against a loop",
    within(() => mapsLikeALoop(c, c.f)),
  );
  test(
    "vmap in vmap",
    within(() => mapsTwice(c)),
  );
  test.skipIf(c.discrete)(
    "vmap of the gradient",
    within(() =>
      mapsLikeALoop(c, (...x) =>
        grad((first: (typeof x)[0]) =>
          c
            .f(first, ...x.slice(1))
            .square()
            .sum(),
        )(x[0]!),
      ),
    ),
  );
});

test("every operation of the algebra has a case", () => {
  const covered = new Set(cases.flatMap((c) => c.ops.split(" ")));
  expect(Object.keys(o).filter((name) => !covered.has(name) && !leaves.includes(name))).toEqual([]);
});
