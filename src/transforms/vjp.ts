import { isFloat } from "../core/dtype.ts";
import { fail } from "../core/errors.ts";
import { sameShape, showShape } from "../core/shape.ts";
import { idMark, type Node, type Value } from "../graph/node.ts";
import { type Application, isNone, type Maybe } from "../graph/primitive.ts";
import { addMaybe, isViaFallback } from "../graph/rules.ts";
import { reachable } from "../graph/walk.ts";

interface Entry extends Application {
  readonly node: Node;
}

/** The part of a graph between `wrt` and `outputs`, kept as it is even when values are computed and nodes let go of their inputs. */
export interface Tape {
  readonly outputs: readonly Value[];
  readonly wrt: readonly Value[];
  readonly entries: readonly Entry[];
}

/** Records what lies between: only nodes with id >= firstId are entered, so a walk never leaves its trace. */
export function record(outputs: readonly Value[], wrt: readonly Value[], firstId: number): Tape {
  const from = new Set(wrt);
  const nodes = reachable(outputs, (value) => from.has(value) || value.node.id < firstId);
  const depends = new Set<Node>();
  const entries: Entry[] = [];
  for (const node of nodes) {
    if (!node.inputs.some((x) => from.has(x) || depends.has(x.node))) continue;
    depends.add(node);
    entries.push({ node, inputs: node.inputs, outputs: node.outputs, attrs: node.attrs });
  }
  return { outputs, wrt, entries };
}

/** Reverse mode over a tape: cotangents of `outputs` in, of `wrt` out (null where zero). */
export function pull(tape: Tape, cotangents: readonly Maybe[]): Maybe[] {
  const held = new Map<Value, Value>();
  const add = (value: Value, cotangent: Maybe, op: string): void => {
    if (cotangent === null || !isFloat(value.dtype)) return;
    if (!sameShape(value.shape, cotangent.shape) || value.dtype !== cotangent.dtype) {
      fail(
        "ERR_STATE",
        op,
        `its vjp gave a cotangent ${cotangent.dtype} ${showShape(cotangent.shape)} for an input ${value.dtype} ${showShape(value.shape)}`,
      );
    }
    held.set(value, addMaybe(held.get(value) ?? null, cotangent)!);
  };
  tape.outputs.forEach((out, i) => add(out, cotangents[i] ?? null, "vjp"));
  for (let i = tape.entries.length - 1; i >= 0; i--) {
    const entry = tape.entries[i]!;
    const cts = entry.outputs.map((out) => held.get(out) ?? null);
    if (cts.every((ct) => ct === null)) continue;
    inputCotangents(entry, cts).forEach((ct, k) => add(entry.inputs[k]!, ct, entry.node.primitive.name));
  }
  const given = new Set<Value>();
  return tape.wrt.map((x) => {
    if (given.has(x)) return null;
    given.add(x);
    return held.get(x) ?? null;
  });
}

function inputCotangents(entry: Entry, cotangents: readonly Maybe[]): readonly Maybe[] {
  const { primitive } = entry.node;
  const rule = primitive.vjp;
  if (isNone(rule)) return [];
  if (!isViaFallback(rule)) return rule(cotangents, entry);
  const firstId = idMark();
  const outputs = primitive.fallback!(entry.inputs, entry.attrs);
  return pull(record(outputs, entry.inputs, firstId), cotangents);
}

export const backward = (outputs: readonly Value[], cotangents: readonly Maybe[], wrt: readonly Value[], firstId: number): Maybe[] =>
  pull(record(outputs, wrt, firstId), cotangents);
