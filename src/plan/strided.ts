import { contiguousStrides, type Shape, sizeOf } from "../core/shape.ts";
import type { StridedView } from "../graph/primitive.ts";

export const wholeView = (shape: Shape): StridedView => ({ shape, strides: contiguousStrides(shape), offset: 0 });

/** Whether the elements lie in row-major order without holes (from `offset` on). */
export function isContiguous({ shape, strides }: StridedView): boolean {
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] === 1) continue;
    if (strides[i] !== step) return sizeOf(shape) === 0;
    step *= shape[i]!;
  }
  return true;
}

/** The coarsest shape that both shapes of one size are merged from, or null: [6, 4] and [2, 12] -> [2, 3, 4]. */
export function refine(a: Shape, b: Shape): number[] | null {
  if (sizeOf(a) !== sizeOf(b)) return null;
  if (sizeOf(a) === 0) {
    const wide = [a, b].map((shape) => shape.filter((n) => n !== 1));
    return wide[0]!.length === wide[1]!.length && wide[0]!.every((n, i) => n === wide[1]![i]) ? wide[0]! : null;
  }
  const out: number[] = [];
  let i = a.length - 1,
    j = b.length - 1,
    x = 1,
    y = 1;
  for (;;) {
    while (x === 1 && i >= 0) x = a[i--]!;
    while (y === 1 && j >= 0) y = b[j--]!;
    if (x === 1 && y === 1) return out.reverse();
    const step = Math.min(x, y);
    if (x % step !== 0 || y % step !== 0) return null;
    out.push(step);
    x /= step;
    y /= step;
  }
}

/** The same elements in the same order over another shape of that size; null when no strides say it. */
export function restride(view: StridedView, shape: Shape): StridedView | null {
  if (sizeOf(view.shape) !== sizeOf(shape)) return null;
  if (sizeOf(shape) === 0) return { shape, strides: contiguousStrides(shape), offset: view.offset };
  const strides = new Array<number>(shape.length).fill(0);
  // From the last axis on: `run` elements of the old axes are at hand, `stride` apart.
  let old = view.shape.length - 1,
    run = 1,
    stride = 0;
  for (let i = shape.length - 1; i >= 0; i--) {
    let wanted = shape[i]!;
    if (wanted === 1) continue;
    while (run === 1 && old >= 0) [run, stride] = [view.shape[old]!, view.strides[old--]!];
    strides[i] = stride;
    while (wanted > run) {
      if (wanted % run !== 0) return null;
      wanted /= run;
      // The next old axis must go on where this one ends.
      let next = old;
      while (next >= 0 && view.shape[next] === 1) next--;
      if (next < 0 || view.strides[next] !== stride * run) return null;
      stride = view.strides[next]!;
      run = view.shape[next]!;
      old = next - 1;
    }
    if (run % wanted !== 0) return null;
    run /= wanted;
    stride *= wanted;
  }
  return { shape, strides, offset: view.offset };
}
