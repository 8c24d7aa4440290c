import {
  attentionBackwardTangent as backwardTangentKernel,
  attentionTangent as tangentKernel,
  tangentBits,
  type TangentView,
} from "../../kernels/attention/kernel.ts";
import { o } from "../graph/algebra.ts";
import { apply, type Aval, type Value } from "../graph/node.ts";
import type { Application, Attrs, Maybe, Primitive, StridedView } from "../graph/primitive.ts";
import { compositeRules } from "../graph/rules.ts";
import { forwardStrides, isContiguous, mergeMapped, outputViews, paramsOf, splitMapped, swappedView, unitLast } from "./attentionLayout.ts";
import { backwardTangentPlainly, tangentPlainly } from "./attentionPlain.ts";

// Tangents of attention and of its gradient for K directions at once. Inputs are the primal ones, then a tangent [K, ..] of each, then the
// mask, if any, which does not move. `given` has a bit for each tangent that is there; its primal input stands in for one that is zero.

type Operand = keyof typeof tangentBits;

/** What the two primitives differ in. */
interface Family {
  /** Primal inputs before the mask, and which of them have a tangent. */
  readonly primal: readonly string[];
  readonly moving: readonly Operand[];
  readonly plainly: (tangents: readonly Maybe[], primal: readonly Value[], attrs: Attrs) => Maybe[];
  /** Tangents [K, ..] of the outputs. */
  readonly outputs: (primal: readonly Aval[], k: number) => readonly Aval[];
  readonly lower: NonNullable<Primitive["lower"]>;
  readonly spreads?: Primitive["spreads"];
}

const isGiven = (attrs: Attrs, operand: Operand): boolean => ((attrs["given"] as number) & tangentBits[operand]) !== 0;
const rowMajor = (operand: string | undefined): boolean => operand === "o" || operand === "lse";

function tangentPrimitive(
  name: string,
  family: Family,
): { primitive: Primitive; push(tangents: readonly Maybe[], primal: readonly Value[], attrs: Attrs): Value[] } {
  const { primal, moving, plainly, outputs } = family,
    count = primal.length;
  /** The primal inputs with the mask at their end, and the tangents, null where there is none. */
  const parts = <T>(list: readonly T[], attrs: Attrs): { fixed: T[]; tangents: (T | null)[] } => ({
    fixed: [...list.slice(0, count), ...list.slice(count + moving.length)],
    tangents: moving.map((operand, i) => (isGiven(attrs, operand) ? list[count + i]! : null)),
  });
  const directions = (list: readonly Aval[], attrs: Attrs): number => parts(list, attrs).tangents.find((t) => t !== null)!.shape[0]!;
  const bind = (tangents: readonly Maybe[], fixed: readonly Value[], attrs: Attrs): readonly Value[] =>
    apply(primitive, [...fixed.slice(0, count), ...tangents.map((t, i) => t ?? fixed[primal.indexOf(moving[i]!)]!), ...fixed.slice(count)], attrs);

  const primitive: Primitive = {
    name,
    kind: "opaque",
    infer: (inputs, attrs) => outputs(inputs, directions(inputs, attrs)),
    ...compositeRules((inputs, attrs) => {
      const { fixed, tangents } = parts(inputs, attrs),
        made = plainly(tangents, fixed, attrs);
      return outputs(inputs, directions(inputs, attrs)).map(({ shape, dtype }, i) => made[i] ?? o.constant(0, dtype, shape));
    }),
    vmap(inputs, mapped, size, attrs) {
      const { fixed, tangents } = parts(inputs, attrs),
        fixedMapped = parts(mapped, attrs).fixed,
        at = (i: number): boolean => mapped[count + i]!;
      if (!fixedMapped.some(Boolean)) {
        // Directions alone: there are more of them.
        const more = tangents.map((t, i) => t && mergeAxes(at(i) ? t : o.broadcastTo(t, [size, ...t.shape]), 0));
        return splitMapped(bind(more, fixed, attrs), size);
      }
      const wide = tangents.map((t, i) => {
        if (t === null) return null;
        const [k, ...rest] = at(i) ? t.shape.slice(1) : t.shape;
        return mergeAxes(at(i) ? o.swapAxes(t, 0, 1) : o.broadcastTo(o.expandDims(t, 1), [k!, size, ...rest]), 1);
      });
      return bind(wide, mergeMapped(fixed, fixedMapped, size, count), attrs).map((y) =>
        o.swapAxes(o.reshape(y, [y.shape[0]!, size, y.shape[1]! / size, ...y.shape.slice(2)]), 0, 1),
      );
    },
    accepts(index, view) {
      if (index >= count + moving.length) return forwardStrides(view);
      return rowMajor(primal[index] ?? moving[index - count]) ? isContiguous(view) : unitLast(view);
    },
    lower: family.lower,
    spreads: family.spreads,
  };
  return {
    primitive,
    /** Of one direction, without an axis for it. */
    push(tangents, fixed, attrs) {
      const given = moving.reduce((bits, operand, i) => bits | (tangents[i] ? tangentBits[operand] : 0), 0);
      const single = moving.map((_, i) => tangents[i] && o.expandDims(tangents[i], 0));
      return bind(single, fixed, { ...attrs, given }).map((y) => o.reshape(y, y.shape.slice(1)));
    },
  };
}

