import {
  type Combine,
  encodeProgram,
  halves,
  type Instruction,
  instructionAt,
  type Program,
  type ProgramInput,
  type ProgramOutput,
  registerType,
} from "../../kernels/elementwise/program.ts";
import { opcodes } from "../../kernels/elementwise/scalar.ts";
import type { Words } from "../../kernels/kernel.ts";
import { type DType, dtypes } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import type { Node, Value } from "../graph/node.ts";
import type { StridedView } from "../graph/primitive.ts";
import type { Location } from "./locate.ts";
import { isConstantLeaf, type Space } from "./space.ts";
import { restride } from "./strided.ts";

/** A chain as code: what it reads, what it writes, and its words. */
export interface ChainCode {
  readonly inputs: readonly Location[];
  readonly outputs: readonly Value[];
  readonly words: Words;
  /** Words (of `words`) that hold numbers which change from run to run, and which number. */
  readonly patches: readonly { readonly word: number; readonly constant: number }[];
  /** Inputs that are read at the very index that is written, without a break. */
  readonly inPlace: readonly boolean[];
}

interface Draft {
  op: string;
  type: Instruction["type"];
  destination: number; // a virtual register, -1: none
  operands: number[]; // virtual registers
  immediate?: [number, number];
}

/** A register that is written to memory. */
export interface Stored {
  readonly value: Value;
  readonly register: number;
  /** Of what the register holds. */
  readonly dtype: DType;
  readonly combine: Combine;
}

/** Writes the program of a chain. */
export class ChainWriter {
  readonly #drafts: Draft[] = [];
  readonly #registers = new Map<string, number>();
  readonly #values = new Map<Value, number>();
  readonly #inputs: { location: Location; view: StridedView; dtype: DType }[] = [];
  readonly #patches: { draft: number; constant: number }[] = [];
  #virtual = 0;

  constructor(
    private readonly space: Space,
    private readonly locate: (value: Value) => Location,
    private readonly lifted: ReadonlyMap<Value, number>,
    root: Node | null,
  ) {
    if (root)
      this.#values.set(root.outputs[0]!, this.#emit({ op: "load", type: registerType(root.outputs[0]!.dtype), operands: [], immediate: [-1, 0] }));
  }

  /** The register that holds a value: made by a member, a constant, or loaded. */
  read(value: Value): number {
    const location = this.locate(value);
    const known = this.#values.get(location.base);
    if (known !== undefined) return known;
    if (isConstantLeaf(location.base)) return this.#constant(location.base);
    return this.load(location);
  }

  load(location: Location): number {
    const { base } = location;
    const view = restride(location.view, this.space.shape) ?? fail("ERR_STATE", "plan", "a chain reads a view that its space does not divide");
    let index = this.#inputs.findIndex(
      (x) => x.location.base === base && x.view.offset === view.offset && x.view.strides.every((s, i) => s === view.strides[i]),
    );
    if (index < 0) index = this.#inputs.push({ location, view, dtype: base.dtype }) - 1;
    return this.#once(`load ${index}`, () => ({ op: "load", type: registerType(base.dtype), operands: [], immediate: [index, 0] }));
  }

  apply(node: Node): void {
    const { primitive } = node;
    const [out] = node.outputs as [Value];
    const operands = node.inputs.map((x) => this.read(x));
    if (primitive.kind === "reduce") {
      this.#values.set(out, operands[0]!);
      return;
    }
    const scalar = primitive.scalar!;
    const type = registerType(node.inputs.at(-1)!.dtype);
    if (scalar === "cast") {
      this.#values.set(out, this.#emit({ op: "cast", type, operands, immediate: [dtypes.indexOf(out.dtype), 0] }));
      return;
    }
    const made = this.#emit({ op: scalar, type, operands });
    // Arithmetic on u8 runs on wider registers.
    this.#values.set(
      out,
      out.dtype === "u8" ? this.#emit({ op: "cast", type: "i32", operands: [made], immediate: [dtypes.indexOf("u8"), 0] }) : made,
    );
  }

  /** Ends the chain: writes these values, reductions combined. */
  finish(stored: readonly Stored[], keepLastAxis: boolean): ChainCode {
    const { shape, inputs, reduced } = collapse(
      this.space,
      this.#inputs.map((x) => x.view),
      keepLastAxis,
    );
    const outputs: ProgramOutput[] = stored.map(({ value, combine }) => ({ dtype: value.dtype, combine }));
    for (const [index, { dtype, register }] of stored.entries()) {
      this.#drafts.push({ op: "store", type: registerType(dtype), destination: -1, operands: [register], immediate: [index, 0] });
    }
    const { code, registers } = assignRegisters(this.#drafts);
    const program: Program = {
      shape,
      reduced,
      registers,
      inputs: inputs.map((view, i): ProgramInput => ({ dtype: this.#inputs[i]!.dtype, offset: view.offset, strides: view.strides })),
      outputs,
      code,
    };
    const raw = new Set(this.#drafts.filter((d) => d.op === "load").map((d) => d.destination));
    const storesLoad = stored.some(({ register }) => raw.has(register));
    return {
      inputs: this.#inputs.map((x) => x.location),
      outputs: stored.map((s) => s.value),
      words: encodeProgram(program, opcodes),
      patches: this.#patches.map(({ draft, constant }) => ({ word: instructionAt(inputs.length, outputs.length, draft) + 2, constant })),
      inPlace: inputs.map((view) => !storesLoad && view.offset === 0 && isRowMajor(view)),
    };
  }

  #constant(value: Value): number {
    const constant = this.lifted.get(value);
    const type = registerType(value.dtype);
    const number = Number(value.node.attrs.value);
    const key = constant === undefined ? `constant ${type} ${Object.is(number, -0) ? "-0" : number}` : `lifted ${type} ${constant}`;
    return this.#once(key, () => {
      if (constant !== undefined) this.#patches.push({ draft: this.#drafts.length, constant });
      return { op: "constant", type, operands: [], immediate: halves(number) };
    });
  }
  #once(key: string, draft: () => Omit<Draft, "destination">): number {
    let register = this.#registers.get(key);
    if (register === undefined) this.#registers.set(key, (register = this.#emit(draft())));
    return register;
  }
  #emit(draft: Omit<Draft, "destination">): number {
    this.#drafts.push({ ...draft, destination: this.#virtual });
    return this.#virtual++;
  }
}

