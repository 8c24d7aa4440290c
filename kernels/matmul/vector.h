// A product with one row: bound by the speed at which b is read.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/matmul/gemm.h"

namespace steppe::STEPPE_NS {

// to[j] += sum of a[l] * b[l * depth + j] for l < length, j < columns.
template <class T> void addRows(T* to, const T* a, const T* b, int64_t depth, int64_t length, int64_t columns) {
  int64_t l = 0;
  for (; l + 4 <= length; l += 4, b += 4 * depth) {
    const T a0 = a[l], a1 = a[l + 1], a2 = a[l + 2], a3 = a[l + 3];
    for (int64_t j = 0; j < columns; j++) to[j] += a0 * b[j] + a1 * b[depth + j] + a2 * b[2 * depth + j] + a3 * b[3 * depth + j];
  }
  for (; l < length; l++, b += depth) {
    for (int64_t j = 0; j < columns; j++) to[j] += a[l] * b[j];
  }
}

// y[entry, j] = sum over l of a[l] * b[l, j]; p.m is 1. With `asColumns`, y's entries are columns to `finish`.
template <class T> void rowTimesMatrix(const Product<T>& p, T* y, bool asColumns, Parallel& parallel, const Finish<T>& finish) {
  constexpr int64_t taskWork = 1 << 17, strip = 2048;
  const bool byRows = p.b.lane == 1;
  const int64_t columns = std::min<int64_t>(p.n, byRows ? 2048 : 64), depth = std::min(p.depth, std::max<int64_t>(256, taskWork / columns));
  const int64_t stretches = ceilDiv(p.n, columns), splits = ceilDiv(p.depth, depth), all = p.batches * p.n;
  const int64_t group = std::clamp<int64_t>(taskWork / (p.n * p.depth), 1, p.batches);
  T* const sums = splits > 1 ? static_cast<T*>(parallel.shared(size_t(splits * all) * sizeof(T))) : nullptr;

  const auto done = [&](int64_t entry, int64_t j, int64_t count, const T* to, void* scratch) {
    asColumns ? finish(entry * p.n + j, count, 0, 1, to, 1, scratch) : finish(entry, 1, j, count, to, count, scratch);
  };
  const auto areaOf = [&](int worker, int64_t size) {
    char* const scratch = static_cast<char*>(parallel.scratch(worker, finish.scratchBytes() + size_t(size) * sizeof(T)));
    return std::pair(scratch, reinterpret_cast<T*>(scratch + finish.scratchBytes()));
  };

  parallel(ceilDiv(p.batches, group) * splits * stretches, [&](int64_t task, int worker) {
    const int64_t j = task % stretches * columns, split = task / stretches % splits, count = std::min(columns, p.n - j);
    const auto [scratch, area] = areaOf(worker, strip + columns);
    const int64_t firstEntry = task / (stretches * splits) * group, endEntry = std::min(firstEntry + group, p.batches);
    for (int64_t entry = firstEntry; entry < endEntry; entry++) {
      const auto [a, b] = p.entry(entry);
      T* const to = sums ? sums + split * all + entry * p.n + j : y ? y + entry * p.n + j : area + strip;
      std::fill_n(to, count, T(0));
      const int64_t end = std::min(p.depth, (split + 1) * depth);
      for (int64_t l = split * depth, length; l < end; l += length) {
        // Neither factor's run of depth ends within.
        length = std::min({strip, end - l, a.inner - l % a.inner});
        const T* left = a.at(0, l);
        if (a.depth != 1) {
          for (int64_t i = 0; i < length; i++) area[i] = left[i * a.depth];
          left = area;
        }
        const T* right = b.at(j, l);
        if (byRows) {
          addRows(to, left, right, b.depth, length, count);
        } else if (b.depth == 1) {
          int64_t c = 0;
          for (; c + 4 <= count; c += 4) addDots<T, 4>(to + c, left, right + c * b.lane, b.lane, length);
          for (; c < count; c++) addDots<T, 1>(to + c, left, right + c * b.lane, b.lane, length);
        } else {
          for (int64_t c = 0; c < count; c++) {
            for (int64_t i = 0; i < length; i++) to[c] += left[i] * right[c * b.lane + i * b.depth];
          }
        }
      }
      if (!sums) done(entry, j, count, to, scratch);
    }
  });
  if (!sums) return;
  const int64_t part = std::min<int64_t>(p.n, 16384), parts = ceilDiv(p.n, part);
  parallel(p.batches * parts, [&](int64_t task, int worker) {
    const int64_t entry = task / parts, j = task % parts * part, count = std::min(part, p.n - j), at = entry * p.n + j;
    const auto [scratch, area] = areaOf(worker, part);
    T* const to = y ? y + at : area;
    std::copy_n(sums + at, count, to);
    for (int64_t split = 1; split < splits; split++) {
      for (int64_t c = 0; c < count; c++) to[c] += sums[split * all + at + c];
    }
    done(entry, j, count, to, scratch);
  });
}

}  // namespace steppe::STEPPE_NS
