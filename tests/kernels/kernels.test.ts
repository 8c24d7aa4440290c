import { afterAll, describe, expect, test } from "vitest";
import { decodeProgram } from "../../kernels/elementwise/program.ts";
import { opNames } from "../../kernels/elementwise/scalar.ts";
import type { TypedArray } from "../../src/core/dtype.ts";
import { contiguousStrides, sizeOf } from "../../src/core/shape.ts";
import { loadAddon, NativeBackend } from "../../src/backends/native.ts";
import { floatInputs, type KernelCall, makeCall, reference, run, sameBytes, withInfinity } from "./call.ts";
import { discover } from "./discover.ts";
import { bytesOf, difference, randomFrom } from "./numbers.ts";

// Every kernel, on every case of its contract, at every level of the instruction set that this CPU has.
const levels = loadAddon().levels.map((isa) => ({ isa, one: new NativeBackend({ isa, threads: 1 }), two: new NativeBackend({ isa, threads: 2 }) }));
afterAll(() => Promise.all(levels.flatMap(({ one, two }) => [one.dispose(), two.dispose()])));

const summary = (params: object): string => {
  const text = JSON.stringify(params);
  return text.length > 100 ? `${text.slice(0, 100)}...` : text;
};

/** Throws unless the results are good; `terms` as in difference(). */
function check(call: KernelCall, results: readonly TypedArray[], expected: readonly Float64Array[], terms: number | null, where: string): void {
  const outputs = call.outputs.flatMap((y, i) => (y.present ? [{ ...y, expected: expected[i]! }] : []));
  outputs.forEach((y, i) => {
    const wrong = difference(y.dtype, results[i]!, y.expected, terms);
    if (wrong) throw new Error(`${where}: "${y.name}": ${wrong}`);
  });
}
function checkSame(a: readonly TypedArray[], b: readonly TypedArray[], what: string): void {
  a.forEach((x, i) => {
    if (sameBytes(bytesOf(x), bytesOf(b[i]!))) return;
    const at = bytesOf(x).findIndex((byte, j) => byte !== bytesOf(b[i]!)[j]),
      element = Math.floor(at / x.BYTES_PER_ELEMENT);
    throw new Error(`${what}: output ${i} differs at element ${element}: ${x[element]} and ${b[i]![element]}`);
  });
}

/** Donated memory: a chain's output over each input that it reads row by row, as the planner does it. */
async function checkInPlace(call: KernelCall, terms: number): Promise<void> {
  const program = call.params.program?.length > 0 ? decodeProgram(call.params.program, opNames) : null;
  if (!program) return;
  const loaded = new Set(program.code.filter(({ op }) => op === "load").map(({ destination }) => destination));
  if (program.code.some(({ op, b }) => op === "store" && loaded.has(b))) return;
  const place = (list: KernelCall["inputs"], extra: number): number => list.findIndex((x) => x.extra === extra);
  const expected = reference(call);
  for (const [i, x] of program.inputs.entries()) {
    const rowMajor = contiguousStrides(program.shape).every((stride, axis) => x.strides[axis] === stride || program.shape[axis] === 1);
    const o = program.outputs.findIndex((y) => y.combine === "none" && y.dtype === x.dtype);
    if (!rowMajor || x.offset !== 0 || o < 0 || sizeOf(program.shape) === 0) continue;
    for (const { isa, two } of levels) {
      const [results] = (await run(two, call, { inPlace: new Map([[place(call.outputs, o), place(call.inputs, i)]]) })) as [TypedArray[]];
      check(call, results, expected, terms, `${isa}, output ${o} in place of input ${i}`);
    }
  }
}

async function checkCall(call: KernelCall, terms: number | null): Promise<void> {
  const expected = reference(call);
  for (const { isa, one, two } of levels) {
    const [first, second] = (await run(two, call, { times: 2 })) as [TypedArray[], TypedArray[]];
    check(call, first, expected, terms, isa);
    checkSame(first, second, `${isa}, a second run over the same buffers`);
    const [alone] = (await run(one, call, { shifted: true })) as [TypedArray[]];
    checkSame(first, alone, `${isa}, 2 threads against 1 with every buffer at an odd address`);
  }
}

for (const kernel of await discover()) {
  describe(kernel.name, () => {
    for (const dtype of kernel.dtypes) {
      kernel.cases.forEach((params, index) => {
        test(`${dtype} ${summary(params)}`, async () => {
          expect(levels[0]!.one.supports(kernel.name, dtype)).toBe(true);
          expect(kernel.unpack(kernel.pack(params)), "params survive packing").toEqual(params);
          const random = randomFrom(`${kernel.name} ${dtype} ${index}`),
            terms = kernel.terms?.(params) ?? 8;
          const call = makeCall(kernel, dtype, params, random);
          await checkCall(call, terms);
          await checkInPlace(call, terms);
          if (kernel.extra && Object.keys(kernel.outputs).some((name) => name.endsWith("?")) && call.outputs.some((y) => y.extra >= 0)) {
            await checkCall(makeCall(kernel, dtype, params, random, true), terms);
          }
          for (const input of floatInputs(call)) await checkCall(withInfinity(call, input, random), null);
        });
      });
    }
  });
}