function isRowMajor({ shape, strides }: StridedView): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) return false;
    step *= shape[i]!;
  }
  return true;
}

/** Merges neighbouring axes that every input walks through evenly. */
function collapse(
  space: Space,
  views: readonly StridedView[],
  keepLastAxis: boolean,
): { shape: number[]; reduced: boolean[]; inputs: StridedView[] } {
  const shape: number[] = [],
    reduced: boolean[] = [],
    strides: number[][] = views.map(() => []);
  const last = space.shape.length - 1;
  space.shape.forEach((n, i) => {
    const top = shape.length - 1;
    const even =
      top >= 0 && !(keepLastAxis && i === last) && reduced[top] === space.reduced[i] && views.every((v, k) => strides[k]![top] === v.strides[i]! * n);
    if (even) {
      shape[top]! *= n;
      views.forEach((v, k) => {
        strides[k]![top] = v.strides[i]!;
      });
    } else {
      shape.push(n);
      reduced.push(space.reduced[i]!);
      views.forEach((v, k) => strides[k]!.push(v.strides[i]!));
    }
  });
  if (shape.length === 0) {
    shape.push(1);
    reduced.push(space.reduced[0] ?? false);
    for (const s of strides) s.push(0);
  }
  return { shape, reduced, inputs: views.map((v, k) => ({ shape, strides: strides[k]!, offset: v.offset })) };
}

/** Linear scan: a register is free again after its last use; by the very instruction only where results are as wide as operands. */
function assignRegisters(drafts: readonly Draft[]): { code: Instruction[]; registers: number } {
  const lastUse = new Map<number, number>();
  drafts.forEach(({ operands }, i) => {
    for (const r of operands) lastUse.set(r, i);
  });
  const free: number[] = [];
  const real = new Map<number, number>();
  let registers = 0;
  const code = drafts.map(({ op, type, destination, operands, immediate }, i): Instruction => {
    const used = operands.map((r) => real.get(r)!);
    const spent = [...new Set(operands)].filter((r) => lastUse.get(r) === i).map((r) => real.get(r)!);
    const mixed = type === "f64" || op === "cast";
    if (!mixed) free.push(...spent);
    let target = 0;
    if (destination >= 0) {
      target = free.pop() ?? registers++;
      real.set(destination, target);
      if (!lastUse.has(destination)) free.push(target);
    }
    if (mixed) free.push(...spent);
    if (op === "store") return { op, type, destination: 0, a: immediate![0], b: used[0]!, c: 0 };
    if (op === "cast") return { op, type, destination: target, a: used[0]!, b: immediate![0], c: 0 };
    if (immediate) return { op, type, destination: target, a: immediate[0], b: immediate[1], c: 0 };
    return { op, type, destination: target, a: used[0] ?? 0, b: used[1] ?? 0, c: used[2] ?? 0 };
  });
  return { code, registers: Math.max(registers, 1) };
}
