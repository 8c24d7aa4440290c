import { halves } from "../../kernels/elementwise/program.ts";
import type { CommandList } from "./backend.ts";
import type { Plan } from "../plan/plan.ts";

// native/tape.h describes the layout.
export const version = 1;
export const header = 2;
export const commandHeader = 4;
export const bufferWords = 4;

/** A plan as the words that the native backends read. Written once; only slots, offsets and constants change from run to run. */
export class Tape {
  readonly words: Int32Array;
  /** For each bound buffer of each command: where it stands in the words, which of the plan's buffers, and its bytes from there. */
  private readonly at: Int32Array;
  private readonly buffer: Int32Array;
  private readonly offset: Float64Array;
  private readonly patches: readonly { readonly at: number; readonly constant: number }[];

  /** `indexOf` gives the number of a kernel such as "matmul_f32". */
  constructor(plan: Plan, indexOf: (kernel: string) => number) {
    let length = header,
      bound = 0;
    for (const step of plan.steps) {
      length += commandHeader + bufferWords * step.spans.length + evenLength(step.params);
      bound += step.spans.filter((span) => span.buffer >= 0).length;
    }
    this.words = new Int32Array(length);
    this.at = new Int32Array(bound);
    this.buffer = new Int32Array(bound);
    this.offset = new Float64Array(bound);

    const paramsAt: number[] = [];
    this.words.set([version, plan.steps.length]);
    let at = header,
      index = 0;
    for (const step of plan.steps) {
      this.words.set([indexOf(`${step.kernel.name}_${step.dtype}`), step.spans.length, step.params.length], at);
      at += commandHeader;
      for (const span of step.spans) {
        if (span.buffer < 0) this.words[at] = -1;
        else {
          this.at[index] = at;
          this.buffer[index] = span.buffer;
          this.offset[index++] = span.offset;
        }
        at += bufferWords;
      }
      paramsAt.push(at);
      this.words.set(step.params, at);
      at += evenLength(step.params);
    }
    this.patches = plan.patches.map(({ step, word, constant }) => ({ at: paramsAt[step]! + word, constant }));
  }

  /** The words with the list's slots, offsets and constants in place; good until the next call. */
  bind(list: Pick<CommandList, "slots" | "bases" | "constants">): Int32Array {
    const { words, at, buffer, offset } = this,
      { slots, bases, constants } = list;
    for (let i = 0; i < at.length; i++) {
      const b = buffer[i]!,
        bytes = bases[b]! + offset[i]!,
        w = at[i]!;
      words[w] = slots[b]!;
      words[w + 1] = bytes | 0;
      words[w + 2] = (bytes / 2 ** 32) | 0;
    }
    for (const { at, constant } of this.patches) {
      const [low, high] = halves(constants[constant]!);
      words[at] = low;
      words[at + 1] = high;
    }
    return words;
  }
}

const evenLength = (words: ArrayLike<number>): number => words.length + (words.length % 2);
