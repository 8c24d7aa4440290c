import { decodeProgram, type Program } from "../../kernels/elementwise/program.ts";
import { opNames } from "../../kernels/elementwise/scalar.ts";
import { showShape } from "../core/shape.ts";
import type { Plan, Span, Step } from "./plan.ts";

/** The one text form of a plan: a line a kernel call, then its buffers. */
export function printPlan(plan: Plan): string {
  const lines = plan.steps.map((step, i) => `${String(i).padStart(4)} ${printStep(step, plan)}`);
  const bytes = (role: string): number => plan.buffers.reduce((sum, b) => sum + (b.role === role && b.reuses === undefined ? b.bytes : 0), 0);
  const cost = plan.steps.reduce(
    (sum, { kernel, params }) => {
      const c = kernel.cost(kernel.unpack(params));
      return { flops: sum.flops + c.flops, bytes: sum.bytes + c.bytes };
    },
    { flops: 0, bytes: 0 },
  );
  const reused = plan.buffers.filter((b) => b.reuses !== undefined).length;
  return [
    `${plan.steps.length} kernel calls, ${cost.flops} flops, ${cost.bytes} bytes moved`,
    ...lines,
    `inputs ${bytes("input")} bytes, outputs ${bytes("output")} bytes (${reused} in donated memory), arena ${bytes("arena")} bytes`,
  ].join("\n");
}

function printStep({ kernel, dtype, spans, inputs, label, params }: Step, plan: Plan): string {
  const show = (span: Span): string =>
    span.buffer < 0 ? "-" : `${plan.buffers[span.buffer]!.role[0]}${span.buffer}+${span.offset}:${span.dtype}[${span.length}]`;
  const tail = "program" in kernel.params ? programOf(kernel.unpack(params).program) : null;
  const chain = tail
    ? ` ${showShape(tail.shape)} ${tail.code
        .filter((i) => !["load", "store", "constant"].includes(i.op))
        .map((i) => i.op)
        .join(" ")}`
    : "";
  return `${kernel.name}_${dtype} <${label}>${chain} (${spans.slice(0, inputs).map(show).join(", ")}) -> (${spans.slice(inputs).map(show).join(", ")})`;
}

const programOf = (words: readonly number[]): Program | null => (words.length > 0 ? decodeProgram(words, opNames) : null);
