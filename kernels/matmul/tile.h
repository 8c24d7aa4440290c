// The register tile: up to kTileRows x (kTileVectors vectors) of c, summed over k in registers.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

// Accumulators fill the registers but for the vectors of b and one of a: 16 registers, or 32 with AVX-512.
constexpr int kTileRows = STEPPE_LEVEL == 2 ? 12 : 6;
constexpr int kTileVectors = 2;
template <class T> constexpr int kTileColumns = kTileVectors * kLanes<T>;
// A half vector takes half the time of a full one where a full one takes two passes through the units: AVX-512 on 256-bit units.
constexpr bool kHalfTiles = STEPPE_LEVEL == 2;

// Full vectors that hold so many columns of a tile, 0 for half a vector; and the columns that these hold.
template <class T> constexpr int vectorsFor(int64_t columns) {
  return kHalfTiles && columns <= kLanes<T> / 2 ? 0 : int((columns + kLanes<T> - 1) / kLanes<T>);
}
template <class T> constexpr int widthFor(int64_t columns) { return std::max(kLanes<T> / 2, vectorsFor<T>(columns) * kLanes<T>); }

// Where the factors lie. The summed axis is `segments` runs of `length`:
// a(i, s, l) = a[s * aSegment + i * aRow + l * aCol], b(s, l, j) = b[s * bSegment + l * bStep + j].
struct Walk {
  int64_t segments, length;
  int64_t aRow, aCol, aSegment;
  int64_t bStep, bSegment;
};

// c[i, j] (+)= sum of a(i, ...) b(..., j), for R rows and `columns` <= V vectors of columns; b is read in full vectors.
// V = 0: half a vector. RowMajor: aCol is 1; else aRow is 1.
template <class T, int R, int Vectors, bool RowMajor> void tile(const Walk& walk, const T* a, const T* b, T* c, int64_t cRow, int columns, bool add) {
  constexpr int V = std::max(1, Vectors), L = Vectors == 0 ? kLanes<T> / 2 : kLanes<T>;
  using Vector = vecn<T, L>;
  Vector sum[R][V] = {};
  const int64_t aRow = walk.aRow, aStep = RowMajor ? 1 : walk.aCol, bStep = walk.bStep;
  for (int64_t s = 0; s < walk.segments; s++) {
    const T* as[(R + 2) / 3];
    for (int r = 0; r < (R + 2) / 3; r++) as[r] = a + s * walk.aSegment + 3 * r * (RowMajor ? aRow : 1);
    const T* bs = b + s * walk.bSegment;
    for (int64_t l = 0; l < walk.length; l++) {
      Vector right[V];
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) right[v] = loadAs<Vector>(bs + v * L);
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const Vector left = splatAs<Vector>(as[r / 3][(r % 3) * (RowMajor ? aRow : 1)]);
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
    for (int v = 0; v < V - 1; v++) storeAs(row + v * L, add ? loadAs<Vector>(row + v * L) + sum[r][v] : sum[r][v]);
    T* end = row + (V - 1) * L;
    if (rest == L) {
      storeAs(end, add ? loadAs<Vector>(end) + sum[r][V - 1] : sum[r][V - 1]);
    } else {
      T lanes[L];
      storeAs(lanes, sum[r][V - 1]);
      for (int j = 0; j < rest; j++) end[j] = add ? end[j] + lanes[j] : lanes[j];
    }
  }
}

template <class T> using Tile = void (*)(const Walk&, const T*, const T*, T*, int64_t, int, bool);

// The tile for a number of rows and vectors (0: half a vector, if kHalfTiles).
template <class T> Tile<T> tileFor(int rows, int vectors, bool rowMajor) {
  static constexpr int first = kHalfTiles ? 0 : 1, kinds = kTileVectors + 1 - first;
  static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Tile<T>, sizeof...(I)>{tile<T, I % kTileRows + 1, I / kTileRows % kinds + first, (I >= kTileRows * kinds)>...};
  }
  (std::make_integer_sequence<int, 2 * kTileRows * kinds>{});
  return table[(int(rowMajor) * kinds + vectors - first) * kTileRows + rows - 1];
}

}  // namespace steppe::STEPPE_NS
