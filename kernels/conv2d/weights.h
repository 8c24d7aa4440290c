// The gradient by the weights: for each tap, the product of shifted pixels of x, transposed, with ct.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/conv2d/sweep.h"

namespace steppe::STEPPE_NS {

// to = sums[0] + sums[1] + ..., in this order.
template <class T> void addSplits(const T* sums, int64_t splits, int64_t size, T* to, Parallel& parallel) {
  constexpr int64_t piece = 8192;
  parallel((size + piece - 1) / piece, [&](int64_t task, int) {
    const int64_t begin = task * piece, end = std::min(size, begin + piece);
    for (int64_t e = begin; e < end; e++) to[e] = sums[e];
    for (int64_t split = 1; split < splits; split++) {
      for (int64_t e = begin; e < end; e++) to[e] += sums[split * size + e];
    }
  });
}

// dw[u, v, c, o] = sum over b, i, j of in(b, i * strideH - top + u, j * strideW - left + v, c) * ct[b, i, j, o]; the geometry is
// the sweep's that gave ct, [images, rows, columns, groups * f]. `out` and its pitches play no part.
template <class T> void weightGradient(const Sweep<T>& s, const T* ct, T* dw, Parallel& parallel) {
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, pixels = 256, enoughTasks = 16;
  const int64_t inGroup = s.inGroup(), channels = s.groups * s.f, size = s.depth() * channels;
  const int64_t rows = std::clamp<int64_t>(pixels / s.columns, 1, s.rows), parts = (s.rows + rows - 1) / rows;  // of output rows at a time
  const int64_t whole = s.groups == 1 ? (s.f + L - 1) / L * L : channels + L;                                   // of a pixel of ct in a copy
  const bool copied = s.groups == 1 ? s.f % L != 0 : true;
  const int64_t fitting = std::max<int64_t>(1, (int64_t{16} << 20) / int64_t(size * sizeof(T)));
  const int64_t splits = std::min({s.images, fitting, enoughTasks}), cuts = splits < enoughTasks ? s.kH : 1;
  T* const sums = splits > 1 ? static_cast<T*>(parallel.shared(size_t(splits * size) * sizeof(T))) : dw;

  parallel(splits * cuts, [&](int64_t task, int worker) {
    const int64_t split = task / cuts, firstTap = task % cuts * s.kH / cuts, endTap = (task % cuts + 1) * s.kH / cuts;
    T* const area = static_cast<T*>(parallel.scratch(worker, size_t(fieldSize(s, rows) + (copied ? rows * s.columns * whole : 0)) * sizeof(T)));
    T* const copy = area + fieldSize(s, rows);
    T* const to = sums + split * size;
    bool add = false;
    for (int64_t b = s.images * split / splits; b < s.images * (split + 1) / splits; b++) {
      for (int64_t part = 0; part < parts; part++) {
        const int64_t i = part * rows, count = std::min(rows, s.rows - i), places = count * s.columns;
        const Field<T> field = fieldOf(s, b, i, count, area);
        const T* right = ct + (b * s.rows + i) * s.columns * channels;
        if (copied) {
          for (int64_t p = 0; p < places; p++) {
            std::copy_n(right + p * channels, channels, copy + p * whole);
            std::fill_n(copy + p * whole + channels, whole - channels, T(0));
          }
          right = copy;
        }
        const int64_t step = copied ? whole : channels;
        // Channels of x that follow each other in memory and in dw: those of a row of taps, or of one tap of a group.
        const int64_t run = s.groups == 1 ? s.kW * s.c : inGroup, runs = s.groups == 1 ? 1 : s.kW, strips = (run + kTileRows - 1) / kTileRows;
        for (int64_t group = 0; group < s.groups; group++) {
          for (int64_t o = 0; o < s.f; o += panel) {
            const int width = int(std::min(panel, s.f - o)), vectors = int((width + L - 1) / L);
            for (int64_t u = firstTap; u < endTap; u++) {
              for (int64_t v = 0; v < runs; v++) {
                for (int64_t strip = 0; strip < strips; strip++) {
                  const int64_t c = run * strip / strips, height = run * (strip + 1) / strips - c;
                  const T* left = field.base + u * field.pitch + v * s.c + group * inGroup + c;
                  T* const at = to + ((u * s.kW + v) * inGroup + c) * channels + group * s.f + o;
                  Tile<T>(int(height), vectors)({count, s.columns, 1, s.strideW * s.c, s.strideH * field.pitch, step, s.columns * step}, left,
                                                right + group * s.f + o, at, channels, width, add);
                }
              }
            }
          }
        }
        add = true;
      }
    }
  });
  if (splits > 1) addSplits(sums, splits, size, dw, parallel);
}

}  // namespace steppe::STEPPE_NS
