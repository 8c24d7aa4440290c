import { sizeOf } from "../core/shape.ts";
import type { Node, Value } from "../graph/node.ts";
import type { Locator } from "./locate.ts";
import { isContiguous, refine } from "./strided.ts";

/** The iteration space of a chain. */
export interface Space {
  readonly shape: readonly number[];
  readonly reduced: readonly boolean[];
}

const maxAxes = 8;
/** The shape over which a member runs: that of its operands. */
export const iterationShape = (node: Node): readonly number[] => (node.primitive.kind === "reduce" ? node.inputs[0]! : node.outputs[0]!).shape;

/** Whether nodes can run as one pass, and over which space; null if not. Members must be in topological order. */
export function commonSpace(root: Node | null, members: readonly Node[], locator: Locator): Space | null {
  const own = new Set<Node>(members);
  if (root) own.add(root);
  // What the root reads cannot be part of its epilogue.
  if (root?.inputs.some((x) => locator.dependencies(x).some((d) => own.has(d.node)))) return null;
  const first = root ? root.outputs[0]!.shape : iterationShape(members[0]!);
  let shape: number[] | null = first.filter((n) => n !== 1);
  for (const node of members) {
    shape = withMember(shape, node, own, locator);
    if (shape === null) return null;
  }
  return finishSpace(root, members, shape);
}

/** The space of a chain and one more member, when it stays as it is; null when all must be looked at. */
export function sameSpace(space: Space, node: Node, own: ReadonlySet<Node>, locator: Locator): Space | null {
  if (node.primitive.kind === "reduce") return null;
  const shape = withMember(space.shape, node, own, locator);
  return shape && shape.length === space.shape.filter((n) => n !== 1).length ? space : null;
}

function withMember(space: readonly number[], node: Node, own: ReadonlySet<Node>, locator: Locator): number[] | null {
  const iteration = iterationShape(node),
    size = sizeOf(iteration);
  if (sizeOf(space) !== size) return null;
  let shape: number[] | null = refine(space, iteration);
  for (const input of node.inputs) {
    const { base, view } = locator.locate(input);
    if (own.has(base.node)) {
      if (base.node.primitive.kind === "reduce" || view.offset !== 0 || !isContiguous(view) || sizeOf(base.shape) !== size) return null;
    }
    // What must be copied first cannot come out of the same pass.
    if (locator.isView(base) && locator.dependencies(base).some((d) => own.has(d.node))) return null;
    shape = shape && refine(shape, view.shape);
  }
  return shape;
}

function finishSpace(root: Node | null, members: readonly Node[], shape: number[]): Space | null {
  if (root) {
    const columns = root.outputs[0]!.shape.at(-1)!;
    if (members.some((m) => m.primitive.kind === "reduce")) return null;
    // The kernel's last axis stays whole.
    if (columns !== 1 && shape.at(-1) !== columns) return null;
    if (columns === 1) shape.push(1);
  }
  if (shape.length > maxAxes) return null;
  const reduced = reducedAxes(members, shape);
  return reduced && { shape, reduced };
}

/** The axes of `shape` that the members' reductions sum over; null when they differ. */
function reducedAxes(members: readonly Node[], shape: readonly number[]): boolean[] | null {
  let found: boolean[] | null = null;
  for (const node of members) {
    if (node.primitive.kind !== "reduce") continue;
    const mask = splitMask(node.inputs[0]!.shape, node.attrs.axes as readonly number[], shape);
    if (found && mask.some((on, i) => on !== found![i])) return null;
    found = mask;
  }
  return found ?? shape.map(() => false);
}

/** A mask over axes, carried to a finer shape. */
function splitMask(coarse: readonly number[], axes: readonly number[], fine: readonly number[]): boolean[] {
  const mask = new Array<boolean>(fine.length).fill(false);
  let at = fine.length - 1;
  for (let i = coarse.length - 1; i >= 0; i--) {
    let rest = coarse[i]!;
    if (rest === 1) continue;
    do {
      mask[at] = axes.includes(i);
      rest /= fine[at--]!;
    } while (rest > 1);
  }
  return mask;
}

export const isConstantLeaf = (value: Value): boolean =>
  value.node.primitive.kind === "leaf" && value.node.device === null && "value" in value.node.attrs;
