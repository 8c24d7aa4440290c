import { o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import type { Pair } from "./windows.ts";

/** Windows over images [N, H, W, C]: the plain form of convolution and pooling, where no kernel does them. */
export interface Windows {
  readonly image: Pair; // H, W
  readonly window: Pair;
  readonly out: Pair; // windows along each axis
  readonly stride: Pair;
  readonly low: Pair; // padding before
}

/** Pixels from the first to one past the last that the windows reach along an axis, padding counted. */
const reach = ({ out, stride, window }: Windows, axis: 0 | 1): number => Math.max(0, (out[axis] - 1) * stride[axis] + window[axis]);
const padded = (w: Windows, axis: 0 | 1): number => Math.max(reach(w, axis), w.low[axis] + w.image[axis]);

/** The places of a window in row-major order. */
const places = ({ window }: Windows): Pair[] => Array.from({ length: window[0] * window[1] }, (_, i) => [Math.floor(i / window[1]), i % window[1]]);

/** For each place of the window, what all windows see there: [N, outH, outW, C], zeros outside the image. */
export function tapsOf(x: Value, w: Windows): Value[] {
  const around = ([0, 1] as const).map((axis) => [w.low[axis], padded(w, axis) - w.low[axis] - w.image[axis]]);
  const image = o.pad(x, [[0, 0], ...around, [0, 0]]),
    [n, , , c] = x.shape as [number, number, number, number];
  return places(w).map(([u, v]) => o.slice(image, [0, u, v, 0], [n, u + span(w, 0), v + span(w, 1), c], [1, w.stride[0], w.stride[1], 1]));
}
const span = ({ out, stride }: Windows, axis: 0 | 1): number => Math.max(0, (out[axis] - 1) * stride[axis] + 1);

/** The transpose of tapsOf: every pixel sums what the taps put there. */
export function untap(taps: readonly Value[], w: Windows): Value {
  const [n, , , c] = taps[0]!.shape as [number, number, number, number];
  const spread = places(w).map(([u, v], i) => {
    const widths = ([u, v] as const).map((at, axis) => [at, padded(w, axis as 0 | 1) - at - span(w, axis as 0 | 1), w.stride[axis as 0 | 1] - 1]);
    return o.pad(taps[i]!, [[0, 0], ...widths, [0, 0]]);
  });
  const sum = spread.reduce((a, b) => o.add(a, b));
  return o.slice(sum, [0, w.low[0], w.low[1], 0], [n, w.low[0] + w.image[0], w.low[1] + w.image[1], c]);
}
