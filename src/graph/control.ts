import { apply, type Aval, type Frame, leaf, Node, noAttrs, type Value } from "./node.ts";
import { none, type Primitive } from "./primitive.ts";

const passThrough = { infer: (inputs: readonly Aval[]): Aval[] => inputs.map(({ shape, dtype }) => ({ shape, dtype })) };

/** The identity by which a transform marks what it differentiates: every transform has aliases of its own, so nested ones never mix. */
export const alias: Primitive = {
  name: "alias",
  kind: "view",
  identity: "free",
  ...passThrough,
  vjp: (cotangents) => [...cotangents],
  jvp: (tangents) => [...tangents],
  vmap: (inputs) => inputs,
};

export function makeAlias(x: Value, frame: Frame): Value {
  const outer = x.node.frame?.active ? x.node.frame : frame;
  return new Node(alias, [x], noAttrs, [x], outer, x.node.device).outputs[0]!;
}

export const stopGradientPrimitive: Primitive = {
  name: "stopGradient",
  kind: "view",
  identity: "free",
  ...passThrough,
  vjp: none("stopGradient is a constant to derivatives"),
  jvp: none("stopGradient is a constant to derivatives"),
  vmap: (inputs) => inputs.map((x) => apply(stopGradientPrimitive, [x])[0]!),
};

/** Gives its inputs back, but not before all of them are there; equal work on both sides of a barrier is not merged. */
export const barrier: Primitive = {
  name: "barrier",
  kind: "view",
  identity: "barrier",
  ...passThrough,
  vjp: (cotangents) => [...cotangents],
  jvp: (tangents) => [...tangents],
  vmap: (inputs) => apply(barrier, inputs),
};

const leafRules = { vjp: none("a leaf"), jvp: none("a leaf"), vmap: () => [] } as const;

/** An argument of a function that is being traced. */
export const placeholder: Primitive = { name: "placeholder", kind: "leaf", infer: () => [], ...leafRules };
/** A value that only stands for another of this shape while a function is traced. */
export const standIn = (aval: Aval, device: string | null, frame: Frame | null = null): Value =>
  leaf(placeholder, { shape: aval.shape, dtype: aval.dtype }, noAttrs, device, frame);
/** A number (attrs.value) everywhere in its shape. */
export const constantPrimitive: Primitive = { name: "constant", kind: "leaf", infer: () => [], ...leafRules };
/** Bytes from the host (attrs.bytes), uploaded at first use. */
export const dataPrimitive: Primitive = { name: "data", kind: "leaf", infer: () => [], ...leafRules };
/** A result of a compiled function: it has its memory from the start. */
export const computedPrimitive: Primitive = { name: "computed", kind: "leaf", infer: () => [], ...leafRules };
