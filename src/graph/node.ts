import type { DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import type { Attrs, Primitive } from "./primitive.ts";

/** What is known of a value before it is computed. */
export interface Aval {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A trace in progress: the values made inside cannot be read until it ends. `depth` 0 is the outermost. */
export interface Frame {
  readonly transform: string;
  readonly depth: number;
  readonly firstId: number;
  active: boolean;
}

/** Bytes on a device, shared by the values that view them. `free` is called by the last owner. */
export interface Storage {
  readonly device: string;
  readonly buffer: StorageBuffer;
  readonly offset: number; // bytes
}
export interface StorageBuffer {
  readonly slot: number;
  readonly bytes: number;
  refs: number;
  /** Its memory went to a result that it was donated to. */
  moved?: boolean;
}

let nextId = 0;

/** One application of a primitive. Ids grow, and inputs are made first, so id order is a topological order. */
export class Node {
  readonly id = nextId++;
  readonly outputs: readonly Value[];
  /** Outputs that are alive: held by a handle or by a live node. */
  live = 0;
  constructor(
    readonly primitive: Primitive,
    /** Emptied when every living output has been computed. */
    public inputs: readonly Value[],
    readonly attrs: Attrs,
    avals: readonly Aval[],
    /** The outermost active frame that this node depends on. */
    readonly frame: Frame | null,
    /** null: constants, which live wherever they are needed. */
    readonly device: string | null,
  ) {
    this.outputs = avals.map((aval, index) => new Value(this, index, aval.shape, aval.dtype));
  }
}

/** One output of a node. */
export class Value implements Aval {
  /** Set once computed. Contiguous, row-major. */
  storage: Storage | null = null;
  /** What computes it, once that has begun: whoever waits for the value also sees the error. */
  work: Promise<void> | null = null;
  /** Handles and live nodes that use this value. */
  refs = 0;
  /** Compute and keep this value whenever a plan passes through it (linearize's residuals). */
  keep = false;
  constructor(
    readonly node: Node,
    readonly index: number,
    readonly shape: Shape,
    readonly dtype: DType,
  ) {}
}

/** The id that the next node will get: nodes made from now on have this id or more. */
export const idMark = (): number => nextId;

const frames: Frame[] = [];

/** Opens a trace; close it with `endFrame` in a finally block. */
export function beginFrame(transform: string): Frame {
  const frame: Frame = { transform, depth: frames.length, firstId: nextId, active: true };
  frames.push(frame);
  return frame;
}
export function endFrame(frame: Frame): void {
  frame.active = false;
  const at = frames.indexOf(frame);
  if (at >= 0) frames.splice(at, 1);
}
export const innermostFrame = (): Frame | null => frames.at(-1) ?? null;

function outermost(inputs: readonly Value[]): Frame | null {
  let found: Frame | null = null;
  for (const { node } of inputs) {
    const frame = node.frame;
    if (frame?.active && (found === null || frame.depth < found.depth)) found = frame;
  }
  return found;
}

function commonDevice(op: string, inputs: readonly Value[]): string | null {
  let device: string | null = null;
  for (const { node } of inputs) {
    if (node.device === null || node.device === device) continue;
    if (device !== null)
      fail("ERR_DEVICE", op, `all inputs must be on one device, got ${device} and ${node.device} (move one with x.to("${device}"))`);
    device = node.device;
  }
  return device;
}

/** Records one application of a primitive; shapes and dtypes are inferred, and so checked, here. */
export function apply(primitive: Primitive, inputs: readonly Value[], attrs: Attrs = noAttrs): readonly Value[] {
  const avals = primitive.infer(inputs, attrs);
  return new Node(primitive, inputs, attrs, avals, outermost(inputs), commonDevice(primitive.name, inputs)).outputs;
}
export const noAttrs: Attrs = Object.freeze({});

/** A node without inputs: placeholders, constants, data. */
export function leaf(primitive: Primitive, aval: Aval, attrs: Attrs, device: string | null, frame: Frame | null = null): Value {
  return new Node(primitive, [], attrs, [aval], frame, device).outputs[0]!;
}
