import { o } from "../graph/algebra.ts";
import type { Value } from "../graph/node.ts";
import type { Attrs, Maybe } from "../graph/primitive.ts";
import { addMaybe } from "../graph/rules.ts";

// Normalisation, its gradient and their tangents in plain operations. x is [.., A, R1, K, R2], statistics [.., A, K] over (R1, R2), scale and
// bias [.., K, R2]. The axes in front are of directions or places; they broadcast.

const overGroup = { axis: [-3, -1], keepDims: true } as const;
const mean = (x: Value): Value => o.mean(x, overGroup);
/** A statistic beside x. */
export const beside = (statistic: Value): Value => o.reshape(statistic, [...statistic.shape.slice(0, -1), 1, statistic.shape.at(-1)!, 1]);
const flat = (statistic: Value): Value => o.reshape(statistic, [...statistic.shape.slice(0, -3), ...statistic.shape.slice(-2, -1)]);
/** Numbers of channels beside x. */
const channels = (t: Value): Value => o.reshape(t, [...t.shape.slice(0, -2), 1, 1, ...t.shape.slice(-2)]);
const overRows = (x: Value): Value => o.sum(x, { axis: [-4, -3] });
export const rstdOf = (variance: Value, { eps }: Attrs): Value => o.rsqrt(o.add(beside(variance), eps as number));
const hatOf = (x: Value, center: Value, r: Value): Value => o.mul(o.sub(x, beside(center)), r);

// inputs x, scale, bias; outputs y, mean, variance
export function normalizePlainly([x, scale, bias]: readonly Value[], { eps }: Attrs): readonly Value[] {
  const center = mean(x!),
    distance = o.sub(x!, center),
    variance = mean(o.square(distance));
  const hat = o.mul(distance, o.rsqrt(o.add(variance, eps as number)));
  return [o.add(o.mul(hat, scale!), bias!), flat(center), flat(variance)];
}

// inputs x, scale, mean, variance, dy; outputs dx, dscale, dbias
export function backwardPlainly([x, scale, center, variance, dy]: readonly Value[], attrs: Attrs): readonly Value[] {
  const r = rstdOf(variance!, attrs),
    hat = hatOf(x!, center!, r),
    scaled = o.mul(dy!, channels(scale!));
  const dx = o.mul(r, o.sub(o.sub(scaled, mean(scaled)), o.mul(hat, mean(o.mul(scaled, hat)))));
  return [dx, overRows(o.mul(dy!, hat)), overRows(dy!)];
}

/**
 * inputs x, scale, mean, variance and the tangents of x, scale, bias; outputs those of y, mean, variance.
 * hat = (x - mean) r; mean' = M(x'); variance' = 2 M((x - mean) x'); hat' = r (x' - M(x') - hat M(hat x'))
 */
export function tangentPlainly([x, scale, center, variance, tx, tscale, tbias]: readonly Value[], attrs: Attrs): readonly Value[] {
  const r = rstdOf(variance!, attrs),
    hat = hatOf(x!, center!, r);
  const tcenter = mean(tx!),
    slope = mean(o.mul(hat, tx!));
  const that = o.mul(r, o.sub(o.sub(tx!, tcenter), o.mul(hat, slope)));
  const ty = o.add(o.mul(that, channels(scale!)), o.add(o.mul(hat, channels(tscale!)), channels(tbias!)));
  return [ty, flat(tcenter), flat(o.div(o.mul(slope, 2), r))];
}

/** The tangent of y where x does not move. */
export function stillTangent([tscale, tbias]: readonly Maybe[], x: Value, center: Value, variance: Value, attrs: Attrs): Maybe {
  const moved = tscale && o.mul(hatOf(x, center, rstdOf(variance, attrs)), channels(tscale));
  return addMaybe(moved, tbias && o.broadcastTo(channels(tbias), x.shape));
}

/**
 * inputs x, scale, mean, variance, dy and a tangent of each; outputs those of dx, dscale, dbias.
 * dx = r z, z = g - M(g) - hat M(g hat), g = scale dy; r' = -r w, w = r^2 variance' / 2; hat' = r (x' - mean') - w hat
 */
export function backwardTangentPlainly(inputs: readonly Value[], attrs: Attrs): readonly Value[] {
  const [x, scale, center, variance, dy, tx, tscale, tcenter, tvariance, tdy] = inputs as readonly [
    ...[Value, Value, Value, Value, Value],
    ...[Value, Value, Value, Value, Value],
  ];
  const r = rstdOf(variance, attrs),
    hat = hatOf(x, center, r),
    w = o.mul(o.square(r), o.mul(beside(tvariance), 0.5));
  const that = o.sub(hatOf(tx, tcenter, r), o.mul(hat, w));
  const g = o.mul(dy, channels(scale)),
    tg = o.add(o.mul(dy, channels(tscale)), o.mul(tdy, channels(scale)));
  const slope = mean(o.mul(g, hat)),
    tslope = mean(o.add(o.mul(tg, hat), o.mul(g, that)));
  const z = o.sub(o.sub(g, mean(g)), o.mul(hat, slope)),
    tz = o.sub(o.sub(o.sub(tg, mean(tg)), o.mul(that, slope)), o.mul(hat, tslope));
  return [o.mul(r, o.sub(tz, o.mul(w, z))), overRows(o.add(o.mul(tdy, hat), o.mul(dy, that))), overRows(tdy)];
}
