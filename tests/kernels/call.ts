import type { Kernel } from "../../kernels/kernel.ts";
import type { Backend, Slot } from "../../src/backends/backend.ts";
import { encode, isFloat, type DType, type TypedArray } from "../../src/core/dtype.ts";
import type { Plan } from "../../src/plan/plan.ts";
import { byteLength, bytesOf, fromBytes, ordinary, rounded } from "./numbers.ts";

/** One buffer of a kernel, absent or not. */
export interface Bound {
  readonly name: string;
  readonly extra: number; // its place among the extra inputs or outputs; -1 for a named one
  readonly dtype: DType;
  readonly size: number;
  readonly present: boolean;
}

/** One call of a kernel: its parameters, what it binds, and the numbers that go in. */
export interface KernelCall {
  readonly kernel: Kernel;
  readonly dtype: DType;
  readonly params: any;
  readonly inputs: readonly Bound[];
  readonly outputs: readonly Bound[];
  readonly numbers: readonly Float64Array[]; // of the inputs
}

/** `omit`: leaves out the optional outputs. */
export function makeCall(kernel: Kernel, dtype: DType, params: any, random: () => number, omit = false): KernelCall {
  const sizes = kernel.sizes(params),
    extra = kernel.extra?.(params),
    extraSizes = kernel.extraSizes?.(params);
  const typeOf = (type: string): DType => (type === "T" ? dtype : (type as DType));
  const named = (buffers: Readonly<Record<string, string>>, omitOptional: boolean): Bound[] =>
    Object.entries(buffers).map(([key, type]) => {
      const optional = key.endsWith("?"),
        name = optional ? key.slice(0, -1) : key,
        size = sizes[name] ?? 0;
      return { name, extra: -1, dtype: typeOf(type), size, present: !optional || (size > 0 && !omitOptional) };
    });
  const more = (types: readonly string[] = [], lengths: readonly number[] = [], what: string): Bound[] =>
    types.map((type, i) => ({ name: `extra ${what} ${i}`, extra: i, dtype: typeOf(type), size: lengths[i]!, present: true }));
  const inputs = [...named(kernel.inputs, false), ...more(extra?.inputs, extraSizes?.inputs, "input")];
  const outputs = [...named(kernel.outputs, omit), ...more(extra?.outputs, extraSizes?.outputs, "output")];
  const numbers = inputs.map((x) => rounded(x.dtype, kernel.generate?.(x.name, x.size, params, random) ?? ordinary(x.dtype, x.size, random)));
  return { kernel, dtype, params, inputs, outputs, numbers };
}

/** The same call with an infinity at some place of a float input. */
export function withInfinity(call: KernelCall, input: number, random: () => number): KernelCall {
  const numbers = call.numbers.map((x, i) => (i === input ? x.slice() : x));
  numbers[input]![Math.floor(random() * call.inputs[input]!.size)] = Infinity;
  return { ...call, numbers };
}
export const floatInputs = (call: KernelCall): number[] => call.inputs.flatMap((x, i) => (x.present && x.size > 0 && isFloat(x.dtype) ? [i] : []));

/** What the reference gives for the outputs. */
export function reference({ kernel, dtype, params, inputs, outputs, numbers }: KernelCall): Float64Array[] {
  const results = outputs.map((y) => new Float64Array(y.size));
  const record = (bound: readonly Bound[], arrays: readonly Float64Array[]): Record<string, Float64Array> =>
    Object.fromEntries(bound.flatMap((x, i) => (x.present && x.extra < 0 ? [[x.name, arrays[i]!.slice()]] : [])));
  const extras = (bound: readonly Bound[], arrays: readonly Float64Array[]): Float64Array[] => arrays.filter((_, i) => bound[i]!.extra >= 0);
  const named = record(outputs, results);
  kernel.reference(
    { inputs: record(inputs, numbers), outputs: named, extraInputs: extras(inputs, numbers), extraOutputs: extras(outputs, results) },
    params,
    dtype,
  );
  return outputs.map((y, i) => (y.extra < 0 ? (named[y.name] ?? results[i]!) : results[i]!));
}

const guard = 64; // bytes behind each buffer

export interface RunOptions {
  readonly times?: number;
  /** Outputs that take the memory of an input, by their places in the call. */
  readonly inPlace?: ReadonlyMap<number, number>;
  /** Buffers begin one element behind an aligned address. */
  readonly shifted?: boolean;
}

/** Runs the call `times` times over the same buffers, which start as garbage; the outputs of each run. */
export async function run(
  backend: Backend,
  { kernel, dtype, params, inputs, outputs, numbers }: KernelCall,
  { times = 1, inPlace = new Map(), shifted = false }: RunOptions = {},
): Promise<TypedArray[][]> {
  const bound = [...inputs, ...outputs];
  // The buffer of each bound one: absent -1; in place that of the input; else one of its own.
  const owners = bound.flatMap((x, i) => (x.present && !inPlace.has(i - inputs.length) ? [i] : []));
  const bufferOf = (i: number): number => (bound[i]!.present ? owners.indexOf(inPlace.get(i - inputs.length) ?? i) : -1);
  const bytes = owners.map((i) => byteLength(bound[i]!.dtype, bound[i]!.size));
  const stored = owners.filter((i) => i < inputs.length).map((i) => bytesOf(encode(bound[i]!.dtype, numbers[i]!)));
  const bases = owners.map((i) => (shifted ? byteLength(bound[i]!.dtype, 1) : 0));
  const slots = bytes.map((n, i): Slot => backend.alloc(bases[i]! + n + guard));
  slots.forEach((slot, i) => {
    const content = new Uint8Array(bytes[i]! + guard).fill(0xff); // NaN, should anybody read it
    if (i < stored.length) content.set(stored[i]!);
    backend.write(slot, bases[i]!, content);
  });
  const plan: Plan = {
    buffers: bytes.map((n, i) => ({ role: i < stored.length ? "input" : "output", bytes: n })),
    steps: [
      {
        kernel,
        dtype,
        params: kernel.pack(params),
        inputs: inputs.length,
        label: kernel.name,
        spans: bound.map((x, i) => ({ buffer: bufferOf(i), offset: 0, dtype: x.dtype, length: x.size })),
      },
    ],
    outputs: [],
    patches: [],
  };
  const replaced = new Set(inPlace.values());
  try {
    const results: TypedArray[][] = [];
    for (let i = 0; i < times; i++) {
      await backend.submit({ plan, slots, bases, constants: [] });
      const after = await Promise.all(slots.map((slot, j) => backend.read(slot, bases[j]!, bytes[j]! + guard)));
      after.forEach((content, j) => {
        const owner = owners[j]!,
          { name } = bound[owner]!;
        if (content.subarray(bytes[j]!).some((byte) => byte !== 0xff)) throw new Error(`${kernel.name} wrote behind "${name}"`);
        if (owner < inputs.length && !replaced.has(owner) && !sameBytes(content.subarray(0, bytes[j]!), stored[j]!))
          throw new Error(`${kernel.name} changed its input "${name}"`);
      });
      results.push(outputs.flatMap((y, o) => (y.present ? [fromBytes(y.dtype, after[bufferOf(inputs.length + o)]!, y.size)] : [])));
    }
    return results;
  } finally {
    for (const slot of slots) backend.free(slot);
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
