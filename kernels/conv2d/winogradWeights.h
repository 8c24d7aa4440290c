// The gradient by 3 x 3 weights with stride 1, by the transposed minimal filtering: tiles of the image and of the cotangent are
// transformed, multiplied plane by plane over all tiles, and only the sums are transformed back.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/conv2d/winograd.h"

namespace steppe::STEPPE_NS {

// MH x MW pixels of a cotangent into planes.
template <int MH, int MW, class T> void cotangentPlanes(const Window<T>& ct, int64_t channels, T* to, int64_t plane) {
  constexpr int H = MH + 2, W = MW + 2;
  for (int64_t o = 0; o < channels; o += kLanes<T>) {
    vec<T> middle[MH][W];
#pragma GCC unroll 8
    for (int i = 0; i < MH; i++) {
      vec<T> row[MW];
#pragma GCC unroll 8
      for (int j = 0; j < MW; j++) row[j] = load(ct.base + i * ct.row + j * ct.pixel + o);
      Minimal<MW>::spread(row, middle[i]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < W; j++) {
      vec<T> column[MH], result[H];
#pragma GCC unroll 8
      for (int i = 0; i < MH; i++) column[i] = middle[i][j];
      Minimal<MH>::spread(column, result);
#pragma GCC unroll 8
      for (int i = 0; i < H; i++) store(to + (i * W + j) * plane + o, result[i]);
    }
  }
}

// Planes of sums, [channels, columns] each, into the nine taps of a gradient, whose rows are `pitch` and whose taps `tap` elements apart.
template <int MH, int MW, class T> void tapsFromPlanes(const T* from, int64_t channels, int64_t columns, T* to, int64_t pitch, int64_t tap) {
  constexpr int H = MH + 2, W = MW + 2;
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t o = 0; o < columns; o += kLanes<T>) {
      vec<T> middle[H][3];
      for (int i = 0; i < H; i++) {
        vec<T> row[W];
        for (int j = 0; j < W; j++) row[j] = load(from + ((i * W + j) * channels + c) * columns + o);
        Minimal<MW>::tapsGradient(row, middle[i]);
      }
      for (int v = 0; v < 3; v++) {
        vec<T> column[H], result[3];
        for (int i = 0; i < H; i++) column[i] = middle[i][v];
        Minimal<MH>::tapsGradient(column, result);
        for (int u = 0; u < 3; u++) store(to + (u * 3 + v) * tap + c * pitch + o, result[u]);
      }
    }
  }
}

// Channels are cut into blocks whose sums stay in cache; images' tiles are dealt to few partial sums, added in order.
template <int MH, int MW, class T> void winogradWeightGradient(const Sweep<T>& s, const T* ct, T* dw, Parallel& parallel) {
  using Tiles = Tiling<MH, MW>;
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, mostIn = 64, mostOut = 64, enoughTasks = 16, together = 32;
  const Tiles tiles(s);
  const int64_t inBlocks = (s.c + mostIn - 1) / mostIn, outBlocks = (s.f + mostOut - 1) / mostOut, blocks = inBlocks * outBlocks,
                size = 9 * s.c * s.f;
  const int64_t splits = std::clamp<int64_t>(enoughTasks / blocks, 1, (tiles.count + together - 1) / together);
  const int64_t inPlane = planeSize(together, mostIn), outPlane = planeSize(together, mostOut);
  T* const sums = splits > 1 ? static_cast<T*>(parallel.shared(size_t(splits * size) * sizeof(T))) : dw;

  parallel(splits * blocks, [&](int64_t task, int worker) {
    const int64_t c = task % inBlocks * mostIn, channels = std::min(mostIn, s.c - c);
    const int64_t o = task / inBlocks % outBlocks * mostOut, columns = std::min(mostOut, s.f - o), split = task / blocks;
    const int64_t begin = tiles.count * split / splits, end = tiles.count * (split + 1) / splits, strips = (channels + kTileRows - 1) / kTileRows;
    T* const in = static_cast<T*>(
        parallel.scratch(worker, size_t(Tiles::planes * (inPlane + outPlane + channels * columns + std::max(channels, columns))) * sizeof(T)));
    T* const out = in + Tiles::planes * inPlane;
    T* const planes = out + Tiles::planes * outPlane;
    T* const area = planes + Tiles::planes * channels * columns;
    for (int64_t first = begin; first < end; first += together) {
      const int64_t count = std::min(together, end - first);
      for (int64_t t = 0; t < count; t++) {
        const auto [b, i, j] = tiles.place(first + t);
        const T* x = s.in + b * s.h * s.w * s.c + c;
        fetchBelow<MH, MW>(x, s.w, s.c, channels, i - s.top, j - s.left);
        inputPlanes<MH, MW>(windowOf<Tiles::height, Tiles::width>(x, s.h, s.w, s.c, channels, i - s.top, j - s.left, area), channels,
                            in + t * channels, inPlane);
        const T* y = ct + b * s.rows * s.columns * s.f + o;
        cotangentPlanes<MH, MW>(windowOf<MH, MW>(y, s.rows, s.columns, s.f, columns, i, j, area), columns, out + t * columns, outPlane);
      }
      for (int64_t p = 0; p < Tiles::planes; p++) {
        for (int64_t at = 0; at < columns; at += panel) {
          const int width = int(std::min(panel, columns - at)), vectors = int(width / L);
          for (int64_t strip = 0; strip < strips; strip++) {
            const int64_t row = channels * strip / strips, height = channels * (strip + 1) / strips - row;
            Tile<T>(int(height), vectors)({1, count, 1, channels, 0, columns, 0}, in + p * inPlane + row, out + p * outPlane + at,
                                          planes + (p * channels + row) * columns + at, columns, width, first > begin);
          }
        }
      }
    }
    tapsFromPlanes<MH, MW>(planes, channels, columns, sums + split * size + c * s.f + o, s.f, s.c * s.f);
  });
  if (splits > 1) addSplits(sums, splits, size, dw, parallel);
}

}  // namespace steppe::STEPPE_NS
