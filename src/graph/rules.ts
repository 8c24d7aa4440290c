import { isFloat } from "../core/dtype.ts";
import { o } from "./algebra.ts";
import type { Value } from "./node.ts";
import type { Application, Attrs, JvpRule, Maybe, Primitive, VjpRule } from "./primitive.ts";

/** Marks a rule that is had by transforming the primitive's fallback. */
export interface ViaFallback {
  readonly via: "fallback";
}
export const viaFallback: ViaFallback = { via: "fallback" };
export const isViaFallback = (rule: unknown): rule is ViaFallback => typeof rule === "object" && rule !== null && "via" in rule;

/** A primitive that is also written in plain operations: its derivatives and batching are those of the fallback, unless given. */
export function compositeRules(
  fallback: (inputs: readonly Value[], attrs: Attrs) => readonly Value[],
): Pick<Primitive, "fallback" | "vjp" | "jvp" | "vmap"> {
  return { fallback, vjp: viaFallback, jvp: viaFallback, vmap: viaFallback };
}

/** A map that is linear in all its float inputs together (add, reshape, pad, concat): the tangent goes the way of the value. */
export function linear(
  again: (inputs: readonly Value[], attrs: Attrs) => Value,
  transpose: (cotangent: Value, application: Application) => Maybe[],
): { vjp: VjpRule; jvp: JvpRule } {
  return {
    vjp: ([cotangent], application) => (cotangent ? transpose(cotangent, application) : application.inputs.map(() => null)),
    jvp: (tangents, { inputs, attrs }) => {
      if (tangents.every((t) => t === null)) return [null];
      return [
        again(
          inputs.map((x, i) => tangents[i] ?? (isFloat(x.dtype) ? zerosLike(x) : x)),
          attrs,
        ),
      ];
    },
  };
}

/** A product y = f(a, b), linear in each: the vjp by each factor is written out, the jvp is f(da, b) + f(a, db). */
export function bilinear(
  again: (a: Value, b: Value, attrs: Attrs) => Value,
  byA: (cotangent: Value, a: Value, b: Value, attrs: Attrs) => Value,
  byB: (cotangent: Value, a: Value, b: Value, attrs: Attrs) => Value,
): { vjp: VjpRule; jvp: JvpRule } {
  return {
    vjp: ([ct], { inputs: [a, b], attrs }) => (ct ? [byA(ct, a!, b!, attrs), byB(ct, a!, b!, attrs)] : [null, null]),
    jvp: ([da, db], { inputs: [a, b], attrs }) => [addMaybe(da ? again(da, b!, attrs) : null, db ? again(a!, db, attrs) : null)],
  };
}

export const zerosLike = (x: Value): Value => o.constant(0, x.dtype, x.shape);

/** The sum of two values where null is zero. */
export function addMaybe(a: Maybe, b: Maybe): Maybe {
  if (a === null || b === null) return a ?? b;
  return o.add(a, b);
}

/** For vmap rules that need the mapped axis on every input: unmapped ones are broadcast. */
export function allMapped(inputs: readonly Value[], mapped: readonly boolean[], size: number): Value[] {
  return inputs.map((x, i) => (mapped[i] ? x : o.broadcastTo(x, [size, ...x.shape])));
}
