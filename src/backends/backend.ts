import type { DType } from "../core/dtype.ts";
import type { Plan } from "../plan/plan.ts";

/** The devices that steppe knows by name. */
export type BackendName = "cpu" | "webgpu" | "cuda" | "reference" | "null";

/** What a device can do. */
export interface Caps {
  /** What its memory can hold. */
  readonly dtypes: readonly DType[];
  /** Spans begin at multiples of this many bytes, and of the size of their elements. */
  readonly alignment: number;
  readonly [more: string]: unknown;
}

/** A piece of device memory. */
export type Slot = number;

/** A plan with its buffers bound: slots[i] holds plan.buffers[i], from bases[i] bytes on. `constants` fill plan.patches. */
export interface CommandList {
  readonly plan: Plan;
  readonly slots: readonly Slot[];
  readonly bases: readonly number[];
  readonly constants: ArrayLike<number>;
}

export interface MemoryCounters {
  bytesInUse: number;
  bytesReserved: number;
  peakBytes: number;
}

export interface KernelTime {
  readonly label: string;
  readonly kernel: string;
  readonly start: number; // ms since the profile began
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
}

/** What runs plans. Work is done in the order of the calls; a slot may be freed as soon as the calls that use it were made. */
export interface Backend {
  readonly name: BackendName;
  readonly caps: Caps;
  /** Whether kernel `name` runs in `dtype`; else why not, in words. */
  supports(kernel: string, dtype: DType): true | string;
  /** `scratch`: the slot is freed as soon as one plan is queued. Throws ERR_OUT_OF_MEMORY. */
  alloc(bytes: number, scratch?: boolean): Slot;
  free(slot: Slot): void;
  /** The bytes are copied before it returns. */
  write(slot: Slot, offset: number, bytes: Uint8Array): void;
  /** Returns at once. The promise settles when the work is done; it rejects with the first kernel error. */
  submit(list: CommandList): Promise<void>;
  /** After all that was submitted before. */
  read(slot: Slot, offset: number, bytes: number): Promise<Uint8Array>;
  memory(): MemoryCounters;
  /** Collects a time for every step that runs until the returned function is called. */
  profile?(): () => Promise<readonly KernelTime[]>;
  dispose(): Promise<void>;
}
