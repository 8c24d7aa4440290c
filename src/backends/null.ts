import { bytesPer, dtypes, type DType } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import type { Plan, Span, Step } from "../plan/plan.ts";
import type { Backend, Caps, CommandList, MemoryCounters, Slot } from "./backend.ts";

/** Checks plans and counts them, and runs nothing: what is read is zero. */
export class NullBackend implements Backend {
  readonly name = "null";
  readonly caps: Caps = { dtypes, alignment: 1 };
  /** What was asked for so far. */
  readonly counts = { plans: 0, steps: 0, writes: 0, reads: 0, flops: 0, bytes: 0 };
  private readonly sizes = new Map<Slot, number>();
  private readonly checked = new WeakSet<Plan>();
  private nextSlot = 0;
  private inUse = 0;
  private peak = 0;

  supports(): true {
    return true;
  }

  alloc(bytes: number): Slot {
    this.inUse += bytes;
    this.peak = Math.max(this.peak, this.inUse);
    this.sizes.set(this.nextSlot, bytes);
    return this.nextSlot++;
  }
  free(slot: Slot): void {
    this.inUse -= this.sizeOf(slot);
    this.sizes.delete(slot);
  }

  write(slot: Slot, offset: number, bytes: Uint8Array): void {
    this.checkRange(slot, offset, bytes.length);
    this.counts.writes++;
  }

  submit({ plan, slots, bases, constants }: CommandList): Promise<void> {
    if (!this.checked.has(plan)) {
      checkPlan(plan, this.caps.alignment);
      this.checked.add(plan);
    }
    if (slots.length !== plan.buffers.length || bases.length !== plan.buffers.length)
      wrong(`${plan.buffers.length} buffers are to be bound, got ${slots.length}`);
    plan.buffers.forEach((buffer, i) => this.checkRange(slots[i]!, bases[i]!, buffer.bytes));
    for (const { constant } of plan.patches) if (typeof constants[constant] !== "number") wrong(`constant ${constant} is missing`);
    this.counts.plans++;
    this.counts.steps += plan.steps.length;
    for (const { kernel, params } of plan.steps) {
      const { flops, bytes } = kernel.cost(kernel.unpack(params));
      this.counts.flops += flops;
      this.counts.bytes += bytes;
    }
    return Promise.resolve();
  }

  read(slot: Slot, offset: number, bytes: number): Promise<Uint8Array> {
    this.checkRange(slot, offset, bytes);
    this.counts.reads++;
    return Promise.resolve(new Uint8Array(bytes));
  }

  memory(): MemoryCounters {
    return { bytesInUse: this.inUse, bytesReserved: this.inUse, peakBytes: this.peak };
  }
  async dispose(): Promise<void> {
    this.sizes.clear();
    this.inUse = 0;
  }

  private sizeOf(slot: Slot): number {
    return this.sizes.get(slot) ?? wrong(`slot ${slot} is not allocated`);
  }
  private checkRange(slot: Slot, offset: number, bytes: number): void {
    const size = this.sizeOf(slot);
    if (offset < 0 || offset + bytes > size) wrong(`bytes ${offset} to ${offset + bytes} do not lie in slot ${slot} of ${size} bytes`);
  }
}

const wrong = (what: string): never => fail("ERR_STATE", "null", what);

/** Spans lie in their buffers, outputs overlap nothing that their step uses (except to replace an input exactly), and nothing is read before it was written. */
export function checkPlan(plan: Plan, alignment: number): void {
  const overwritten = new Map<number, string>(); // donated inputs, and the step that wrote over them
  const written = plan.buffers.map((buffer): Range[] => (buffer.role === "input" ? [[0, buffer.bytes]] : []));
  plan.steps.forEach((step, index) => {
    const place = `step ${index} (${step.label})`;
    checkStep(plan, step, alignment, place);
    for (const span of step.spans.slice(0, step.inputs)) {
      if (span.buffer >= 0 && !covers(written[span.buffer]!, rangeOf(span)))
        wrong(`${place} reads bytes ${rangeOf(span).join(" to ")} of buffer ${span.buffer} before they are written`);
    }
    for (const { buffer } of step.spans) {
      if (overwritten.has(buffer)) wrong(`${place} uses buffer ${buffer}, whose memory ${overwritten.get(buffer)} has taken`);
    }
    for (const span of step.spans.slice(step.inputs)) {
      if (span.buffer < 0) continue;
      written[span.buffer]!.push(rangeOf(span));
      const { reuses } = plan.buffers[span.buffer]!;
      if (reuses !== undefined) overwritten.set(reuses, place);
    }
  });
  for (const { step, word } of plan.patches) {
    if (!(word >= 0 && word + 2 <= plan.steps[step]!.params.length)) wrong(`a patch of step ${step} lies outside of its parameters`);
  }
  plan.outputs.forEach(({ buffer, offset, shape, dtype }, i) => {
    const end = offset + bytesPer[dtype] * shape.reduce((a, b) => a * b, 1);
    if (!covers(written[buffer]!, [offset, end])) wrong(`output ${i} is never written in full`);
  });
}

