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

// c[i, j] (+)= sum of a(i, ...) b(..., j), for R rows and V whole vectors of columns. V = 0: half a vector.
template <class T, int R, int Vectors> void wholeTile(const Walk& walk, const T* a, const T* b, T* c, int64_t cRow, bool add) {
  // Doubles are rare: two tiles of half the rows do, and need half the code.
  if constexpr (sizeof(T) == 8 && R > 6) {
    wholeTile<T, R / 2, Vectors>(walk, a, b, c, cRow, add);
    wholeTile<T, R - R / 2, Vectors>(walk, a + R / 2 * walk.aRow, b, c + R / 2 * cRow, cRow, add);
  } else {
    constexpr int V = std::max(1, Vectors), L = Vectors == 0 ? kLanes<T> / 2 : kLanes<T>;
    using Vector = vecn<T, L>;
    Vector sum[R][V] = {};
    const int64_t aRow = walk.aRow, aStep = walk.aCol, bStep = walk.bStep;
    for (int64_t s = 0; s < walk.segments; s++) {
      const T* as[(R + 2) / 3];
      for (int r = 0; r < (R + 2) / 3; r++) as[r] = a + s * walk.aSegment + 3 * r * aRow;
      const T* bs = b + s * walk.bSegment;
      for (int64_t l = 0; l < walk.length; l++) {
        Vector right[V];
#pragma GCC unroll 4
        for (int v = 0; v < V; v++) right[v] = loadAs<Vector>(bs + v * L);
#pragma GCC unroll 16
        for (int r = 0; r < R; r++) {
          const Vector left = splatAs<Vector>(as[r / 3][r % 3 * aRow]);
#pragma GCC unroll 4
          for (int v = 0; v < V; v++) sum[r][v] = madd(left, right[v], sum[r][v]);
        }
#pragma GCC unroll 4
        for (int r = 0; r < (R + 2) / 3; r++) as[r] += aStep;
        bs += bStep;
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
#pragma GCC unroll 4
      for (int v = 0; v < V; v++) {
        T* const to = c + r * cRow + v * L;
        storeAs(to, add ? loadAs<Vector>(to) + sum[r][v] : sum[r][v]);
      }
    }
  }
}

// The tile for a number of rows and vectors (0: half a vector, if kHalfTiles); b is read in full vectors, of c only `columns` are written.
template <class T> class Tile {
 public:
  Tile(int rows, int vectors)
      : run_(table[(vectors - kFirst) * kTileRows + rows - 1]), rows_(rows), width_(std::max(kLanes<T> / 2, vectors * kLanes<T>)) {}

  void operator()(const Walk& walk, const T* a, const T* b, T* c, int64_t cRow, int columns, bool add) const {
    if (columns == width_) return run_(walk, a, b, c, cRow, add);
    T sums[kTileRows * kTileColumns<T>];
    run_(walk, a, b, sums, width_, false);
    for (int r = 0; r < rows_; r++) {
      for (int j = 0; j < columns; j++) c[r * cRow + j] = add ? c[r * cRow + j] + sums[r * width_ + j] : sums[r * width_ + j];
    }
  }

 private:
  using Run = void (*)(const Walk&, const T*, const T*, T*, int64_t, bool);
  static constexpr int kFirst = kHalfTiles ? 0 : 1, kKinds = kTileVectors + 1 - kFirst;
  static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
    return std::array<Run, sizeof...(I)>{wholeTile<T, I % kTileRows + 1, I / kTileRows + kFirst>...};
  }
  (std::make_integer_sequence<int, kTileRows * kKinds>{});

  Run run_;
  int rows_, width_;
};

}  // namespace steppe::STEPPE_NS
