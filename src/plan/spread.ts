import { contiguousStrides, sizeOf } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";
import type { StridedView } from "../graph/primitive.ts";
import { reachable } from "../graph/walk.ts";
import { joinOffsets } from "./joins.ts";
import { type Location, Locator } from "./locate.ts";
import { isContiguous, restride } from "./strided.ts";

/** Outputs of kernels that write with strides go where they are wanted: into the order of axes in which the caller takes
 *  them, or into the one join that all of a node's outputs meet in. */
export function resolveSpreads(outputs: readonly Value[], isInput: (v: Value) => boolean, locator: Locator): void {
  const looking = new Locator(isInput); // what it finds is true only until a value is moved
  const taken = new Set<Value>(outputs.map((out) => looking.locate(out)).flatMap(({ base, view }) => (isContiguous(view) ? [base] : [])));
  const move = (whole: Value, pieces: ReadonlyMap<Value, StridedView>): void => {
    for (const piece of pieces.keys()) taken.add(piece);
    locator.spread(whole, pieces);
  };
  /** A value that may be moved to `view`. */
  const movable = (value: Value, view: StridedView | null): view is StridedView =>
    view !== null && !taken.has(value) && !isInput(value) && value.node.primitive.spreads?.(value.index, view) === true;

  for (const whole of outputs) {
    if (!looking.isView(whole)) continue;
    const { base } = looking.locate(whole),
      view = turnedBack(looking.locate(whole));
    if (movable(base, view)) move(whole, new Map([[base, view]]));
  }
  for (const node of reachable(outputs, isInput)) {
    const views = node.primitive.pieces?.(node.inputs, node.outputs[0]!, node.attrs);
    if (!views || joinOffsets(node)) continue;
    const pieces = piecesOf(node, views, looking);
    if (pieces && [...pieces].every(([value, view]) => movable(value, view))) move(node.outputs[0]!, pieces);
  }
}

/** Where the base lies in a value that is its transpose; null where it is something else, or the same. */
function turnedBack({ base, view: { shape, strides, offset } }: Location): StridedView | null {
  if (isContiguous({ shape, strides, offset }) || sizeOf(shape) !== sizeOf(base.shape)) return null;
  const order = shape.map((_, i) => i).sort((a, b) => strides[b]! - strides[a]!),
    own = contiguousStrides(shape);
  const inBase = { shape: order.map((i) => shape[i]!), strides: order.map((i) => strides[i]!), offset };
  return isContiguous(inBase) && offset === 0 ? restride({ ...inBase, strides: order.map((i) => own[i]!) }, base.shape) : null;
}

/** Where the outputs of one node lie in a join of them all; null where it joins anything else. */
function piecesOf(join: Node, views: readonly StridedView[], locator: Locator): Map<Value, StridedView> | null {
  const pieces = new Map<Value, StridedView>();
  for (const [i, input] of join.inputs.entries()) {
    const { base, view } = locator.locate(input),
      place = restride(views[i]!, base.shape);
    if (view.offset !== 0 || !isContiguous(view) || pieces.has(base) || !place) return null;
    pieces.set(base, place);
  }
  const [first] = pieces.keys();
  return first!.node.outputs.every((out) => pieces.has(out)) && pieces.size === first!.node.outputs.length ? pieces : null;
}
