import { bytesPer, dtypes } from "../../src/core/dtype.ts";
import { contiguousStrides, sizeOf } from "../../src/core/shape.ts";
import { kernel } from "../kernel.ts";

/** Lists of 8, the axes beyond `rank` filled with shape 1 and zeros (padParams does it). */
export type PadParams = {
  rank: number;
  shape: readonly number[];
  low: readonly number[];
  high: readonly number[];
  interior: readonly number[];
};

const fill = (list: readonly number[], value: number): number[] => [...list, ...new Array<number>(8 - list.length).fill(value)];
export function padParams(shape: readonly number[], low: readonly number[], high: readonly number[], interior: readonly number[]): PadParams {
  return { rank: shape.length, shape: fill(shape, 1), low: fill(low, 0), high: fill(high, 0), interior: fill(interior, 0) };
}
/** Per axis low + n + (n - 1) interior + high. */
export const paddedShape = ({ rank, shape, low, high, interior }: PadParams): number[] =>
  shape.slice(0, rank).map((n, i) => low[i]! + n + Math.max(n - 1, 0) * interior[i]! + high[i]!);

/** Zeros before (low), after (high) and between (interior) the elements of each axis, as XLA's pad; negative low and high cut off. */
export const pad = kernel<PadParams>({
  name: "pad",
  dtypes,
  inputs: { x: "T" },
  outputs: { y: "T" },
  params: { rank: "u32", shape: "i32[8]", low: "i32[8]", high: "i32[8]", interior: "i32[8]" },
  sizes: (p) => ({ x: sizeOf(p.shape), y: sizeOf(paddedShape(p)) }),
  cost: (p) => ({ flops: 0, bytes: (sizeOf(p.shape) + sizeOf(paddedShape(p))) * bytesPer.f32 }),
  reference({ inputs: { x }, outputs: { y } }, p) {
    const shape = p.shape.slice(0, p.rank),
      out = paddedShape(p);
    const from = contiguousStrides(shape),
      to = contiguousStrides(out);
    y!.fill(0);
    for (let i = 0; i < x!.length; i++) {
      const at = shape.map((n, axis) => p.low[axis]! + (Math.floor(i / from[axis]!) % n) * (1 + p.interior[axis]!));
      if (at.every((k, axis) => k >= 0 && k < out[axis]!)) y![at.reduce((sum, k, axis) => sum + k * to[axis]!, 0)] = x![i]!;
    }
  },
  cases: [
    padParams([], [], [], []),
    padParams([1], [0], [0], [0]),
    padParams([17], [2], [3], [2]),
    padParams([65, 17], [1, 0], [0, 3], [0, 0]),
    padParams([17, 65], [-2, 3], [1, -4], [1, 2]),
    padParams([3, 1, 5, 197], [0, 2, 1, 0], [1, 0, 1, 0], [0, 0, 2, 0]),
    padParams([4, 8, 8, 17], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]),
    padParams([2, 2, 2, 2, 2, 2, 2, 3], [0, 1, 0, 1, 0, 1, 0, 1], [1, 0, 1, 0, 1, 0, 1, 0], [1, 0, 0, 1, 0, 0, 1, 0]),
    padParams([0, 3], [2, 0], [1, 1], [3, 0]),
    padParams([5], [-3], [-2], [0]),
  ],
});
