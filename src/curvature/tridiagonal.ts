export interface TridiagonalEigen {
  /** Ascending. */
  readonly values: Float64Array;
  /** Each given row times the matrix whose columns are the eigenvectors. */
  readonly rows: Float64Array[];
}

/**
 * Eigenvalues of the symmetric tridiagonal matrix with this diagonal and off-diagonal, by QR with Wilkinson's shifts. `rows` (n numbers each) are
 * carried along: the last row of the identity gives the last components of the eigenvectors, the whole identity gives the eigenvectors.
 */
export function tridiagonalEigen(
  diagonal: ArrayLike<number>,
  offDiagonal: ArrayLike<number>,
  rows: readonly ArrayLike<number>[] = [],
): TridiagonalEigen {
  const n = diagonal.length,
    d = Float64Array.from(diagonal),
    e = Float64Array.from(offDiagonal).slice(0, n - 1);
  const carried = rows.map((row) => Float64Array.from(row));
  const split = (i: number): boolean => Math.abs(e[i]!) <= Number.EPSILON * (Math.abs(d[i]!) + Math.abs(d[i + 1]!));
  let high = n - 1;
  for (let sweeps = 0; high > 0 && sweeps < 60 * n; sweeps++) {
    if (split(high - 1)) {
      e[--high] = 0;
      continue;
    }
    let low = high - 1;
    while (low > 0 && !split(low - 1)) low--;
    sweep(d, e, low, high, carried);
  }
  const order = Array.from(d.keys()).sort((a, b) => d[a]! - d[b]!);
  const sorted = (row: Float64Array): Float64Array => Float64Array.from(order, (i) => row[i]!);
  return { values: sorted(d), rows: carried.map(sorted) };
}

/** One implicit QR step on rows low..high: rotations chase the bulge that the shift makes. */
function sweep(d: Float64Array, e: Float64Array, low: number, high: number, rows: readonly Float64Array[]): void {
  const half = (d[high - 1]! - d[high]!) / 2,
    last = e[high - 1]!;
  const shift = d[high]! - (last * last) / (half + (half < 0 ? -1 : 1) * Math.hypot(half, last));
  let x = d[low]! - shift,
    bulge = e[low]!;
  for (let k = low; k < high; k++) {
    const r = Math.hypot(x, bulge),
      c = r === 0 ? 1 : x / r,
      s = r === 0 ? 0 : bulge / r;
    const [a, b, off] = [d[k]!, d[k + 1]!, e[k]!];
    if (k > low) e[k - 1] = r;
    d[k] = c * c * a + 2 * c * s * off + s * s * b;
    d[k + 1] = s * s * a - 2 * c * s * off + c * c * b;
    e[k] = c * s * (b - a) + (c * c - s * s) * off;
    if (k < high - 1) {
      x = e[k]!;
      bulge = s * e[k + 1]!;
      e[k + 1] = c * e[k + 1]!;
    }
    for (const row of rows) {
      const [p, q] = [row[k]!, row[k + 1]!];
      row[k] = c * p + s * q;
      row[k + 1] = c * q - s * p;
    }
  }
}
