// Small matrix products on tiles held in registers, and the packing that feeds them.
#pragma once
#include <algorithm>

#include "kernels/attention/ahead.h"

namespace steppe::STEPPE_NS::attending {

constexpr int kTileRows = STEPPE_LEVEL == 2 ? 12 : 6;
constexpr int kTileVectors = 2;
template <class T> constexpr int kPanel = kTileVectors * kLanes<T>;  // columns of a panel

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
template <class T> int64_t padded(int64_t columns) { return ceilDiv(columns, kPanel<T>) * kPanel<T>; }

// A matrix read element by element: element (i, k) lies at data[i * row + k * column].
template <class T> struct Strided {
  const T* data;
  int64_t row, column;
  Strided from(int64_t i) const { return {data + i * row, row, column}; }
};

// A panel holds kPanel columns of a matrix, row by row; the columns beyond the last are zero.
// b is (depth, columns): panels[c / kPanel][depth][kPanel], from `source` (depth rows, `stride` apart). Tells whether all of it is finite.
template <class T> bool packRows(const T* source, int64_t stride, int64_t depth, int64_t columns, T* panels) {
  constexpr int width = kPanel<T>, lanes = kLanes<T>;
  vec<T> zeros[2][kTileVectors] = {};  // several, so that no sum waits for the one before
  const auto copy = [&](const T* from, T* to, int parity) {
#pragma GCC unroll 2
    for (int i = 0; i < kTileVectors; i++) {
      const vec<T> v = load(from + i * lanes);
      zeros[parity][i] += v * T(0);
      store(to + i * lanes, v);
    }
  };
  for (int64_t c = 0; c < columns; c += width, panels += depth * width) {
    const T* from = source + c;
    T* to = panels;
    int64_t k = 0;
    if (c + width <= columns) {
      for (; k + 2 <= depth; k += 2, from += 2 * stride, to += 2 * width) copy(from, to, 0), copy(from + stride, to + width, 1);
      if (k < depth) copy(from, to, 0);
      continue;
    }
    for (; k < depth; k++, from += stride, to += width) {
      std::copy_n(from, columns - c, to);
      std::fill(to + columns - c, to + width, T(0));
      copy(to, to, 0);
    }
  }
  return sumLanes((zeros[0][0] + zeros[0][1]) + (zeros[1][0] + zeros[1][1])) == T(0);
}

// Swaps element (i, j + D) with (i + D, j) wherever i and j lack the bit D; done for all bits, it transposes.
template <int D, class V, int... J> STEPPE_INLINE void swapOffDiagonal(V& a, V& b, std::integer_sequence<int, J...>) {
  const V low = __builtin_shufflevector(a, b, (J & D ? kLanesOf<V> + J - D : J)...);
  b = __builtin_shufflevector(a, b, (J & D ? kLanesOf<V> + J : J + D)...);
  a = low;
}
template <int D = 1, class V> STEPPE_INLINE void transpose(V* rows) {
  constexpr int n = kLanesOf<V>;
#pragma GCC unroll 16
  for (int i = 0; i < n; i++) {
    if (!(i & D)) swapOffDiagonal<D>(rows[i], rows[i + D], std::make_integer_sequence<int, n>{});
  }
  if constexpr (2 * D < n) transpose<2 * D>(rows);
}

// The same of the transpose: column c of b is row c of `source`, `depth` long.
template <class T> void packColumns(const T* source, int64_t stride, int64_t depth, int64_t columns, T* panels) {
  constexpr int width = kPanel<T>, lanes = std::min(kLanes<T>, 32 / int(sizeof(T)));  // shuffles of 64 bytes are slow
  using Block = vecn<T, lanes>;
  for (int64_t c = 0; c < padded<T>(columns); c += lanes) {
    T* to = panels + c / width * depth * width + c % width;
    const T* from = source + c * stride;
    const int64_t count = std::clamp<int64_t>(columns - c, 0, lanes);
    int64_t k = 0;
    for (; count == lanes && k + lanes <= depth; k += lanes) {
      Block rows[lanes];
#pragma GCC unroll 8
      for (int i = 0; i < lanes; i++) rows[i] = loadAs<Block>(from + i * stride + k);
      transpose(rows);
#pragma GCC unroll 8
      for (int i = 0; i < lanes; i++) storeAs(to + (k + i) * width, rows[i]);
    }
    for (; k < depth; k++) {
      for (int64_t i = 0; i < lanes; i++) to[k * width + i] = i < count ? from[i * stride + k] : T(0);
    }
  }
}

// c[rows][vectors * lanes] = (add ? c : 0) + a b, with one panel as b.
template <class T, int Rows, int Vectors>
__attribute__((noinline)) void tile(Strided<T> a, const T* panel, int64_t depth, T* c, int64_t stride, bool add) {
  constexpr int lanes = kLanes<T>;
  vec<T> sums[Rows][Vectors];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; r++) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) sums[r][v] = vec<T>{};
  }
  const T* at = a.data;
  for (int64_t k = 0; k < depth; k++) {
    vec<T> b[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) b[v] = load(panel + v * lanes);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; r++) {
      const vec<T> x = splat(at[r * a.row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; v++) sums[r][v] = madd(x, b[v], sums[r][v]);
    }
    at += a.column;
    panel += kPanel<T>;
  }
  // c is looked at only here, so that its addresses take no registers from the loop.
