// Functions that Math lacks, in f64: the definitions that every device is measured against.

const twoOverSqrtPi = 1.1283791670955126;

/** 2/sqrt(pi) x exp(-x^2) (1 + 2x^2/3 (1 + 2x^2/5 (1 + ...))): all terms positive, so nothing cancels. For |x| < 1. */
function erfSeries(x: number): number {
  let sum = 1;
  for (let n = 30; n > 0; n--) sum = 1 + ((2 * x * x) / (2 * n + 1)) * sum;
  return twoOverSqrtPi * x * Math.exp(-x * x) * sum;
}
/** erfc(x) = exp(-x^2) / (sqrt(pi) (x + (1/2)/(x + 1/(x + (3/2)/(x + ...))))). For x >= 1. */
function erfcFraction(x: number): number {
  let tail = x;
  for (let k = Math.ceil(40 + 160 / (x * x)); k > 0; k--) tail = x + k / 2 / tail;
  return (Math.exp(-x * x) / tail) * (twoOverSqrtPi / 2);
}
export function erf(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  return Math.abs(x) < 1 ? erfSeries(x) : Math.sign(x) * (1 - erfcFraction(Math.abs(x)));
}
export function erfc(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x === Infinity) return 0;
  return x < 1 ? 1 - erf(x) : erfcFraction(x);
}

/** Winitzki's closed form, then Halley steps on erf(y) = x (on erfc in the tails, where 1 - |x| is exact). */
export function erfinv(x: number): number {
  if (x === 0 || !(Math.abs(x) < 1)) return x === 0 ? x : Math.abs(x) === 1 ? x * Infinity : NaN;
  const size = Math.abs(x),
    a = 0.147;
  const l = Math.log1p(-size * size),
    h = 2 / (Math.PI * a) + l / 2;
  let y = Math.sqrt(Math.sqrt(h * h - l / a) - h);
  for (let step = 0; step < 4; step++) {
    const error = size < 0.5 ? erf(y) - size : 1 - size - erfc(y);
    const newton = error / (twoOverSqrtPi * Math.exp(-y * y));
    y -= newton / (1 + y * newton);
  }
  return Math.sign(x) * y;
}

const normalCdf = (x: number): number => 0.5 * erfc(-x * Math.SQRT1_2);
const normalPdf = (x: number): number => 0.3989422804014327 * Math.exp(-0.5 * x * x);
const tanhArgument = (x: number): number => 0.7978845608028654 * (x + 0.044715 * x * x * x);
export const sigmoid = (x: number): number => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x)));

/** x times the normal distribution function; -0 at -Infinity, the limit. */
export const gelu = (x: number): number => (x === -Infinity ? -0 : x * normalCdf(x));
export const geluGrad = (x: number): number => (Math.abs(x) === Infinity ? (x > 0 ? 1 : 0) : normalCdf(x) + x * normalPdf(x));
/** 0.5 x (1 + tanh u) = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3). */
export const geluTanh = (x: number): number => (x === -Infinity ? -0 : x * sigmoid(2 * tanhArgument(x)));
export function geluTanhGrad(x: number): number {
  if (Math.abs(x) > 100) return x > 0 ? 1 : 0;
  const s = sigmoid(2 * tanhArgument(x));
  return s + x * s * (1 - s) * 2 * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x);
}
/** With w = 2 u and p = sigmoid(w) sigmoid(-w): p (2 w' + x (w'' - tanh(w / 2) w'^2)). */
export function geluTanhGrad2(x: number): number {
  if (Math.abs(x) > 100) return 0;
  const w = 2 * tanhArgument(x),
    first = 2 * 0.7978845608028654 * (1 + 3 * 0.044715 * x * x),
    second = 2 * 0.7978845608028654 * 6 * 0.044715 * x;
  return sigmoid(w) * sigmoid(-w) * (2 * first + x * (second - Math.tanh(w / 2) * first * first));
}
export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

export function roundHalfEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const big = x < 0 ? -(2 ** 52) : 2 ** 52;
  const rounded = x + big - big;
  return rounded === 0 ? x * 0 : rounded;
}
/** The remainder with the sign of the divisor. */
export function mod(a: number, b: number): number {
  const r = a % b;
  return r !== 0 && r < 0 !== b < 0 ? r + b : r;
}
/** IEEE pow; JavaScript's gives NaN for 1 ** NaN and (-1) ** Infinity. */
export const pow = (a: number, b: number): number => (a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b);
/** Modulo 2^32. A negative exponent truncates: 1 for base 1, +-1 for -1, else 0. */
export function integerPow(base: number, exponent: number): number {
  if (exponent < 0) return base === 1 ? 1 : base === -1 ? (exponent % 2 === 0 ? 1 : -1) : 0;
  let result = 1;
  for (let power = base, e = exponent; e > 0; e = Math.floor(e / 2), power = Math.imul(power, power))
    if (e % 2 === 1) result = Math.imul(result, power);
  return result;
}