function checkStep(plan: Plan, step: Step, alignment: number, place: string): void {
  const { kernel, spans, inputs } = step,
    params = kernel.unpack(step.params),
    sizes = kernel.sizes(params);
  const extra = kernel.extra?.(params) ?? { inputs: [], outputs: [] },
    extraSizes = kernel.extraSizes?.(params) ?? { inputs: [], outputs: [] };
  const expected = [
    ...named(kernel.inputs, sizes),
    ...extra.inputs.map((type, i) => ({ name: `input ${i}`, type, size: extraSizes.inputs[i]!, optional: false })),
    ...named(kernel.outputs, sizes),
    ...extra.outputs.map((type, i) => ({ name: `output ${i}`, type, size: extraSizes.outputs[i]!, optional: false })),
  ];
  if (inputs !== Object.keys(kernel.inputs).length + extra.inputs.length) wrong(`${place} binds ${inputs} inputs, its kernel has others`);
  if (spans.length !== expected.length) wrong(`${place} binds ${spans.length} buffers, its kernel has ${expected.length}`);
  spans.forEach((span, i) => {
    const { name, type, size, optional } = expected[i]!;
    if (span.buffer < 0) return optional || size === 0 ? undefined : wrong(`${place} leaves out "${name}"`);
    const buffer = plan.buffers[span.buffer] ?? wrong(`${place} binds "${name}" to buffer ${span.buffer}, which is not there`);
    const dtype: DType = type === "T" ? step.dtype : type;
    if (span.dtype !== dtype) wrong(`${place} binds "${name}" as ${span.dtype}, it is ${dtype}`);
    if (span.length < size) wrong(`${place} binds "${name}" to ${span.length} elements, it needs ${size}`);
    const unit = Math.max(alignment, bytesPer[dtype]);
    if (span.offset % unit !== 0) wrong(`${place} binds "${name}" at byte ${span.offset}, which is no multiple of ${unit}`);
    if (rangeOf(span)[1] > buffer.bytes)
      wrong(`${place} binds "${name}" up to byte ${rangeOf(span)[1]} of buffer ${span.buffer}, which has ${buffer.bytes}`);
  });
  for (let o = inputs; o < spans.length; o++) {
    for (let other = 0; other < o; other++) {
      const same = spans[o]!.offset === spans[other]!.offset && rangeOf(spans[o]!)[1] === rangeOf(spans[other]!)[1];
      if (overlap(plan, spans[o]!, spans[other]!) && !(same && other < inputs))
        wrong(`${place} writes "${expected[o]!.name}" over "${expected[other]!.name}"`);
    }
  }
}

function named(buffers: Readonly<Record<string, string>>, sizes: Readonly<Record<string, number>>) {
  return Object.entries(buffers).map(([key, type]) => {
    const optional = key.endsWith("?"),
      name = optional ? key.slice(0, -1) : key;
    return { name, type: type as DType | "T", size: sizes[name] ?? 0, optional };
  });
}

/** First byte, byte behind the last. */
type Range = [number, number];
const rangeOf = (span: Span): Range => [span.offset, span.offset + bytesPer[span.dtype] * span.length];

/** Whether both lie in the same memory; a donated buffer's memory is that of the output which takes it over. */
function overlap({ buffers }: Plan, a: Span, b: Span): boolean {
  const memory = ({ buffer }: Span): number => buffers[buffer]!.reuses ?? buffer;
  return a.buffer >= 0 && b.buffer >= 0 && memory(a) === memory(b) && rangeOf(a)[0] < rangeOf(b)[1] && rangeOf(b)[0] < rangeOf(a)[1];
}

function covers(written: readonly Range[], [start, end]: Range): boolean {
  let reached = start;
  for (let grew = true; grew && reached < end; ) {
    grew = false;
    for (const [from, to] of written) if (from <= reached && to > reached) [reached, grew] = [to, true];
  }
  return reached >= end;
}
