import { concat as concatKernel } from "../../kernels/concat/kernel.ts";
import { pad as padKernel, padParams } from "../../kernels/pad/kernel.ts";
import { promote } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { checkAxis, contiguousStrides, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, type Operand, o } from "../graph/algebra.ts";
import { type Aval, apply, type Value } from "../graph/node.ts";
import type { Attrs, Primitive } from "../graph/primitive.ts";
import { allMapped, linear, zerosLike } from "../graph/rules.ts";
import { applyOne, checkOptions, checkWhole, range } from "./common.ts";

/** Zeros before, after and (optionally) between the elements of an axis; negative ones cut off. */
export type PadWidth = readonly [low: number, high: number] | readonly [low: number, high: number, interior: number];

declare module "../graph/algebra.ts" {
  interface Ops {
    /** `widths`: one [low, high] or [low, high, interior] an axis. */
    pad(x: Operand, widths: readonly (readonly number[])[]): Value;
    concat(list: readonly Operand[], options?: { axis?: number }): Value;
    stack(list: readonly Operand[], options?: { axis?: number }): Value;
    split(x: Operand, parts: number | readonly number[], options?: { axis?: number }): Value[];
    tile(x: Operand, times: number | readonly number[]): Value;
    repeat(x: Operand, times: number, options?: { axis?: number | null }): Value;
    roll(x: Operand, shift: number | readonly number[], options?: { axis?: number | readonly number[] | null }): Value;
    tril(x: Operand, diagonal?: number): Value;
    triu(x: Operand, diagonal?: number): Value;
  }
}

interface PadAttrs {
  low: readonly number[];
  high: readonly number[];
  interior: readonly number[];
}
const widthsOf = (attrs: Attrs): PadAttrs => attrs as unknown as PadAttrs;
const pad: Primitive = {
  name: "pad",
  kind: "opaque",
  infer([x], attrs) {
    const { low, high, interior } = widthsOf(attrs);
    return [{ shape: x!.shape.map((n, i) => low[i]! + n + Math.max(n - 1, 0) * interior[i]! + high[i]!), dtype: x!.dtype }];
  },
  ...linear(
    ([t], attrs) => applyOne(pad, [t!], attrs),
    (ct, { inputs: [x], attrs }) => {
      const { low, high, interior } = widthsOf(attrs),
        whole = o.pad(
          ct,
          low.map((l, i) => [-l, -high[i]!]),
        );
      return [
        x!.shape.includes(0)
          ? o.zerosLike(x!)
          : o.slice(
              whole,
              low.map(() => 0),
              whole.shape,
              interior.map((i) => i + 1),
            ),
      ];
    },
  ),
  vmap([x], _mapped, _size, attrs) {
    const { low, high, interior } = widthsOf(attrs);
    return [applyOne(pad, [x!], { low: [0, ...low], high: [0, ...high], interior: [0, ...interior] })];
  },
  lower([x], _outputs, attrs) {
    const { shape, low, high, interior } = mergeUnpadded(x!.shape, widthsOf(attrs));
    return { kernel: padKernel, dtype: x!.dtype, params: padKernel.pack(padParams(shape, low, high, interior)) };
  },
};

/** Neighbouring axes without widths as one. */
function mergeUnpadded(shape: Shape, { low, high, interior }: PadAttrs): PadAttrs & { shape: number[] } {
  const merged = { shape: [] as number[], low: [] as number[], high: [] as number[], interior: [] as number[] };
  let free = false;
  shape.forEach((n, i) => {
    const touched = low[i] !== 0 || high[i] !== 0 || interior[i] !== 0;
    if (free && !touched) merged.shape.push(merged.shape.pop()! * n);
    else {
      merged.shape.push(n);
      merged.low.push(low[i]!);
      merged.high.push(high[i]!);
      merged.interior.push(interior[i]!);
    }
    free = !touched;
  });
  if (merged.shape.length > 8) fail("ERR_SHAPE", "pad", `at most 8 axes can be padded, got ${merged.shape.length}`);
  return merged;
}

const concat: Primitive = {
  name: "concat",
  kind: "opaque",
  infer(inputs, attrs) {
    const axis = attrs.axis as number,
      [first] = inputs as [Aval];
    return [{ shape: first.shape.map((n, i) => (i === axis ? inputs.reduce((sum, x) => sum + x.shape[axis]!, 0) : n)), dtype: first.dtype }];
  },
  ...linear(
    (parts, attrs) => applyOne(concat, parts, attrs),
    (ct, { inputs, attrs }) =>
      cutAlong(
        ct,
        inputs.map((x) => x.shape[attrs.axis as number]!),
        attrs.axis as number,
      ),
  ),
  vmap: (inputs, mapped, size, attrs) => [applyOne(concat, allMapped(inputs, mapped, size), { axis: (attrs.axis as number) + 1 })],
  pieces(inputs, output, attrs) {
    const axis = attrs.axis as number,
      strides = contiguousStrides(output.shape);
    let at = 0;
    return inputs.map(({ shape }) => {
      const offset = at;
      at += shape[axis]! * strides[axis]!;
      return { shape, strides, offset };
    });
  },
  lower(inputs, [y], attrs) {
    const axis = attrs.axis as number;
    return {
      kernel: concatKernel,
      dtype: y!.dtype,
      params: concatKernel.pack({
        outer: sizeOf(y!.shape.slice(0, axis)),
        inner: sizeOf(y!.shape.slice(axis + 1)),
        lengths: inputs.map((x) => x.shape[axis]!),
      }),
    };
  },
};

