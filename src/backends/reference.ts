import type { Kernel, Numbers } from "../../kernels/kernel.ts";
import { bytesPer, type DType, decode, dtypes, encode, storageArray } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import type { Span, Step } from "../plan/plan.ts";
import type { Backend, CommandList, MemoryCounters, Slot } from "./backend.ts";

/** Runs each kernel's own definition, in f64 on the JS thread: slow, and right. */
export class ReferenceBackend implements Backend {
  readonly name = "reference";
  readonly caps = { dtypes, alignment: 1 };
  readonly #slots = new Map<Slot, ArrayBuffer>();
  readonly #counters: MemoryCounters = { bytesInUse: 0, bytesReserved: 0, peakBytes: 0 };
  #next = 0;

  supports(): true {
    return true;
  }
  alloc(bytes: number): Slot {
    let memory: ArrayBuffer;
    try {
      memory = new ArrayBuffer(Math.ceil(bytes / 8) * 8);
    } catch (cause) {
      return fail("ERR_OUT_OF_MEMORY", "alloc", `${bytes} bytes are not to be had`, { cause });
    }
    const slot = this.#next++;
    this.#slots.set(slot, memory);
    this.#count(memory.byteLength);
    return slot;
  }
  free(slot: Slot): void {
    this.#count(-this.#slots.get(slot)!.byteLength);
    this.#slots.delete(slot);
  }
  write(slot: Slot, offset: number, bytes: Uint8Array): void {
    new Uint8Array(this.#slots.get(slot)!, offset).set(bytes);
  }
  async read(slot: Slot, offset: number, bytes: number): Promise<Uint8Array> {
    return new Uint8Array(this.#slots.get(slot)!.slice(offset, offset + bytes));
  }
  submit({ plan, slots, bases, constants }: CommandList): Promise<void> {
    try {
      const params = plan.steps.map((step) => step.params);
      for (const { step, word, constant } of plan.patches) {
        if (params[step] === plan.steps[step]!.params) params[step] = Int32Array.from(params[step]!);
        new DataView(params[step]!.buffer).setFloat64(4 * word, constants[constant]!, true);
      }
      plan.steps.forEach((step, i) => this.#run(step, step.kernel.unpack(params[i]!), slots, bases));
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error);
    }
  }
  memory(): MemoryCounters {
    return { ...this.#counters };
  }
  async dispose(): Promise<void> {
    this.#slots.clear();
  }

  #run(step: Step, params: Record<string, unknown>, slots: readonly Slot[], bases: readonly number[]): void {
    const { kernel, spans } = step;
    const numbers = spans.map((span, i) =>
      span.buffer < 0 ? undefined : i < step.inputs ? this.#numbers(span, slots, bases) : new Float64Array(span.length),
    );
    const inputNames = names(kernel, "inputs"),
      outputNames = names(kernel, "outputs");
    kernel.reference(
      {
        inputs: named(inputNames, numbers),
        extraInputs: numbers.slice(inputNames.length, step.inputs) as Numbers[],
        outputs: named(outputNames, numbers.slice(step.inputs)),
        extraOutputs: numbers.slice(step.inputs + outputNames.length) as Numbers[],
      },
      params,
      step.dtype,
    );
    spans.forEach((span, i) => {
      if (i < step.inputs || span.buffer < 0) return;
      const memory = this.#slots.get(slots[span.buffer]!)!;
      view(span.dtype, memory, bases[span.buffer]! + span.offset, span.length).set(encode(span.dtype, numbers[i]!));
    });
  }
  #numbers(span: Span, slots: readonly Slot[], bases: readonly number[]): Numbers {
    const stored = view(span.dtype, this.#slots.get(slots[span.buffer]!)!, bases[span.buffer]! + span.offset, span.length);
    return Float64Array.from(decode(span.dtype, stored));
  }
  #count(bytes: number): void {
    const c = this.#counters;
    c.bytesInUse += bytes;
    c.bytesReserved = c.bytesInUse;
    c.peakBytes = Math.max(c.peakBytes, c.bytesInUse);
  }
}

const names = (kernel: Kernel, side: "inputs" | "outputs"): string[] => Object.keys(kernel[side]).map((name) => name.replace("?", ""));
const named = (list: readonly string[], numbers: readonly (Numbers | undefined)[]): Record<string, Numbers> =>
  Object.fromEntries(list.flatMap((name, i) => (numbers[i] ? [[name, numbers[i]!]] : [])));

/** Elements in place where they are aligned; else a copy would be needed, so offsets are multiples of the element size. */
function view(dtype: DType, memory: ArrayBuffer, offset: number, length: number) {
  if (offset % bytesPer[dtype] !== 0) fail("ERR_STATE", "reference", `offset ${offset} is no multiple of the size of ${dtype}`);
  return new storageArray[dtype](memory, offset, length);
}
