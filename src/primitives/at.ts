import { fail } from "../core/errors.ts";
import { showShape } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";

type Bound = number | null;
/** A number picks (and drops the axis); [start, stop, step?] is a slice; null takes all; "..." stands for as many nulls as are missing. */
export type IndexEntry = number | null | "..." | readonly [start: Bound, stop: Bound] | readonly [start: Bound, stop: Bound, step: number];

declare module "../graph/algebra.ts" {
  interface Ops {
    at(x: Operand, ...entries: IndexEntry[]): Value;
  }
}

interface Cut {
  start: number;
  stop: number;
  step: number;
  flip: boolean;
  drop: boolean;
}
const wholeOrOpen = (v: unknown): boolean => v === null || v === undefined || Number.isInteger(v);

function cutOf(entry: unknown, n: number, axis: number, whole: string): Cut {
  if (entry === null) return { start: 0, stop: n, step: 1, flip: false, drop: false };
  if (typeof entry === "number") {
    if (!Number.isInteger(entry) || entry < -n || entry >= n) fail("ERR_ARGUMENT", "at", `index ${entry} is outside of axis ${axis} of ${whole}`);
    const start = entry < 0 ? entry + n : entry;
    return { start, stop: start + 1, step: 1, flip: false, drop: true };
  }
  if (!Array.isArray(entry) || entry.length < 2 || entry.length > 3 || !entry.every(wholeOrOpen)) {
    fail(
      "ERR_ARGUMENT",
      "at",
      `an entry must be a number, [start, stop, step?], null or "...", got ${JSON.stringify(entry) ?? String(entry)} (for tensors of indices use take)`,
    );
  }
  const step = (entry[2] as number | null | undefined) ?? 1;
  if (step === 0) fail("ERR_ARGUMENT", "at", `the step of a slice must not be 0, got ${JSON.stringify(entry)}`);
  const lowest = step > 0 ? 0 : -1,
    highest = step > 0 ? n : n - 1;
  const resolve = (v: Bound | undefined, open: number): number =>
    v === null || v === undefined ? open : Math.min(Math.max(v < 0 ? v + n : v, lowest), highest);
  const start = resolve(entry[0], step > 0 ? 0 : n - 1),
    stop = resolve(entry[1], step > 0 ? n : -1);
  if (step > 0) return { start, stop: Math.max(start, stop), step, flip: false, drop: false };
  // start, start + step, ... above stop, read from its last element on.
  const count = Math.max(0, Math.ceil((start - stop) / -step)),
    last = count === 0 ? 0 : start + (count - 1) * step;
  return { start: last, stop: count === 0 ? 0 : start + 1, step: -step, flip: true, drop: false };
}

define({
  at(operand, ...entries) {
    const x = o.asValue(operand, undefined, "at"),
      rank = x.shape.length,
      whole = showShape(x.shape);
    const dots = entries.indexOf("..."),
      given = entries.filter((e) => e !== "...").length;
    if (entries.length - given > 1) fail("ERR_ARGUMENT", "at", `"..." may stand once, got ${JSON.stringify(entries)}`);
    if (given > rank) fail("ERR_ARGUMENT", "at", `at most ${rank} entries fit a tensor ${whole}, got ${given}`);
    const missing = new Array<null>(rank - given).fill(null),
      at = dots < 0 ? entries.length : dots;
    const cuts = [...entries.slice(0, at), ...missing, ...entries.slice(at + 1)].map((entry, axis) => cutOf(entry, x.shape[axis]!, axis, whole));
    const cut = o.slice(
      x,
      cuts.map((c) => c.start),
      cuts.map((c) => c.stop),
      cuts.map((c) => c.step),
    );
    const turned = cuts.some((c) => c.flip) ? o.flip(cut, { axis: cuts.flatMap((c, axis) => (c.flip ? [axis] : [])) }) : cut;
    return o.reshape(
      turned,
      turned.shape.filter((_, axis) => !cuts[axis]!.drop),
    );
  },
});