/** Axes `axis` and the next as one. */
const mergeAxes = (x: Value, axis: number): Value =>
  o.reshape(x, [...x.shape.slice(0, axis), x.shape[axis]! * x.shape[axis + 1]!, ...x.shape.slice(axis + 2)]);

/** A tangent of shape [K, B, H, tokens, D], or none. */
const tangentView = (view: StridedView | undefined): TangentView =>
  view ? [view.offset, view.strides[0]!, view.strides[1]!, view.strides[2]!, view.strides[3]!] : [0, 0, 0, 0, 0];
/** The same of one that lies as [K, B, tokens, H, D]. */
const swappedTangentView = (view: StridedView | undefined): TangentView =>
  view ? [view.offset, view.strides[0]!, view.strides[1]!, view.strides[3]!, view.strides[2]!] : [0, 0, 0, 0, 0];
const dtypeOf = ([q]: readonly Aval[]): "f32" | "f64" => (q!.dtype === "f64" ? "f64" : "f32");

function tangentParams(inputs: readonly Aval[], outputs: readonly Aval[], attrs: Attrs, views: readonly StridedView[], primal: number, mask: number) {
  const at = (operand: Operand, i: number): StridedView | undefined => (isGiven(attrs, operand) ? views[primal + i] : undefined);
  return {
    ...paramsOf(inputs, attrs, views, views[mask]),
    tangents: outputs[0]!.shape[0]!,
    given: attrs["given"] as number,
    tqView: tangentView(at("q", 0)),
    tkView: tangentView(at("k", 1)),
    tvView: tangentView(at("v", 2)),
  };
}

// tangents of q, k, v [K, B, H, tokens, D]; outputs: tangents of O [K, B, N, H, D] and lse [K, B, H, N]
const forward = tangentPrimitive("attentionTangent", {
  primal: ["q", "k", "v", "lse"],
  moving: ["q", "k", "v"],
  plainly: tangentPlainly,
  outputs([q], k) {
    const [batch, heads, queries, dim] = q!.shape as [number, number, number, number];
    return [
      { shape: [k, batch, queries, heads, dim], dtype: q!.dtype },
      { shape: [k, batch, heads, queries], dtype: q!.dtype },
    ];
  },
  lower: (inputs, outputs, attrs, views) => ({
    kernel: tangentKernel,
    dtype: dtypeOf(inputs),
    params: tangentKernel.pack(tangentParams(inputs, outputs, attrs, views, 4, 7)),
  }),
});

// tangents of q, k, v [K, B, H, tokens, D], O [K, B, N, H, D], lse [K, B, H, N], dO [K, B, N, H, D]; outputs: those of dQ, dK, dV [K, B, tokens, H, D]
const backward = tangentPrimitive("attentionBackwardTangent", {
  primal: ["q", "k", "v", "o", "lse", "do"],
  moving: ["q", "k", "v", "o", "lse", "do"],
  plainly: backwardTangentPlainly,
  outputs: (primal, k) =>
    primal.slice(0, 3).map(({ shape: [batch, heads, tokens, dim], dtype }) => ({ shape: [k, batch!, tokens!, heads!, dim!], dtype })),
  spreads: (_, view) => unitLast(view),
  lower(inputs, outputs, attrs, views, places) {
    const [tdqView, tdkView, tdvView] = outputViews(outputs, places).map(swappedTangentView) as [TangentView, TangentView, TangentView];
    const params = {
      ...tangentParams(inputs, outputs, attrs, views, 6, 12),
      doView: swappedView(views[5]!),
      tdoView: swappedTangentView(isGiven(attrs, "do") ? views[11] : undefined),
      ...{ tdqView, tdkView, tdvView },
      joined: Number(places?.joined ?? false),
    };
    return { kernel: backwardTangentKernel, dtype: dtypeOf(inputs), params: backwardTangentKernel.pack(params) };
  },
});

/** jvp of attention. A mask that moves goes by plain operations. */
export function attentionJvp(tangents: readonly Maybe[], { inputs: [q, k, v, mask], outputs: [, lse], attrs }: Application): Maybe[] {
  const primal = [q!, k!, v!, lse!, ...(mask ? [mask] : [])];
  if (tangents[3]) return tangentPlainly(tangents, primal, attrs);
  const [out, ofLse] = forward.push(tangents, primal, attrs);
  return [out!, tangents[0] || tangents[1] ? ofLse! : null];
}
/** jvp of its gradient. */
export function backwardJvp(tangents: readonly Maybe[], { inputs, attrs }: Application): Maybe[] {
  return tangents[6] ? backwardTangentPlainly(tangents, inputs, attrs) : backward.push(tangents, inputs, attrs);
}
