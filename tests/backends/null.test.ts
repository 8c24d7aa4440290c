import { describe, expect, test } from "vitest";
import { NullBackend } from "../../src/backends/null.ts";
import type { Plan, Span, Step } from "../../src/plan/plan.ts";
import { Tape } from "../../src/backends/tape.ts";
import { addPlan } from "./testAddon.ts";

function bind(backend: NullBackend, plan: Plan, constants: number[] = [1]): Promise<void> {
  const slots = plan.buffers.map((buffer) => backend.alloc(buffer.bytes));
  return backend.submit({ plan, slots, bases: slots.map(() => 0), constants });
}
/** addPlan with its step, or one of its spans, changed. */
const changed = (step: Partial<Step>): Plan => ({ ...addPlan(100), steps: [{ ...addPlan(100).steps[0]!, ...step }] });
const span = (more: Partial<Span>): Span => ({ buffer: 0, offset: 0, dtype: "f32", length: 100, ...more });

describe("the null backend", () => {
  test("counts what it does not run, and reads zeros", async () => {
    const backend = new NullBackend(),
      plan = addPlan(100),
      slot = backend.alloc(400);
    backend.write(slot, 0, new Uint8Array(400).fill(1));
    await bind(backend, plan);
    await bind(backend, plan);
    expect(await backend.read(slot, 0, 400)).toEqual(new Uint8Array(400));
    expect(backend.counts).toEqual({ plans: 2, steps: 2, writes: 1, reads: 1, flops: 200, bytes: 1600 });
    backend.free(slot);
    expect(backend.memory()).toEqual({ bytesInUse: 1600, bytesReserved: 1600, peakBytes: 2000 });
  });

  test.each([
    ["a buffer too few", changed({ spans: [span({})] }), "binds 1 buffers, its kernel has 2"],
    ["another dtype", changed({ spans: [span({ dtype: "f64" }), span({ buffer: 1 })] }), 'binds "x" as f64, it is f32'],
    ["too short a span", changed({ spans: [span({}), span({ buffer: 1, length: 99 })] }), 'binds "y" to 99 elements, it needs 100'],
    ["past the end", changed({ spans: [span({}), span({ buffer: 1, offset: 64 })] }), "up to byte 464 of buffer 1, which has 400"],
    ["a crooked offset", changed({ spans: [span({ offset: 4, length: 99 }), span({ buffer: 1 })] }), 'binds "x" to 99'],
    ["an absent buffer that must be there", changed({ spans: [span({ buffer: -1 }), span({ buffer: 1 })] }), 'leaves out "x"'],
    [
      "an input that nobody wrote",
      changed({ spans: [span({ buffer: 1 }), span({ buffer: 1 })] }),
      "reads bytes 0 to 400 of buffer 1 before they are written",
    ],
    ["an output that nobody wrote", { ...addPlan(100), steps: [], patches: [] }, "output 0 is never written"],
    ["a patch outside of the parameters", { ...addPlan(100), patches: [{ step: 0, word: 2, constant: 0 }] }, "a patch of step 0"],
  ] satisfies [string, Plan, string][])("refuses %s", (_, plan, message) => {
    expect(() => bind(new NullBackend(), plan)).toThrow(message);
  });

  test("refuses an output over a part of an input, and takes one in place of it", async () => {
    const buffers = [
      { role: "input", bytes: 1000 },
      { role: "output", bytes: 400 },
    ] as const;
    const over = (offset: number): Plan => ({ ...changed({ spans: [span({}), span({ buffer: 0, offset })] }), buffers, outputs: [] });
    expect(() => bind(new NullBackend(), over(64))).toThrow('writes "y" over "x"');
    await bind(new NullBackend(), over(0));
    await bind(new NullBackend(), over(448));
  });

  test("knows that an output has the memory of a donated input", async () => {
    const add = addPlan(100),
      buffers = [add.buffers[0]!, { role: "output", bytes: 400, reuses: 0 }] as const;
    await bind(new NullBackend(), { ...add, buffers });
    const again: Plan = { ...add, buffers, steps: [...add.steps, ...add.steps] };
    expect(() => bind(new NullBackend(), again)).toThrow("step 1 (add) uses buffer 0, whose memory step 0 (add) has taken");
    const crooked = changed({ spans: [span({ offset: 0, length: 100 }), span({ buffer: 1, offset: 64 })] });
    const longer = [
      { role: "input", bytes: 1000 },
      { role: "output", bytes: 1000, reuses: 0 },
    ] as const;
    expect(() => bind(new NullBackend(), { ...crooked, buffers: longer, outputs: [] })).toThrow('writes "y" over "x"');
  });

  test("refuses slots that are gone and constants that are missing", () => {
    const backend = new NullBackend(),
      slot = backend.alloc(8);
    backend.free(slot);
    expect(() => backend.free(slot)).toThrow("slot 0 is not allocated");
    expect(() => backend.write(slot, 0, new Uint8Array(8))).toThrow("slot 0 is not allocated");
    expect(() => bind(backend, addPlan(100), [])).toThrow("constant 0 is missing");
  });
});

test("a tape holds kernels, bound buffers and aligned parameters", () => {
  const plan = addPlan(3),
    tape = new Tape(plan, () => 42);
  const words = [...tape.bind({ slots: [5, 6], bases: [64, 2 ** 33 + 128], constants: [1] })];
  expect(words).toEqual([1, 1, /**/ 42, 2, 3, 0, /**/ 5, 64, 0, 0, /**/ 6, 128, 2, 0, /**/ 0, 0x3ff00000, 3, 0]);
  expect([...tape.bind({ slots: [7, 8], bases: [0, 0], constants: [-2] })].slice(6)).toEqual([7, 0, 0, 0, 8, 0, 0, 0, 0, 0xc0000000 | 0, 3, 0]);
  const absent: Plan = changed({ spans: [span({ buffer: -1 }), span({ buffer: 1 })] });
  expect(new Tape(absent, () => 0).bind({ slots: [1, 2], bases: [0, 0], constants: [1] }).slice(6, 8)).toEqual(Int32Array.of(-1, 0));
});
