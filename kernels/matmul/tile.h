// The register tile: up to kTileRows x (kTileVectors vectors) of c, summed over k in registers.
#pragma once
#include <array>
#include <cstdint>
#include <utility>

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

// Accumulators fill the registers but for the vectors of b and one of a: 16 registers, or 32 with AVX-512.
constexpr int kTileRows = STEPPE_LEVEL == 2 ? 12 : 6;
constexpr int kTileVectors = 2;
template <class T> constexpr int kTileColumns = kTileVectors * kLanes<T>;

// Where the factors lie. The summed axis is `segments` runs of `length`:
// a(i, s, l) = a[s * aSegment + i * aRow + l * aCol], b(s, l, j) = b[s * bSegment + l * bStep + j].
struct Walk {
  int64_t segments, length;
  int64_t aRow, aCol, aSegment;
  int64_t bStep, bSegment;
};

// c[i, j] (+)= sum of a(i, ...) b(..., j), for R rows and `columns` <= V vectors of columns; b is read in full vectors.
// RowMajor: aCol is 1; else aRow is 1.
template <class T, int R, int V, bool RowMajor> void tile(const Walk& walk, const T* a, const T* b, T* c, int64_t cRow, int columns, bool add) {
  constexpr int L = kLanes<T>;
  vec<T> sum[R][V] = {};
  const int64_t aRow = walk.aRow, aStep = RowMajor ? 1 : walk.aCol, bStep = walk.bStep;
  for (int64_t s = 0; s < walk.segments; s++) {
    const T* as[(R + 2) / 3];
    for (int r = 0; r < (R + 2) / 3; r++) as[r] = a + s * walk.aSegment + 3 * r * (RowMajor ? aRow : 1);
    const T* bs = b + s * walk.bSegment;
    for (int64_t l = 0; l < walk.length; l++) {
      vec<T> right[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) right[v] = load(bs + v * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const vec<T> left = splat<T>(as[r / 3][(r % 3) * (RowMajor ? aRow : 1)]);
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) sum[r][v] = madd(left, right[v], sum[r][v]);
      }
#pragma GCC unroll 4
      for (int r = 0; r < (R + 2) / 3; r++) as[r] += aStep;
      bs += bStep;
    }
  }
  const int rest = columns - (V - 1) * L;  // columns in the last vector
#pragma GCC unroll 16
  for (int r = 0; r < R; r++) {
    T* row = c + r * cRow;
#pragma GCC unroll 4
    for (int v = 0; v < V - 1; v++) store(row + v * L, add ? load(row + v * L) + sum[r][v] : sum[r][v]);
    T* end = row + (V - 1) * L;
    if (rest == L) {
      store(end, add ? load(end) + sum[r][V - 1] : sum[r][V - 1]);
    } else {
      T lanes[L];
      store(lanes, sum[r][V - 1]);
      for (int j = 0; j < rest; j++) end[j] = add ? end[j] + lanes[j] : lanes[j];
    }
  }
}

template <class T> using Tile = void (*)(const Walk&, const T*, const T*, T*, int64_t, int, bool);

// The tile for a number of rows and vectors.
template <class T> Tile<T> tileFor(int rows, int vectors, bool rowMajor) {
  static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Tile<T>, sizeof...(I)>{tile<T, I % kTileRows + 1, I / kTileRows % kTileVectors + 1, (I >= kTileRows * kTileVectors)>...};
  }
  (std::make_integer_sequence<int, 2 * kTileRows * kTileVectors>{});
  return table[(int(rowMajor) * kTileVectors + vectors - 1) * kTileRows + rows - 1];
}

}  // namespace steppe::STEPPE_NS