/** Consecutive pieces of these lengths along an axis. */
function cutAlong(x: Value, lengths: readonly number[], axis: number): Value[] {
  let at = 0;
  return lengths.map((n) => {
    const starts = x.shape.map((_, i) => (i === axis ? at : 0));
    at += n;
    return o.slice(
      x,
      starts,
      x.shape.map((size, i) => (i === axis ? at : size)),
    );
  });
}

/** The same pieces from one node, so that their cotangents meet in one concat and not in a sum of padded ones. */
const split: Primitive = {
  name: "split",
  kind: "opaque",
  infer: ([x], attrs) => {
    const { axis, lengths } = splitOf(attrs);
    return lengths.map((length) => ({ shape: x!.shape.map((n, i) => (i === axis ? length : n)), dtype: x!.dtype }));
  },
  fallback: ([x], attrs) => cutAlong(x!, splitOf(attrs).lengths, splitOf(attrs).axis),
  vjp: (cotangents, { outputs, attrs }) => {
    if (cotangents.every((ct) => ct === null)) return [null];
    return [
      applyOne(
        concat,
        cotangents.map((ct, i) => ct ?? zerosLike(outputs[i]!)),
        { axis: splitOf(attrs).axis },
      ),
    ];
  },
  jvp: ([tangent], { outputs, attrs }) => (tangent ? [...apply(split, [tangent], attrs)] : outputs.map(() => null)),
  vmap: ([x], _mapped, _size, attrs) => apply(split, [x!], { ...attrs, axis: splitOf(attrs).axis + 1 }),
};
const splitOf = (attrs: Attrs) => attrs as unknown as { axis: number; lengths: readonly number[] };

function checkList(op: string, list: unknown): Value[] {
  if (!Array.isArray(list) || list.length === 0)
    fail("ERR_ARGUMENT", op, `an array of one or more tensors was expected, got ${Array.isArray(list) ? "an empty one" : typeof list}`);
  const values = (list as Operand[]).map((x) => o.asValue(x, undefined, op)),
    dtype = values.map((x) => x.dtype).reduce(promote);
  return values.map((x) => o.cast(x, dtype));
}

function join(op: string, values: readonly Value[], axis: number): Value {
  const [first] = values as [Value],
    agrees = (shape: Shape): boolean => shape.length === first.shape.length && shape.every((n, i) => i === axis || n === first.shape[i]);
  const other = values.find((x) => !agrees(x.shape));
  if (other) fail("ERR_SHAPE", op, `shapes must agree but for axis ${axis}, got ${showShape(first.shape)} and ${showShape(other.shape)}`);
  return values.length === 1 ? first : applyOne(concat, values, { axis });
}

/** Row i, column j of the last two axes stays where keep(j - i). */
function triangle(op: "tril" | "triu", operand: Operand, diagonal: number): Value {
  const x = o.asValue(operand, undefined, op),
    [rows, columns] = x.shape.slice(-2) as [number, number];
  if (x.shape.length < 2) fail("ERR_SHAPE", op, `a tensor of two or more axes was expected, got ${showShape(x.shape)}`);
  if (!Number.isInteger(diagonal)) fail("ERR_ARGUMENT", op, `diagonal must be a whole number, got ${String(diagonal)}`);
  const offset = o.sub(o.iota("i32", columns), o.expandDims(o.iota("i32", rows), 1));
  return o.where(op === "tril" ? o.lessEqual(offset, diagonal) : o.greaterEqual(offset, diagonal), x, 0);
}