#pragma GCC unroll 16
  for (int r = 0; r < Rows; r++, c += stride) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; v++) store(c + v * lanes, add ? load(c + v * lanes) + sums[r][v] : sums[r][v]);
  }
}

template <class T, int Vectors, int Rows = kTileRows>
STEPPE_INLINE void tileOf(int rows, Strided<T> a, const T* panel, int64_t depth, T* c, int64_t stride, bool add) {
  if constexpr (Rows > 1) {
    if (rows < Rows) return tileOf<T, Vectors, Rows - 1>(rows, a, panel, depth, c, stride, add);
  }
  tile<T, Rows, Vectors>(a, panel, depth, c, stride, add);
}

// c = (add ? c : 0) + a b for all rows of a and one panel: rows are dealt to tiles as evenly as can be.
template <class T, int Vectors>
void panelProduct(int64_t rows, Strided<T> a, const T* panel, int64_t depth, T* c, int64_t stride, bool add, Ahead& ahead) {
  const int64_t tiles = ceilDiv(rows, kTileRows);
  for (int64_t t = 0; t < tiles; t++) {
    const int64_t first = rows * t / tiles, last = rows * (t + 1) / tiles;
    ahead.step();
    tileOf<T, Vectors>(int(last - first), a.from(first), panel, depth, c + first * stride, stride, add);
  }
}

// The same where b is not finite: zeros in a skip their row of b.
template <class T>
void carefulProduct(int64_t rows, Strided<T> a, const T* panels, int64_t depth, int64_t columns, T* c, int64_t stride, bool add, Ahead&) {
  for (int64_t i = 0; i < rows; i++, c += stride) {
    if (!add) std::fill_n(c, columns, T(0));
    for (int64_t k = 0; k < depth; k++) {
      const T factor = a.data[i * a.row + k * a.column];
      if (factor == T(0)) continue;
      for (int64_t n = 0; n < columns; n++) c[n] += factor * panels[(n / kPanel<T> * depth + k) * kPanel<T> + n % kPanel<T>];
    }
  }
}

// c (rows, columns) = (add ? c : 0) + a b; the columns of c up to the next multiple of a panel are written, too.
template <class T>
void product(int64_t rows, Strided<T> a, const T* panels, int64_t depth, int64_t columns, T* c, int64_t stride, bool add, Ahead& ahead) {
  static_assert(kTileVectors == 2);
  for (int64_t n = 0; n < columns; n += kPanel<T>, panels += depth * kPanel<T>) {
    if (columns - n > kLanes<T>) panelProduct<T, 2>(rows, a, panels, depth, c + n, stride, add, ahead);
    else panelProduct<T, 1>(rows, a, panels, depth, c + n, stride, add, ahead);
  }
}

template <class T> STEPPE_INLINE T dot(const T* a, const T* b, int64_t n) {
  vec<T> sum{};
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) sum = madd(load(a + i), load(b + i), sum);
  T total = sumLanes(sum);
  for (; i < n; i++) total += a[i] * b[i];
  return total;
}

// Columns that would fill so little of a last panel that single dot products are less work.
template <class T> int64_t dotColumns(int64_t columns, int64_t depth) {
  const int64_t rest = columns % kPanel<T>;
  return rest * (depth / kLanes<T> + 8) < depth ? rest : 0;
}

// c = (add ? c : 0) + a b^T of row vectors, `depth` long with unit stride; `panels` holds b's rows, packed as columns, but for the dotColumns.
template <class T> void rowProducts(int64_t rows, const T* a, int64_t aStride, const T* b, int64_t bStride, const T* panels, int64_t depth,
                                    int64_t columns, T* c, int64_t stride, bool add, Ahead& ahead) {
  const int64_t whole = columns - dotColumns<T>(columns, depth);
  product(rows, Strided<T>{a, aStride, 1}, panels, depth, whole, c, stride, add, ahead);
  for (int64_t j = whole; j < columns; j++) {
    for (int64_t i = 0; i < rows; i++) {
      const T sum = dot(a + i * aStride, b + j * bStride, depth);
      c[i * stride + j] = add ? c[i * stride + j] + sum : sum;
    }
  }
}

}  // namespace steppe::STEPPE_NS::attending
