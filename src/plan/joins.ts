import { bytesPer } from "../core/dtype.ts";
import { sizeOf } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";
import { reachable } from "../graph/walk.ts";
import type { Location, Locator } from "./locate.ts";
import { isContiguous, wholeView } from "./strided.ts";

/** Where an input lies: plan buffer and byte offset. */
export interface InputPlace {
  readonly buffer: number;
  readonly offset: number;
}

/** Joins whose pieces lie side by side already need no work: of one base they are a view, of one input buffer a stretch of
 *  it. `places` learns of the latter. */
export function resolveJoins(outputs: readonly Value[], isInput: (v: Value) => boolean, locator: Locator, places: Map<Value, InputPlace>): void {
  for (const node of reachable(outputs, isInput)) {
    const offsets = joinOffsets(node);
    const [out] = node.outputs as [Value];
    if (!offsets || sizeOf(out.shape) === 0) continue;
    const pieces = node.inputs.filter((x) => sizeOf(x.shape) > 0).map((x) => locator.locate(x));
    if (!pieces.every(({ view }) => isContiguous(view))) continue;
    const unit = bytesPer[out.dtype];
    const address = ({ base, view }: Location): { of: unknown; at: number } => {
      const place = places.get(base);
      return place ? { of: place.buffer, at: place.offset + view.offset * unit } : { of: base, at: view.offset * unit };
    };
    const first = address(pieces[0]!);
    let next = first.at;
    const adjacent = pieces.every((piece) => {
      const { of, at } = address(piece);
      const ok = of === first.of && at === next;
      next = at + sizeOf(piece.view.shape) * unit;
      return ok;
    });
    if (!adjacent) continue;
    if (typeof first.of === "number") {
      places.set(out, { buffer: first.of, offset: first.at });
      locator.alias(out, { base: out, view: wholeView(out.shape) });
    } else {
      const { base } = pieces[0]!;
      locator.alias(out, { base, view: { ...wholeView(out.shape), offset: first.at / unit } });
    }
  }
}

/** Element offsets of a join's pieces if every one is a contiguous stretch of it, or null. */
export function joinOffsets(node: Node): readonly number[] | null {
  const pieces = node.primitive.pieces?.(node.inputs, node.outputs[0]!, node.attrs);
  return pieces?.every(isContiguous) ? pieces.map(({ offset }) => offset) : null;
}
