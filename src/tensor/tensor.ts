import { type DType, decode } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sizeOf } from "../core/shape.ts";
import { type Frame, innermostFrame, type Value } from "../graph/node.ts";
import { defaultDevice } from "../run/devices.ts";
import { pendingNodes, readValue, submitValues } from "../run/engine.ts";
import { release, retain } from "../run/life.ts";
import { countHandle, countLeak } from "../run/memory.ts";
import { track } from "./scope.ts";

interface Held {
  value: Value | null;
  device: string;
}

// A handle that was dropped without dispose(): a net, and counted.
const dropped = new FinalizationRegistry<Held>((held) => {
  if (held.value === null) return;
  if (held.value.storage) countLeak(held.device);
  letGo(held);
});

function letGo(held: Held): void {
  if (held.value === null) return;
  countHandle(held.device, -1);
  release(held.value);
  held.value = null;
}

/** Numbers (booleans of bool) in arrays, one level an axis. */
export type NestedArray = number | boolean | NestedArray[];
/** The typed array that data() gives for a dtype: f16 and bf16 come as Float32Array, bool as Uint8Array. */
export type DataOf<D extends DType> = D extends "f64"
  ? Float64Array
  : D extends "i32"
    ? Int32Array
    : D extends "u32"
      ? Uint32Array
      : D extends "u8" | "bool"
        ? Uint8Array
        : Float32Array;

/** How many nodes may wait outside of traced functions before they are run unasked. */
const forcedAfter = 50_000;

/** A handle on a lazy array of shape S and dtype D. Nothing is computed until it is read, evaluated, or given to a compiled function.
 *  Every operation whose first argument is a tensor is a method, too. */
export class Tensor<S extends readonly number[] = any, D extends DType = any> {
  readonly #held: Held;
  readonly #shape: readonly number[];
  readonly #dtype: DType;
  #goneBecause = "was disposed";
  #registered = false;

  /** Handles are made by operations: use st.tensor, st.zeros, ...
   *  @internal */
  constructor(value: Value) {
    this.#held = { value, device: value.node.device ?? defaultDevice() };
    this.#shape = value.shape;
    this.#dtype = value.dtype;
    retain(value);
    countHandle(this.#held.device, 1);
    track(this);
    if (innermostFrame() === null && pendingNodes() > forcedAfter) this.#force(value);
  }

  /** The sizes of the axes, row-major; [] for a scalar. */
  get shape(): S {
    return this.#shape as S;
  }
  /** What the elements are. */
  get dtype(): D {
    return this.#dtype as D;
  }
  /** How many axes there are. */
  get ndim(): number {
    return this.#shape.length;
  }
  /** How many elements there are. */
  get size(): number {
    return sizeOf(this.#shape);
  }
  /** The name of the device that holds it. */
  get device(): string {
    return this.#held.device;
  }

  /** The numbers, row-major, as a copy: a typed array of the dtype; f16 and bf16 as Float32Array; bool as 0 and 1. Computes them first if need be.
   *  Throws ERR_TRACED in a traced function, ERR_DISPOSED after dispose(). */
  data(): Promise<DataOf<D>> {
    const value = this.#readable("data");
    return readValue(value).then((stored) => decode(value.dtype, stored) as DataOf<D>);
  }
  /** The one number of a tensor of one element (else ERR_SHAPE). */
  item(): Promise<number> {
    const value = this.#readable("item");
    if (sizeOf(value.shape) !== 1)
      fail("ERR_SHAPE", "item", `a tensor of one element was expected, got ${value.shape.length} axes of [${value.shape.join(", ")}]`);
    return this.data().then((data) => Number(data[0]));
  }
  /** Nested arrays of numbers (booleans for bool); a number for a scalar. */
  array(): Promise<any> {
    const value = this.#readable("array");
    return this.data().then((data) => nest(data, value.shape, value.dtype === "bool"));
  }

  /** Gives its memory back; using it afterwards throws ERR_DISPOSED. Safe to call twice. */
  dispose(): void {
    if (this.#registered) dropped.unregister(this.#held);
    letGo(this.#held);
  }
  /** @internal */
  onItsOwn(): void {
    this.#registered = true;
    dropped.register(this, this.#held, this.#held);
  }
  /** dispose(), at the end of a block: `using y = x.add(1)`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The graph value behind a handle.
   *  @internal */
  static value(tensor: Tensor, op: string): Value {
    const { value } = tensor.#held;
    return value ?? fail("ERR_DISPOSED", op, `a live tensor was expected, but this one ${tensor.#goneBecause}`);
  }
  /** Disposes of a handle for a reason that later uses will be told.
   *  @internal */
  static retire(tensor: Tensor, because: string): void {
    tensor.#goneBecause = because;
    tensor.dispose();
  }
  /** @internal */
  static isLive(tensor: Tensor): boolean {
    return tensor.#held.value !== null;
  }

  #readable(op: string): Value {
    const value = Tensor.value(this, op);
    refuseTraced(value, op);
    return value;
  }
  #force(value: Value): void {
    process.emitWarning(
      `${forcedAfter} operations wait to be run; the last is ${value.node.primitive.name}. They are run now: call st.evaluate() in your loop.`,
      "SteppeWarning",
    );
    submitValues([value]).catch(() => {}); // whoever reads the value gets the error
  }
}

function refuseTraced(value: Value, op: string): void {
  const frame: Frame | null = value.node.frame;
  if (frame?.active) {
    fail(
      "ERR_TRACED",
      op,
      `a value inside a function given to ${frame.transform} is not known yet; return it from the function (or as aux) and read it outside`,
    );
  }
}

function nest(data: ArrayLike<number>, shape: readonly number[], logical: boolean): unknown {
  let at = 0;
  const build = (axis: number): unknown => {
    if (axis === shape.length) return logical ? Boolean(data[at++]) : data[at++];
    return Array.from({ length: shape[axis]! }, () => build(axis + 1));
  };
  return build(0);
}

/** Whether x is a tensor of this copy of steppe. */
export const isTensor = (x: unknown): x is Tensor => x instanceof Tensor;
/** A handle on a graph value. */
export const wrap = (value: Value): Tensor => new Tensor(value);
/** The graph value behind a handle; throws ERR_DISPOSED, in the name of `op`, where there is none any more. */
export const unwrap = (tensor: Tensor, op: string): Value => Tensor.value(tensor, op);
export { refuseTraced };
