import { fail } from "../core/errors.ts";
import { checkAxes, checkAxis, checkShape, contiguousStrides, sameShape, type Shape, showShape, sizeOf } from "../core/shape.ts";
import { define, o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import type { Attrs, Primitive, StridedView } from "../graph/primitive.ts";
import { linear } from "../graph/rules.ts";
import { applyOne, checkOptions, range, shifted } from "./common.ts";

declare module "../graph/algebra.ts" {
  interface Ops {
    reshape(x: Operand, shape: Shape): Value;
    transpose(x: Operand, axes?: readonly number[]): Value;
    /** Elements starts, starts + steps, ... below stops; 0 <= starts <= stops <= size, steps > 0. */
    slice(x: Value, starts: readonly number[], stops: readonly number[], steps?: readonly number[]): Value;
    flip(x: Operand, options?: { axis?: number | readonly number[] | null }): Value;
    mT(x: Operand): Value;
    swapAxes(x: Operand, a: number, b: number): Value;
    expandDims(x: Operand, axis: number | readonly number[]): Value;
    squeeze(x: Operand, axis?: number | readonly number[]): Value;
    flatten(x: Operand): Value;
  }
}

type View = (input: StridedView, output: Shape, attrs: Attrs) => StridedView | null;
interface ViewSpec {
  simplify?: Primitive["simplify"];
  shape(x: Shape, attrs: Attrs): Shape;
  view: View;
  transpose(ct: Value, x: Shape, attrs: Attrs): Value;
  batched(x: Value, size: number, attrs: Attrs): Value;
}
function view(name: string, spec: ViewSpec): Primitive {
  const self: Primitive = {
    name,
    kind: "view",
    infer: ([x], attrs) => [{ shape: spec.shape(x!.shape, attrs), dtype: x!.dtype }],
    view: (input, output, attrs) => spec.view(input, output.shape, attrs),
    simplify: spec.simplify,
    ...linear(
      ([t], attrs) => applyOne(self, [t!], attrs),
      (ct, { inputs: [x], attrs }) => [spec.transpose(ct, x!.shape, attrs)],
    ),
    vmap: ([x], _mapped, size, attrs) => [spec.batched(x!, size, attrs)],
  };
  return self;
}

/** Strides of the new shape over the same elements: runs of axes that lie one in the other split and merge freely. */
function reshapedStrides({ shape, strides }: StridedView, output: Shape): number[] | null {
  const from = range(shape.length).filter((i) => shape[i] !== 1);
  const out = new Array<number>(output.length).fill(0);
  let i = 0,
    j = 0;
  while (i < from.length) {
    let last = i + 1,
      inner = shape[from[i]!]!,
      first = j,
      outer = 1;
    while (j < output.length && (outer < inner || output[j] === 1)) {
      outer *= output[j++]!;
      while (inner < outer && last < from.length) inner *= shape[from[last++]!]!;
    }
    if (outer !== inner) return null;
    for (let k = i; k + 1 < last; k++) if (strides[from[k]!] !== strides[from[k + 1]!]! * shape[from[k + 1]!]!) return null;
    let step = strides[from[last - 1]!]!;
    for (let k = j - 1; k >= first; k--) {
      out[k] = step;
      step *= output[k]!;
    }
    i = last;
  }
  return out;
}

/** Whether a value is yet to be made by this primitive: computed values have let go of their inputs. */
const isLazy = (x: Value, primitive: Primitive): boolean => x.node.primitive === primitive && x.storage === null;

const shapeIn = (attrs: Attrs): Shape => attrs.shape as Shape;
const reshape = view("reshape", {
  shape: (_, attrs) => shapeIn(attrs),
  view(input, output) {
    if (sizeOf(output) === 0) return { shape: output, strides: contiguousStrides(output), offset: input.offset };
    const strides = reshapedStrides(input, output);
    return strides && { shape: output, strides, offset: input.offset };
  },
  simplify: ([x], attrs) => (sameShape(x!.shape, shapeIn(attrs)) ? x! : isLazy(x!, reshape) ? o.reshape(x!.node.inputs[0]!, shapeIn(attrs)) : null),
  transpose: (ct, x) => o.reshape(ct, x),
  batched: (x, size, attrs) => o.reshape(x, [size, ...shapeIn(attrs)]),
});

const permIn = (attrs: Attrs): readonly number[] => attrs.axes as number[];
const transpose = view("transpose", {
  shape: (x, attrs) => permIn(attrs).map((a) => x[a]!),
  view: ({ strides, offset }, shape, attrs) => ({ shape, strides: permIn(attrs).map((a) => strides[a]!), offset }),
  simplify([x], attrs) {
    const axes = permIn(attrs);
    return isLazy(x!, transpose)
      ? o.transpose(
          x!.node.inputs[0]!,
          axes.map((a) => permIn(x!.node.attrs)[a]!),
        )
      : null;
  },
  transpose(ct, _, attrs) {
    const axes = permIn(attrs);
    return o.transpose(
      ct,
      axes.map((_axis, i) => axes.indexOf(i)),
    );
  },
  batched: (x, _, attrs) => o.transpose(x, [0, ...shifted(permIn(attrs))]),
});

const broadcastTo = view("broadcastTo", {
  shape: (_, attrs) => shapeIn(attrs),
  view({ shape, strides, offset }, output) {
    const lead = output.length - shape.length;
    return { shape: output, strides: output.map((n, i) => (i < lead || shape[i - lead] !== n ? 0 : strides[i - lead]!)), offset };
  },
  transpose(ct, x, attrs) {
    const to = shapeIn(attrs),
      lead = to.length - x.length;
    return o.reshape(o.sum(ct, { axis: range(to.length).filter((i) => i < lead || x[i - lead] !== to[i]) }), x);
  },
  batched(x, size, attrs) {
    const to = shapeIn(attrs),
      [, ...rest] = x.shape;
    return o.broadcastTo(o.reshape(x, [size, ...new Array<number>(to.length - rest.length).fill(1), ...rest]), [size, ...to]);
  },
});

interface SliceAttrs {
  starts: readonly number[];
  stops: readonly number[];
  steps: readonly number[];
}
const sliceIn = (attrs: Attrs): SliceAttrs => attrs as unknown as SliceAttrs;
const slice = view("slice", {
  shape(_, attrs) {
    const { starts, stops, steps } = sliceIn(attrs);
    return starts.map((start, i) => Math.ceil((stops[i]! - start) / steps[i]!));
  },
  view({ strides, offset }, shape, attrs) {
    const { starts, steps } = sliceIn(attrs);
    return { shape, strides: strides.map((s, i) => s * steps[i]!), offset: starts.reduce((at, start, i) => at + start * strides[i]!, offset) };
  },
  transpose(ct, x, attrs) {
    const { starts, steps } = sliceIn(attrs);
    const spanned = ct.shape.map((n, i) => Math.max(0, (n - 1) * steps[i]! + 1));
    return o.pad(
      ct,
      x.map((n, i) => [starts[i]!, n - starts[i]! - spanned[i]!, steps[i]! - 1]),
    );
  },
  batched(x, size, attrs) {
    const { starts, stops, steps } = sliceIn(attrs);
    return o.slice(x, [0, ...starts], [size, ...stops], [1, ...steps]);
  },
});

const axesIn = (attrs: Attrs): readonly number[] => attrs.axes as number[];
const flip = view("flip", {
  shape: (x) => x,
  view({ strides, offset }, shape, attrs) {
    const axes = axesIn(attrs);
    return {
      shape,
      strides: strides.map((s, i) => (axes.includes(i) ? -s : s)),
      offset: axes.reduce((at, a) => at + Math.max(0, shape[a]! - 1) * strides[a]!, offset),
    };
  },
  transpose: (ct, _, attrs) => o.flip(ct, { axis: axesIn(attrs) }),
  batched: (x, _, attrs) => o.flip(x, { axis: shifted(axesIn(attrs)) }),
});

/** The axes that an index or a list of indices names in a result of `rank` axes. */
function listAxes(op: string, axis: number | readonly number[], rank: number): number[] {
  const list = (Array.isArray(axis) ? (axis as readonly number[]) : [axis as number]).map((a) => checkAxis(op, a, rank));
  if (new Set(list).size !== list.length) fail("ERR_ARGUMENT", op, `axes must differ, got ${showShape(list)}`);
  return list;
}

define({
  reshape(operand, shape) {
    const x = o.asValue(operand, undefined, "reshape");
    if (!Array.isArray(shape)) fail("ERR_ARGUMENT", "reshape", `shape must be an array of sizes, got ${String(shape)}`);
    const open = shape.indexOf(-1);
    if (open !== shape.lastIndexOf(-1)) fail("ERR_ARGUMENT", "reshape", `one size may be -1, got ${showShape(shape)}`);
    const known = sizeOf(shape.filter((_, i) => i !== open)),
      size = sizeOf(x.shape);
    if (open >= 0 && (known === 0 || size % known !== 0))
      fail("ERR_SHAPE", "reshape", `${showShape(x.shape)} has ${size} elements, which ${showShape(shape)} cannot hold`);
    const to = checkShape("reshape", open < 0 ? shape : (shape as number[]).with(open, size / known));
    if (sizeOf(to) !== size) fail("ERR_SHAPE", "reshape", `${showShape(x.shape)} has ${size} elements, ${showShape(to)} has ${sizeOf(to)}`);
    return sameShape(to, x.shape) ? x : applyOne(reshape, [x], { shape: to });
  },
  transpose(operand, axes) {
    const x = o.asValue(operand, undefined, "transpose"),
      rank = x.shape.length;
    if (axes !== undefined && (!Array.isArray(axes) || axes.length !== rank)) {
      fail("ERR_ARGUMENT", "transpose", `axes must name each of the ${rank} axes once, got ${Array.isArray(axes) ? showShape(axes) : String(axes)}`);
    }
    const order = axes ? listAxes("transpose", axes, rank) : range(rank).reverse();
    return order.every((a, i) => a === i) ? x : applyOne(transpose, [x], { axes: order });
  },
  broadcastTo(operand, shape) {
    const x = o.asValue(operand, undefined, "broadcastTo"),
      to = checkShape("broadcastTo", shape),
      lead = to.length - x.shape.length;
    if (lead < 0 || x.shape.some((n, i) => n !== 1 && n !== to[lead + i]))
      fail("ERR_SHAPE", "broadcastTo", `${showShape(x.shape)} does not broadcast to ${showShape(to)}`);
    return sameShape(to, x.shape) ? x : applyOne(broadcastTo, [x], { shape: to });
  },
  slice(x, starts, stops, steps = starts.map(() => 1)) {
    const whole = starts.every((s, i) => s === 0 && stops[i] === x.shape[i] && steps[i] === 1);
    return whole ? x : applyOne(slice, [x], { starts: [...starts], stops: starts.map((s, i) => Math.max(s, stops[i]!)), steps: [...steps] });
  },
  flip(operand, options) {
    checkOptions("flip", options, ["axis"]);
    const x = o.asValue(operand, undefined, "flip"),
      axes = checkAxes("flip", options?.axis, x.shape.length);
    return axes.length === 0 ? x : applyOne(flip, [x], { axes });
  },
  mT(operand) {
    const x = o.asValue(operand, undefined, "mT"),
      rank = x.shape.length;
    if (rank < 2) fail("ERR_SHAPE", "mT", `a tensor of two or more axes was expected, got ${showShape(x.shape)}`);
    return o.swapAxes(x, rank - 2, rank - 1);
  },
  swapAxes(operand, a, b) {
    const x = o.asValue(operand, undefined, "swapAxes"),
      rank = x.shape.length;
    const [i, j] = [checkAxis("swapAxes", a, rank), checkAxis("swapAxes", b, rank)];
    return o.transpose(x, range(rank).with(i, j).with(j, i));
  },
  expandDims(operand, axis) {
    const x = o.asValue(operand, undefined, "expandDims"),
      count = Array.isArray(axis) ? axis.length : 1;
    const axes = listAxes("expandDims", axis, x.shape.length + count),
      rest = [...x.shape];
    return o.reshape(
      x,
      range(x.shape.length + count).map((i) => (axes.includes(i) ? 1 : rest.shift()!)),
    );
  },
  squeeze(operand, axis) {
    const x = o.asValue(operand, undefined, "squeeze");
    const axes = axis === undefined ? range(x.shape.length).filter((i) => x.shape[i] === 1) : listAxes("squeeze", axis, x.shape.length);
    const wrong = axes.find((a) => x.shape[a] !== 1);
    if (wrong !== undefined)
      fail("ERR_SHAPE", "squeeze", `axis ${wrong} of ${showShape(x.shape)} has ${x.shape[wrong]} elements; only axes of 1 can go`);
    return o.reshape(
      x,
      x.shape.filter((_, i) => !axes.includes(i)),
    );
  },
  flatten(operand) {
    const x = o.asValue(operand, undefined, "flatten");
    return o.reshape(x, [sizeOf(x.shape)]);
  },
});
