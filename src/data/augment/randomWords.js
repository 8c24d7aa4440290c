// Random numbers of a pass. A stream of words belongs to (seed, stream), so that what is drawn for one purpose does not move what is drawn for another.

/** @typedef {() => number} Words gives the next 32-bit word, 0 to 2^32 - 1 */

/** @typedef {readonly [low: number, high: number]} Seed the two words of a key */

/** What the words of a batch are for. Stream 0 is the order of the images. */
export const purposes = { crop: 0, policy: 1, mixing: 2, erasing: 3 };

/** The stream of a purpose in a batch, for fewer than 2^30 batches. @param {keyof typeof purposes} purpose @param {number} batch */
export const streamOf = (purpose, batch) => purposes[purpose] * 2 ** 30 + batch + 1;

/** sfc32 by C. Doty-Humphrey. @param {Seed} seed @param {number} stream @returns {Words} */
export function randomWords([seedLow, seedHigh], stream) {
  let [a, b, c, counter] = [seedLow | 0, seedHigh | 0, stream | 0, 1];
  const next = () => {
    const word = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + word;
    return word >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A whole number below `bound`. @param {Words} next @param {number} bound */
export const below = (next, bound) => Math.floor((next() / 2 ** 32) * bound);

/** A number in [0, 1). @param {Words} next */
export const uniform = (next) => next() / 2 ** 32;

/** A number in (0, 1), whose logarithm is finite. @param {Words} next */
const positive = (next) => (next() + 0.5) / 2 ** 32;

/** A normal number (Box and Muller 1958). @param {Words} next */
export const normal = (next) => Math.sqrt(-2 * Math.log(positive(next))) * Math.cos(2 * Math.PI * positive(next));

/**
 * The logarithm of a Gamma(alpha, 1) number: Marsaglia and Tsang, A simple method for generating gamma variables (2000); for alpha < 1 by
 * Gamma(alpha) = Gamma(alpha + 1) u^(1 / alpha), in logarithms because u^(1 / alpha) leaves the range of doubles.
 * @param {Words} next @param {number} alpha above 0 @returns {number}
 */
export function logGamma(next, alpha) {
  if (alpha < 1) return logGamma(next, alpha + 1) + Math.log(positive(next)) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(next);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(positive(next)) < x ** 2 / 2 + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** A Beta(alpha, alpha) number, g / (g + h) of two gamma numbers. @param {Words} next @param {number} alpha above 0 */
export function beta(next, alpha) {
  const g = logGamma(next, alpha);
  const h = logGamma(next, alpha);
  return 1 / (1 + Math.exp(h - g));
}

/** Fisher and Yates. @param {number} count @param {Seed} seed @param {number} [stream] */
export function permutation(count, seed, stream = 0) {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const next = randomWords(seed, stream);
  for (let i = count - 1; i > 0; i--) {
    const j = below(next, i + 1);
    const swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
  return order;
}
