import { afterAll, expect, test } from "vitest";
import { elementwise } from "../../kernels/elementwise/kernel.ts";
import { interpret } from "../../kernels/elementwise/interpret.ts";
import {
  type Combine,
  encodeProgram,
  halves,
  type Instruction,
  type Program,
  type ProgramInput,
  type RegisterType,
  registerType,
} from "../../kernels/elementwise/program.ts";
import { opcodes } from "../../kernels/elementwise/scalar.ts";
import { loadAddon, NativeBackend } from "../../src/backends/native.ts";
import { bytesPer, decode, type DType, dtypes, encode } from "../../src/core/dtype.ts";
import { contiguousStrides, sizeOf } from "../../src/core/shape.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { bytesOf, fromBytes, randomFrom } from "./numbers.ts";

// Random programs on small whole numbers, which every dtype holds exactly: the results must be equal, not near.
const backends = loadAddon().levels.map((isa) => ({ isa, backend: new NativeBackend({ isa, threads: 2 }) }));
afterAll(() => Promise.all(backends.map(({ backend }) => backend.dispose())));

const limit = 8;

class Draft {
  readonly code: Instruction[] = [];
  readonly types: RegisterType[] = [];
  constructor(readonly random: () => number) {}
  below(n: number): number {
    return Math.floor(this.random() * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** A register to write a value of a type to: often one that holds such a value already, so that registers are reused. */
  destination(type: RegisterType): number {
    const old = this.registersOf(type);
    if (old.length > 1 && this.random() < 0.4) return this.pick(old);
    this.types.push(type);
    return this.types.length - 1;
  }
  registersOf(type: RegisterType): number[] {
    return this.types.flatMap((t, i) => (t === type ? [i] : []));
  }
  emit(op: string, type: RegisterType, result: RegisterType, a: number, b = 0, c = 0): number {
    const destination = this.destination(result);
    this.code.push({ op, type, destination, a, b, c });
    return destination;
  }
  constant(type: RegisterType, value: number): number {
    return this.emit("constant", type, type, ...halves(value));
  }
  /** Keeps numbers small enough to be exact in f16, bf16 and u8. */
  small(type: RegisterType, register: number): number {
    const top = this.constant(type, limit),
      bottom = this.constant(type, type === "u32" ? 0 : -limit);
    return this.emit("maximum", type, type, this.emit("minimum", type, type, register, top), bottom);
  }
  step(): void {
    const type = this.pick(this.types),
      x = this.pick(this.registersOf(type)),
      y = this.pick(this.registersOf(type));
    const kind = this.below(6),
      flags = this.registersOf("i32");
    if (kind === 0) this.emit(this.pick(["equal", "less", "greaterEqual"]), type, "i32", x, y);
    else if (kind === 1 && flags.length > 0) this.emit("select", type, type, this.pick(flags), x, y);
    else if (kind === 2) {
      const positive = this.emit("abs", type, type, x),
        to = this.pick(dtypes); // a negative number in u8 or u32 would not be small
      this.emit("cast", type, registerType(to), positive, dtypes.indexOf(to));
    } else if (kind === 3) this.emit(this.pick(type === "u32" ? ["abs", "sign"] : ["neg", "abs", "sign"]), type, type, x);
    else if (kind === 4) this.emit(this.pick(["maximum", "minimum"]), type, type, x, y);
    else this.small(type, this.emit(this.pick(type === "u32" ? ["add", "mul"] : ["add", "sub", "mul"]), type, type, x, y));
  }
}

function randomProgram(random: () => number): Program {
  const draft = new Draft(random),
    { below, pick } = { below: draft.below.bind(draft), pick: draft.pick.bind(draft) };
  let size = 1;
  const room = (n: number): number => (size * n > 70000 ? 1 : n); // more than two tasks, yet quick
  const shape = Array.from({ length: below(5) }, () => {
    const n = room(pick([1, 2, 3, 5, 17, 33, 300]));
    size *= n;
    return n;
  });
  const combining = random() < 0.6;
  const reduced = shape.map(() => random() < 0.5);
  const inputs = Array.from({ length: 1 + below(3) }, (): ProgramInput => {
    const order = shape.map((_, i) => i).sort(() => random() - 0.5),
      permuted = contiguousStrides(order.map((i) => shape[i]!));
    const strides = shape.map((_, i) => (random() < 0.25 ? 0 : random() < 0.5 ? contiguousStrides(shape)[i]! : permuted[order.indexOf(i)]!));
    return { dtype: pick(dtypes), offset: below(4), strides };
  });
  inputs.forEach((x, i) => draft.emit("load", registerType(x.dtype), registerType(x.dtype), i));
  for (let i = below(10); i > 0; i--) draft.step();
  const outputs = Array.from({ length: 1 + below(3) }, (_, i) => {
    const register = below(draft.types.length),
      type = draft.types[register]!,
      combine: Combine = combining && random() < 0.7 ? pick(["sum", "max", "min"]) : "none";
    draft.code.push({ op: "store", type, destination: 0, a: i, b: register, c: 0 });
    if (random() < 0.3) draft.step();
    const narrow: DType[] = type === "f32" && combine === "none" ? ["f32", "f16", "bf16"] : [];
    return { dtype: narrow.length > 0 ? pick(narrow) : (type as DType), combine };
  });
  return { shape, reduced, registers: draft.types.length, inputs, outputs, code: draft.code };
}

interface Span {
  readonly dtype: DType;
  readonly length: number;
}
/** Runs a program on the backend; `shared` is an input whose memory is output 0's as well. */
async function onBackend(
  backend: NativeBackend,
  program: Program,
  inputs: readonly Float64Array[],
  outputs: readonly Span[],
  shared = -1,
): Promise<Float64Array[]> {
  const spans: Span[] = [...program.inputs.map(({ dtype }, i) => ({ dtype, length: inputs[i]!.length })), ...outputs];
  const bytes = spans.map(({ dtype, length }) => length * bytesPer[dtype]);
  const slots = bytes.map((n, i) => (shared >= 0 && i === inputs.length ? -1 : backend.alloc(n + 64)));
  if (shared >= 0) slots[inputs.length] = slots[shared]!;
  inputs.forEach((x, i) => backend.write(slots[i]!, 0, bytesOf(encode(program.inputs[i]!.dtype, x))));
  const plan: Plan = {
    buffers: bytes.map((n, i) => ({ role: i < inputs.length ? "input" : "output", bytes: n })),
    steps: [
      {
        kernel: elementwise,
        dtype: "f32",
        params: elementwise.pack({ program: Array.from(encodeProgram(program, opcodes)) }),
        inputs: inputs.length,
        label: "chain",
        spans: spans.map((span, buffer) => ({ buffer, offset: 0, ...span })),
      },
    ],
    outputs: [],
    patches: [],
  };
  await backend.submit({ plan, slots, bases: slots.map(() => 0), constants: [] });
  const results = await Promise.all(outputs.map((_, i) => backend.read(slots[inputs.length + i]!, 0, bytes[inputs.length + i]!)));
  for (const slot of new Set(slots)) backend.free(slot);
  return results.map((content, i) => Float64Array.from(decode(outputs[i]!.dtype, fromBytes(outputs[i]!.dtype, content, outputs[i]!.length))));
}

const wholeNumbers = (dtype: DType, length: number, random: () => number): Float64Array =>
  Float64Array.from({ length }, () =>
    dtype === "bool" ? Math.round(random()) : Math.floor(random() * 7) - (dtype === "u8" || dtype === "u32" ? 0 : 3),
  );

function expected(program: Program, inputs: readonly Float64Array[], outputs: readonly Span[]): Float64Array[] {
  const results = outputs.map(({ length }) => new Float64Array(length));
  interpret(program, inputs, results);
  return results.map((y, i) => Float64Array.from(decode(outputs[i]!.dtype, encode(outputs[i]!.dtype, y))));
}

function firstDifference(actual: readonly Float64Array[], exact: readonly Float64Array[]): string | undefined {
  for (const [i, y] of exact.entries()) {
    const at = y.findIndex((value, j) => value !== actual[i]![j]);
    if (at >= 0) return `output ${i}, element ${at} of ${y.length} is ${actual[i]![at]}, not ${y[at]}`;
  }
  return undefined;
}

test.each(Array.from({ length: 300 }, (_, seed) => seed))("random program %i", async (seed) => {
  const random = randomFrom(`chain ${seed}`),
    program = randomProgram(random);
  const { inputs: lengths, outputs: sizes } = elementwise.extraSizes!({ program: Array.from(encodeProgram(program, opcodes)) });
  const inputs = lengths.map((n, i) => wholeNumbers(program.inputs[i]!.dtype, n, random));
  const outputs = program.outputs.map(({ dtype }, i) => ({ dtype, length: sizes[i]! }));
  const exact = expected(program, inputs, outputs);
  for (const { isa, backend } of backends) expect(firstDifference(await onBackend(backend, program, inputs, outputs), exact), isa).toBeUndefined();
});

test("an output may take over the memory of an input, which later instructions still read", async () => {
  const shape = [1000, 67],
    strides = contiguousStrides(shape);
  const program: Program = {
    shape,
    reduced: [false, false],
    registers: 3,
    inputs: [{ dtype: "f32", offset: 0, strides }],
    outputs: [
      { dtype: "f32", combine: "none" },
      { dtype: "f32", combine: "none" },
    ],
    code: [
      { op: "load", type: "f32", destination: 0, a: 0, b: 0, c: 0 },
      { op: "neg", type: "f32", destination: 1, a: 0, b: 0, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 0, b: 1, c: 0 },
      { op: "add", type: "f32", destination: 2, a: 0, b: 0, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 1, b: 2, c: 0 },
    ],
  };
  const inputs = [wholeNumbers("f32", sizeOf(shape), randomFrom("shared"))],
    outputs: Span[] = [0, 1].map(() => ({ dtype: "f32", length: sizeOf(shape) }));
  const exact = expected(program, inputs, outputs);
  for (const { isa, backend } of backends) expect(firstDifference(await onBackend(backend, program, inputs, outputs, 0), exact), isa).toBeUndefined();
});

test("long results, stored past the caches, with odd rows and a sum beside them", async () => {
  const shape = [1537, 1371],
    strides = contiguousStrides(shape);
  const program: Program = {
    shape,
    reduced: [true, false],
    registers: 3,
    inputs: [
      { dtype: "f32", offset: 1, strides },
      { dtype: "f32", offset: 0, strides: [0, 1] },
    ],
    outputs: [
      { dtype: "f32", combine: "none" },
      { dtype: "f16", combine: "none" },
      { dtype: "f32", combine: "sum" },
    ],
    code: [
      { op: "load", type: "f32", destination: 0, a: 0, b: 0, c: 0 },
      { op: "load", type: "f32", destination: 1, a: 1, b: 0, c: 0 },
      { op: "add", type: "f32", destination: 2, a: 0, b: 1, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 0, b: 2, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 1, b: 0, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 2, b: 2, c: 0 },
    ],
  };
  const random = randomFrom("long"),
    size = sizeOf(shape);
  const inputs = [wholeNumbers("f32", size + 1, random), wholeNumbers("f32", shape[1]!, random)];
  const outputs: Span[] = [
    { dtype: "f32", length: size },
    { dtype: "f16", length: size },
    { dtype: "f32", length: shape[1]! },
  ];
  const exact = expected(program, inputs, outputs);
  for (const { isa, backend } of backends) expect(firstDifference(await onBackend(backend, program, inputs, outputs), exact), isa).toBeUndefined();
});

test("partial products of f32 may leave its range", async () => {
  const program: Program = {
    shape: [4096],
    reduced: [true],
    registers: 1,
    inputs: [{ dtype: "f32", offset: 0, strides: [1] }],
    outputs: [{ dtype: "f32", combine: "prod" }],
    code: [
      { op: "load", type: "f32", destination: 0, a: 0, b: 0, c: 0 },
      { op: "store", type: "f32", destination: 0, a: 0, b: 0, c: 0 },
    ],
  };
  const inputs = [Float64Array.from({ length: 4096 }, (_, i) => (i % 16 < 8 ? 64 : 1 / 64))];
  for (const { isa, backend } of backends) {
    expect(await onBackend(backend, program, inputs, [{ dtype: "f32", length: 1 }]), isa).toEqual([Float64Array.of(1)]);
  }
});
