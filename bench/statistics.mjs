// What is made of times: medians, spreads, means of ratios, and fits on logarithmic axes.

/** The value in the middle, or the mean of the two there; NaN of nothing. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b),
    half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The median distance from the median, against the median: the noise of one measurement. */
export const spread = (values) => {
  const middle = median(values);
  return median(values.map((value) => Math.abs(value - middle))) / middle;
};

export const geometricMean = (values) => Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);

/** Least squares of a polynomial through (xs, ys), as a function. */
export function polynomialFit(xs, ys, degree) {
  const n = degree + 1,
    center = xs.reduce((a, b) => a + b) / xs.length;
  const rows = Array.from({ length: n }, (_, i) => [
    ...Array.from({ length: n }, (_, j) => xs.reduce((sum, x) => sum + (x - center) ** (i + j), 0)),
    xs.reduce((sum, x, k) => sum + (x - center) ** i * ys[k], 0),
  ]);
  const coefficients = solve(rows);
  return (x) => coefficients.reduce((sum, c, i) => sum + c * (x - center) ** i, 0);
}

/** Gauss-Jordan elimination with row exchanges; each row ends with its right side. */
function solve(rows) {
  rows.forEach((_, i) => {
    const best = rows.slice(i).reduce((at, row, k) => (Math.abs(row[i]) > Math.abs(rows[at][i]) ? i + k : at), i);
    [rows[i], rows[best]] = [rows[best], rows[i]];
    rows.forEach((row, k) => {
      if (k === i) return;
      const factor = row[i] / rows[i][i];
      for (let j = i; j < row.length; j++) row[j] -= factor * rows[i][j];
    });
  });
  return rows.map((row, i) => row.at(-1) / row[i]);
}

/** The exponent p of times ~ sizes^p. */
export function slope(sizes, times) {
  const fit = polynomialFit(sizes.map(Math.log), times.map(Math.log), 1);
  return fit(1) - fit(0);
}

/** How far times lie from a power law through them: each time / fitted time - 1. */
export function fromSmooth(sizes, times) {
  const fit = polynomialFit(sizes.map(Math.log), times.map(Math.log), 1);
  return times.map((time, i) => time / Math.exp(fit(Math.log(sizes[i]))) - 1);
}