define({
  pad(operand, widths) {
    const x = o.asValue(operand, undefined, "pad"),
      rank = x.shape.length;
    if (!Array.isArray(widths) || widths.length !== rank || widths.some((w) => !Array.isArray(w) || w.length < 2 || w.length > 3)) {
      fail("ERR_ARGUMENT", "pad", `widths must be [low, high] for each of the ${rank} axes, got ${JSON.stringify(widths)}`);
    }
    for (const [low, high, interior = 0] of widths as PadWidth[]) {
      if (!Number.isInteger(low) || !Number.isInteger(high))
        fail("ERR_ARGUMENT", "pad", `widths must be whole numbers, got ${JSON.stringify(widths)}`);
      checkWhole("pad", "the interior width", interior, 0);
    }
    const [low, high, interior] = range(3).map((k) => widths.map((w) => w[k] ?? 0)) as [number[], number[], number[]];
    const short = x.shape.findIndex((n, i) => low[i]! + n + Math.max(n - 1, 0) * interior[i]! + high[i]! < 0);
    if (short >= 0)
      fail("ERR_ARGUMENT", "pad", `widths of axis ${short} cut more than its ${x.shape[short]} elements off, got ${JSON.stringify(widths[short])}`);
    return [...low, ...high, ...interior].every((n) => n === 0) ? x : applyOne(pad, [x], { low, high, interior });
  },
  concat(list, options) {
    checkOptions("concat", options, ["axis"]);
    const values = checkList("concat", list);
    return join("concat", values, checkAxis("concat", options?.axis ?? 0, values[0]!.shape.length));
  },
  stack(list, options) {
    checkOptions("stack", options, ["axis"]);
    const values = checkList("stack", list),
      [first] = values as [Value],
      axis = checkAxis("stack", options?.axis ?? 0, first.shape.length + 1);
    const other = values.find((x) => showShape(x.shape) !== showShape(first.shape));
    if (other) fail("ERR_SHAPE", "stack", `shapes must be equal, got ${showShape(first.shape)} and ${showShape(other.shape)}`);
    return join(
      "stack",
      values.map((x) => o.expandDims(x, axis)),
      axis,
    );
  },
  split(operand, parts, options) {
    checkOptions("split", options, ["axis"]);
    const x = o.asValue(operand, undefined, "split"),
      axis = checkAxis("split", options?.axis ?? 0, x.shape.length),
      n = x.shape[axis]!;
    if (Array.isArray(parts)) {
      parts.forEach((size) => checkWhole("split", "a size", size, 0));
      const total = parts.reduce((sum, size) => sum + size, 0);
      if (total !== n) fail("ERR_SHAPE", "split", `the sizes must sum to the ${n} elements of axis ${axis}, got ${showShape(parts)}`);
      return [...apply(split, [x], { axis, lengths: [...parts] })];
    }
    const count = checkWhole("split", "parts", parts, 1);
    if (n % count !== 0)
      fail("ERR_SHAPE", "split", `axis ${axis} of ${showShape(x.shape)} does not split into ${count} equal parts; give a list of sizes`);
    return [...apply(split, [x], { axis, lengths: new Array<number>(count).fill(n / count) })];
  },
  tile(operand, times) {
    const given = o.asValue(operand, undefined, "tile"),
      list = typeof times === "number" ? [times] : [...times];
    list.forEach((n) => checkWhole("tile", "times", n, 0));
    const rank = Math.max(list.length, given.shape.length),
      lead = <T>(items: readonly T[], one: T): T[] => [...new Array<T>(rank - items.length).fill(one), ...items];
    const shape = lead(given.shape, 1),
      counts = lead(list, 1);
    const spread = o.broadcastTo(
      o.reshape(
        given,
        shape.flatMap((n) => [1, n]),
      ),
      shape.flatMap((n, i) => [counts[i]!, n]),
    );
    return o.reshape(
      spread,
      shape.map((n, i) => n * counts[i]!),
    );
  },
  repeat(operand, times, options) {
    checkOptions("repeat", options, ["axis"]);
    const given = o.asValue(operand, undefined, "repeat"),
      all = options?.axis === undefined || options.axis === null;
    const x = all ? o.flatten(given) : given,
      axis = all ? 0 : checkAxis("repeat", options.axis, x.shape.length);
    checkWhole("repeat", "times", times, 0);
    const [before, n, after] = [x.shape.slice(0, axis), x.shape[axis]!, x.shape.slice(axis + 1)];
    return o.reshape(o.broadcastTo(o.expandDims(x, axis + 1), [...before, n, times, ...after]), [...before, n * times, ...after]);
  },
  roll(operand, shift, options) {
    checkOptions("roll", options, ["axis"]);
    const x = o.asValue(operand, undefined, "roll"),
      shifts = Array.isArray(shift) ? shift : [shift];
    if (!shifts.every(Number.isInteger)) fail("ERR_ARGUMENT", "roll", `shift must be whole, got ${JSON.stringify(shift)}`);
    if (options?.axis === undefined || options.axis === null)
      return o.reshape(
        rolled(
          o.flatten(x),
          shifts.reduce((a, b) => a + b, 0),
          0,
        ),
        x.shape,
      );
    const axes = (Array.isArray(options.axis) ? options.axis : [options.axis]).map((a: number) => checkAxis("roll", a, x.shape.length));
    if (shifts.length !== 1 && shifts.length !== axes.length)
      fail("ERR_ARGUMENT", "roll", `one shift, or one an axis, was expected, got ${shifts.length} for ${axes.length} axes`);
    return axes.reduce((y: Value, a: number, i: number) => rolled(y, shifts[i] ?? shifts[0]!, a), x);
  },
  tril: (x, diagonal = 0) => triangle("tril", x, diagonal),
  triu: (x, diagonal = 0) => triangle("triu", x, diagonal),
});

/** Elements move `shift` places to the end; what leaves there comes in at the begin. */
function rolled(x: Value, shift: number, axis: number): Value {
  const n = x.shape[axis]!,
    by = n === 0 ? 0 : ((shift % n) + n) % n;
  if (by === 0) return x;
  const [head, tail] = cutAlong(x, [n - by, by], axis) as [Value, Value];
  return applyOne(concat, [tail, head], { axis });
}
