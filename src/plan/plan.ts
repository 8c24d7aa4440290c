import type { Kernel, Words } from "../../kernels/kernel.ts";
import type { DType } from "../core/dtype.ts";
import type { Shape } from "../core/shape.ts";

/** A stretch of one of the plan's buffers. `length` counts elements of `dtype`; -1 as buffer means absent. */
export interface Span {
  readonly buffer: number;
  readonly offset: number; // bytes
  readonly dtype: DType;
  readonly length: number;
}

/** One kernel call. `spans`: inputs, extra inputs, outputs, extra outputs, as the contract lists them. */
export interface Step {
  readonly kernel: Kernel;
  readonly dtype: DType;
  readonly params: Words;
  readonly spans: readonly Span[];
  /** How many of `spans` are inputs. */
  readonly inputs: number;
  /** What the user called it, for errors and profiles. */
  readonly label: string;
}

/** A word (two for f64) of a step's params that is set anew at every run from the run's constants. */
export interface Patch {
  readonly step: number;
  readonly word: number;
  readonly constant: number;
}

export type BufferRole = "input" | "output" | "arena";
export interface PlanBuffer {
  readonly role: BufferRole;
  readonly bytes: number;
  /** output: takes over the memory of this donated input buffer. */
  readonly reuses?: number;
}

/** Where a result lies. */
export interface PlanOutput {
  readonly buffer: number;
  readonly offset: number;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Everything that runs is a plan: kernel calls over spans of buffers. Backends see nothing else. */
export interface Plan {
  /** Inputs first, then outputs, then the arena (absent when nothing needs it). */
  readonly buffers: readonly PlanBuffer[];
  readonly steps: readonly Step[];
  readonly outputs: readonly PlanOutput[];
  readonly patches: readonly Patch[];
}
