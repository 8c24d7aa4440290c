// Products of contiguous rows, summed across the lanes of vectors.
#pragma once
#include <cstdint>

#include "kernels/matmul/tile.h"

namespace steppe::STEPPE_NS {

// to[j] += sum of a[l] * b[j * lane + l] for l < length, j < Columns.
template <class T, int Columns> void addDots(T* to, const T* a, const T* b, int64_t lane, int64_t length) {
  constexpr int L = kLanes<T>;
  vec<T> sum[Columns] = {};
  int64_t l = 0;
  for (; l + L <= length; l += L) {
    const vec<T> left = load(a + l);
#pragma GCC unroll 4
    for (int j = 0; j < Columns; j++) sum[j] = madd(left, load(b + j * lane + l), sum[j]);
  }
  for (int j = 0; j < Columns; j++) {
    T rest = sumLanes(sum[j]);
    for (int64_t i = l; i < length; i++) rest += a[i] * b[j * lane + i];
    to[j] += rest;
  }
}

// One column of a tile: c[i * cRow] (+)= sum of a[i * lane + l] * b[l] for l < length, i < rows <= kTileRows.
template <class T> void dotColumn(const T* a, int64_t lane, int rows, const T* b, int64_t length, T* c, int64_t cRow, bool add) {
  T sums[kTileRows] = {};
  int i = 0;
  for (; i + 4 <= rows; i += 4) addDots<T, 4>(sums + i, b, a + i * lane, lane, length);
  for (; i < rows; i++) addDots<T, 1>(sums + i, b, a + i * lane, lane, length);
  for (i = 0; i < rows; i++) c[i * cRow] = add ? c[i * cRow] + sums[i] : sums[i];
}

}  // namespace steppe::STEPPE_NS
