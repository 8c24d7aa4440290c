// A correlation as a product of register tiles: the image's pixels are the rows of a as they lie, the weights the panels of b.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/matmul/pack.h"
#include "kernels/matmul/tile.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {

constexpr int64_t kTaskWork = 4'000'000;

// out(b, i, j, o) = sum over u, v, c of in[b, i * strideH - top + u, j * strideW - left + v, c] * weights(u, v, c, o), where in is 0
// outside. `in` is [images, h, w, c]; o counts within the group, of `f` channels.
template <class T> struct Sweep {
  const T* in;
  int64_t images, h, w, c;
  int64_t kH, kW, strideH, strideW, top, left, groups;
  T* out;
  int64_t rows, columns, f;
  int64_t imagePitch, rowPitch, pixelPitch;  // of out

  int64_t inGroup() const { return c / groups; }
  int64_t depth() const { return kH * kW * inGroup(); }
  int64_t panelSize() const { return groups * depth() * ((f + kLanes<T> - 1) / kLanes<T> * kLanes<T>); }
};

// Rows of images with zeros around them, as windows see them: pixel (r, s) begins at base + r * pitch + s * c.
template <class T> struct Field {
  const T* base;
  int64_t pitch;
};

// The field of output rows [i, i + rows) of image b: where the image itself will not do, a copy in `area` of fieldSize elements.
template <class T> Field<T> fieldOf(const Sweep<T>& s, int64_t b, int64_t i, int64_t rows, T* area) {
  const int64_t first = i * s.strideH - s.top, count = (rows - 1) * s.strideH + s.kH, width = (s.columns - 1) * s.strideW + s.kW;
  const T* image = s.in + b * s.h * s.w * s.c;
  if (first >= 0 && first + count <= s.h && s.left <= 0 && width - s.left <= s.w) return {image + (first * s.w - s.left) * s.c, s.w * s.c};
  const int64_t before = std::clamp<int64_t>(s.left, 0, width), end = std::clamp<int64_t>(s.w + s.left, before, width);
  for (int64_t r = 0; r < count; r++) {
    T* row = area + r * width * s.c;
    if (first + r < 0 || first + r >= s.h) {
      std::fill_n(row, width * s.c, T(0));
      continue;
    }
    std::fill_n(row, before * s.c, T(0));
    std::copy_n(image + ((first + r) * s.w + before - s.left) * s.c, (end - before) * s.c, row + before * s.c);
    std::fill_n(row + end * s.c, (width - end) * s.c, T(0));
  }
  return {area, width * s.c};
}
template <class T> int64_t fieldSize(const Sweep<T>& s, int64_t rows) {
  return ((rows - 1) * s.strideH + s.kH) * ((s.columns - 1) * s.strideW + s.kW) * s.c;
}

// Packs the weights for `sweep`; weights(u, v, group) is a Factor whose lanes are o and whose depth is c.
template <class T, class Weights> void packWeights(const Sweep<T>& s, const Weights& weights, T* to, Parallel& parallel) {
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>;
  const int64_t panels = (s.f + panel - 1) / panel, whole = (s.f + L - 1) / L * L;
  parallel(s.groups * panels, [&](int64_t task, int) {
    const int64_t group = task / panels, o = task % panels * panel, count = std::min(panel, s.f - o), width = (count + L - 1) / L * L;
    T* at = to + (group * whole + o) * s.depth();
    for (int64_t u = 0; u < s.kH; u++) {
      for (int64_t v = 0; v < s.kW; v++, at += s.inGroup() * width) pack(at, int(width), weights(u, v, group), o, int(count), 0, s.inGroup());
    }
  });
}

template <class T> void sweepBlock(const Sweep<T>& s, const T* panels, const Field<T>& field, int64_t b, int64_t i, int64_t rows) {
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, cached = (128 << 10) / int64_t(sizeof(T));
  const int64_t inGroup = s.inGroup(), whole = (s.f + L - 1) / L * L, tapRow = s.kW * inGroup, strips = (s.columns + kTileRows - 1) / kTileRows;
  const int64_t deep = std::max<int64_t>(1, cached / (tapRow * panel));  // rows of taps whose weights stay in cache
  for (int64_t group = 0; group < s.groups; group++) {
    for (int64_t u = 0; u < s.kH; u += deep) {
      const int64_t taps = std::min(deep, s.kH - u);
      for (int64_t o = 0; o < s.f; o += panel) {
        const int width = int(std::min(panel, s.f - o)), vectors = int((width + L - 1) / L);
        const int64_t step = vectors * L;
        const T* right = panels + (group * whole + o) * s.depth() + u * tapRow * step;
        for (int64_t r = 0; r < rows; r++) {
          for (int64_t strip = 0; strip < strips; strip++) {
            const int64_t j = s.columns * strip / strips, height = s.columns * (strip + 1) / strips - j;
            const Tile<T> run(int(height), vectors);
            const T* left = field.base + (r * s.strideH + u) * field.pitch + j * s.strideW * s.c + group * inGroup;
            T* to = s.out + b * s.imagePitch + (i + r) * s.rowPitch + j * s.pixelPitch + group * s.f + o;
            if (s.groups == 1) {
              run({taps, tapRow, s.strideW * s.c, 1, field.pitch, step, tapRow * step}, left, right, to, s.pixelPitch, width, u > 0);
              continue;
            }
            for (int64_t tap = 0; tap < taps; tap++) {
              run({s.kW, inGroup, s.strideW * s.c, 1, s.c, step, inGroup * step}, left + tap * field.pitch, right + tap * tapRow * step, to,
                  s.pixelPitch, width, u + tap > 0);
            }
          }
        }
      }
    }
  }
}

template <class T> void sweep(const Sweep<T>& s, const T* panels, Parallel& parallel) {
  if (s.images * s.rows * s.columns == 0) return;
  const int64_t perRow = s.columns * s.depth() * s.f * s.groups, most = std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, perRow));
  const int64_t parts = (s.rows + most - 1) / most, rows = (s.rows + parts - 1) / parts;
  parallel(s.images * parts, [&](int64_t task, int worker) {
    const int64_t b = task / parts, i = task % parts * rows, count = std::min(rows, s.rows - i);
    if (count <= 0) return;
    T* area = static_cast<T*>(parallel.scratch(worker, size_t(fieldSize(s, count)) * sizeof(T)));
    sweepBlock(s, panels, fieldOf(s, b, i, count, area), b, i, count);
  });
}

}  // namespace steppe::STEPPE_NS
