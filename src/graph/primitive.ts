import type { DType } from "../core/dtype.ts";
import type { Kernel, Words } from "../../kernels/kernel.ts";
import type { Aval, Value } from "./node.ts";
import type { ViaFallback } from "./rules.ts";

/** Plain data (and, for composites, functions): what an application of a primitive carries besides its inputs. */
export type Attrs = Readonly<Record<string, unknown>>;

/** A value, or null where it is known to be zero. */
export type Maybe = Value | null;

export interface Application {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly attrs: Attrs;
}

/** Cotangents of the outputs in, cotangents of the inputs out. */
export type VjpRule = (cotangents: readonly Maybe[], application: Application) => Maybe[];
/** Tangents of the inputs in, tangents of the outputs out. */
export type JvpRule = (tangents: readonly Maybe[], application: Application) => Maybe[];
/** `mapped[i]` says whether inputs[i] carries the mapped axis (as axis 0, of `size`). Every output must carry it as axis 0. */
export type VmapRule = (inputs: readonly Value[], mapped: readonly boolean[], size: number, attrs: Attrs) => readonly Value[];

/** "No derivative", with its reason. Its cotangents and tangents are zero. */
export interface None {
  readonly none: string;
}
export const none = (reason: string): None => ({ none: reason });
export const isNone = (rule: unknown): rule is None => typeof rule === "object" && rule !== null && "none" in rule;

/** How an application becomes one kernel call. Inputs arrive contiguous unless `strided` names them. */
export interface Lowering {
  readonly kernel: Kernel;
  /** The element type the kernel runs in. */
  readonly dtype: DType;
  readonly params: Words;
}

/** Where the outputs of a kernel call go; `joined`: all into one buffer. */
export interface Places {
  readonly views: readonly StridedView[];
  readonly joined: boolean;
}

/** What the planner may do with an application; it never asks for a name. */
export type Kind = "leaf" | "elementwise" | "reduce" | "view" | "opaque";

/** An operation, whole: shape rule, derivatives, batching, kernel. */
export interface Primitive {
  readonly name: string;
  readonly kind: Kind;
  /** Shapes and dtypes of the outputs; throws what the caller did wrong. */
  infer(inputs: readonly Aval[], attrs: Attrs): readonly Aval[];
  readonly vjp: VjpRule | None | ViaFallback;
  readonly jvp: JvpRule | None | ViaFallback;
  readonly vmap: VmapRule | ViaFallback;
  /** Output i is input i, and so needs no work: alias, stopGradient, barrier. A barrier still comes after all its inputs. */
  readonly identity?: "free" | "barrier";
  /** opaque: the kernel call. `views` says where each input lies when `strided`. */
  lower?(
    inputs: readonly Aval[],
    outputs: readonly Aval[],
    attrs: Attrs,
    views: readonly StridedView[],
    /** Where each output goes, when `spreads`. Outputs of one buffer are bound as the first; the others are absent. */
    places?: Places,
  ): Lowering | null;
  /** opaque: inputs whose strides the kernel takes as they are, if `accepts` holds; others are made contiguous. */
  accepts?(index: number, view: StridedView): boolean;
  /** The same in plain operations: runs where no kernel does, and gives every derivative that is not written by hand. */
  fallback?(inputs: readonly Value[], attrs: Attrs): readonly Value[];
  /** view: where the output's elements lie in the input; null when no strides say it: then they are the input's, row-major. */
  view?(input: StridedView, output: Aval, attrs: Attrs): StridedView | null;
  /** elementwise: the row of kernels/elementwise/scalar.ts. */
  readonly scalar?: string;
  /** reduce: how partial results combine. */
  readonly combine?: "sum" | "max" | "min" | "prod";
  /** opaque: outputs that the kernel writes with any strides for which this holds. */
  spreads?(index: number, view: StridedView): boolean;
  /** opaque: where each input lies in the output, which they fill: then it may be computed in its place. */
  pieces?(inputs: readonly Aval[], output: Aval, attrs: Attrs): readonly StridedView[];
  /** A simpler value of the same meaning, or null. `constant` tells the number that fills a value, if it is known. */
  simplify?(inputs: readonly Value[], attrs: Attrs, constant: (x: Value) => number | undefined): Value | null;
  /** opaque: output 0 from the inputs and the other outputs by cheap work, for plans that would rather not keep it. */
  again?(inputs: readonly Value[], outputs: readonly Value[], attrs: Attrs): Value;
  /** opaque: an elementwise chain may run on the output while it is in cache. */
  readonly epilogue?: boolean;
}

/** Elements of a buffer: index i of the shape lies at offset + sum(i * strides), in elements. */
export interface StridedView {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
}
