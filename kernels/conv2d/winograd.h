// A 3 x 3 correlation with stride 1 by Winograd's minimal filtering: tiles of MH x MW outputs are read as (MH + 2) x (MW + 2) pixels,
// transformed, multiplied plane by plane with transformed weights in matmul's register tile, and transformed back.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/conv2d/minimal.h"
#include "kernels/conv2d/sweep.h"

namespace steppe::STEPPE_NS {

// Pixels of one tile as they lie: pixel (i, j) begins at base + i * row + j * pixel.
template <class T> struct Window {
  const T* base;
  int64_t row, pixel;
};

// How the outputs of a correlation are cut into tiles.
template <int MH, int MW> struct Tiling {
  static constexpr int height = MH + 2, width = MW + 2, planes = height * width;
  int64_t rows, columns;  // of tiles in an image
  int64_t count;          // in all images

  template <class T> explicit Tiling(const Sweep<T>& s)
      : rows((s.rows + MH - 1) / MH), columns((s.columns + MW - 1) / MW), count(s.images * rows * columns) {}
  struct Place {
    int64_t image, i, j;  // of its first output
  };
  Place place(int64_t tile) const { return {tile / (rows * columns), tile / columns % rows * MH, tile % columns * MW}; }
};

template <class T> void copyVectors(const T* from, int64_t count, T* to) {
  for (int64_t e = 0; e < count; e += kLanes<T>) store(to + e, load(from + e));
}

// Asks for the pixels that the row of tiles below (i, j) reads and this one does not.
template <int MH, int MW, class T> void fetchBelow(const T* image, int64_t w, int64_t pitch, int64_t channels, int64_t i, int64_t j) {
  for (int64_t r = 0; r < MH; r++) {
    for (int64_t q = 0; q < MW; q++) {
      const T* pixel = image + ((i + MH + 2 + r) * w + j + 1 + q) * pitch;
      for (int64_t c = 0; c < channels; c += 64 / int64_t(sizeof(T))) __builtin_prefetch(pixel + c);
    }
  }
}

// The pixels from (i, j) on of an image [h, w] whose pixels are `pitch` apart; where they reach over its edge, a copy of their first
// `channels` in `area`, with zeros outside.
template <int Height, int Width, class T>
Window<T> windowOf(const T* image, int64_t h, int64_t w, int64_t pitch, int64_t channels, int64_t i, int64_t j, T* area) {
  if (i >= 0 && j >= 0 && i + Height <= h && j + Width <= w) return {image + (i * w + j) * pitch, w * pitch, pitch};
  const int64_t before = std::clamp<int64_t>(-j, 0, Width), end = std::clamp<int64_t>(w - j, before, Width);
  for (int64_t r = 0; r < Height; r++) {
    T* const row = area + r * Width * channels;
    const bool inside = i + r >= 0 && i + r < h;
    const int64_t from = inside ? before : Width, to = inside ? end : Width;
    std::fill_n(row, from * channels, T(0));
    for (int64_t q = from; q < to; q++) copyVectors(image + ((i + r) * w + j + q) * pitch, channels, row + q * channels);
    std::fill_n(row + to * channels, (Width - to) * channels, T(0));
  }
  return {area, Width * channels, channels};
}

// [height, width] pixels into planes, for every channel; the rows of a plane belong to tiles.
template <int MH, int MW, class T> void inputPlanes(const Window<T>& x, int64_t channels, T* to, int64_t plane) {
  constexpr int H = MH + 2, W = MW + 2;
  for (int64_t c = 0; c < channels; c += kLanes<T>) {
    vec<T> middle[H][W];
#pragma GCC unroll 8
    for (int i = 0; i < H; i++) {
      vec<T> row[W];
#pragma GCC unroll 8
      for (int j = 0; j < W; j++) row[j] = load(x.base + i * x.row + j * x.pixel + c);
      Minimal<MW>::input(row, middle[i]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < W; j++) {
      vec<T> column[H], result[H];
#pragma GCC unroll 8
      for (int i = 0; i < H; i++) column[i] = middle[i][j];
      Minimal<MH>::input(column, result);
#pragma GCC unroll 8
      for (int i = 0; i < H; i++) store(to + (i * W + j) * plane + c, result[i]);
    }
  }
}

// Planes back to MH x MW outputs, of which the first rows x columns exist. False where a result is not finite.
template <int MH, int MW, class T>
bool outputPixels(const T* from, int64_t plane, int64_t channels, T* to, int64_t rowPitch, int64_t pixelPitch, int64_t rows, int64_t columns) {
  constexpr int H = MH + 2, W = MW + 2;
  vec<T> check = {};
  for (int64_t o = 0; o < channels; o += kLanes<T>) {
    vec<T> middle[MH][W], sum = {};
#pragma GCC unroll 8
    for (int j = 0; j < W; j++) {
      vec<T> column[H], result[MH];
#pragma GCC unroll 8
      for (int i = 0; i < H; i++) column[i] = load(from + (i * W + j) * plane + o);
      Minimal<MH>::output(column, result);
#pragma GCC unroll 8
      for (int i = 0; i < MH; i++) middle[i][j] = result[i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < MH; i++) {
      vec<T> row[MW];
      Minimal<MW>::output(middle[i], row);
#pragma GCC unroll 8
      for (int j = 0; j < MW; j++) {
        sum += row[j];
        if (i < rows && j < columns) store(to + i * rowPitch + j * pixelPitch + o, row[j]);
      }
    }
    check += sum * T(0);
  }
  T lanes[kLanes<T>], all = 0;
  store(lanes, check);
  for (const T lane : lanes) all += lane;
  return all == T(0);
}

// Panels of weights (packWeights) into planes of panels: plane p of panel o begins at p * c * f + o * c.
template <int MH, int MW, class T> void weightPlanes(const Sweep<T>& s, const T* panels, T* to, Parallel& parallel) {
  constexpr int H = MH + 2, W = MW + 2;
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, someChannels = 32;
  const int64_t across = (s.f + panel - 1) / panel, down = (s.c + someChannels - 1) / someChannels;
  parallel(across * down, [&](int64_t task, int) {
    const int64_t o = task % across * panel, width = std::min(panel, s.f - o), first = task / across * someChannels;
    for (int64_t at = first * width; at < std::min(s.c, first + someChannels) * width; at += L) {
      vec<T> middle[3][W];
      for (int u = 0; u < 3; u++) {
        vec<T> taps[3];
        for (int v = 0; v < 3; v++) taps[v] = load(panels + o * 9 * s.c + (u * 3 + v) * s.c * width + at);
        Minimal<MW>::taps(taps, middle[u]);
      }
      for (int j = 0; j < W; j++) {
        vec<T> taps[3] = {middle[0][j], middle[1][j], middle[2][j]}, result[H];
        Minimal<MH>::taps(taps, result);
        for (int i = 0; i < H; i++) store(to + (i * W + j) * s.c * s.f + o * s.c + at, result[i]);
      }
    }
  });
}

// Output channels [begin, end), whole panels, of one tile by the sum itself: padding takes part in no product.
template <class T>
void plainTile(const Sweep<T>& s, const T* panels, int64_t begin, int64_t end, int64_t b, int64_t i, int64_t j, int64_t rows, int64_t columns) {
  constexpr int64_t panel = kTileColumns<T>;
  for (int64_t place = 0; place < rows * columns; place++) {
    const int64_t r = i + place / columns, q = j + place % columns;
    T* const to = s.out + b * s.imagePitch + r * s.rowPitch + q * s.pixelPitch;
    std::fill_n(to + begin, end - begin, T(0));
    for (int64_t tap = 0; tap < 9; tap++) {
      const int64_t row = r - s.top + tap / 3, column = q - s.left + tap % 3;
      if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
      const T* x = s.in + ((b * s.h + row) * s.w + column) * s.c;
      for (int64_t o = begin; o < end; o += panel) {
        const int64_t width = std::min(panel, s.f - o);
        const T* w = panels + o * 9 * s.c + tap * s.c * width;
        for (int64_t c = 0; c < s.c; c++) {
          for (int64_t e = 0; e < width; e++) to[o + e] += x[c] * w[c * width + e];
        }
      }
    }
  }
}

// Rows of a plane: where they would lie apart by a power of two they would share few cache sets.
inline int64_t planePitch(int64_t channels) { return channels % 256 == 0 ? channels + 16 : channels; }
inline int64_t planeSize(int64_t tiles, int64_t pitch) { return (tiles * pitch / 16 | 1) * 16; }
// Tiles that are transformed and multiplied together, whole strips of rows: few, so that their planes stay in cache, but the more
// weights there are, the more tiles must share the reading of them.
inline int64_t tilesTogether(int64_t planes, int64_t channels) {
  constexpr int64_t cached = 160 << 10, strip = 12;  // elements, rows
  return strip * std::clamp<int64_t>(cached / (planes * channels) / strip, std::clamp<int64_t>(channels / 128, 4, 8), 20);
}

// Where it wins (README.md): the transforms pay from 16 channels on, and those of the weights from a few tiles on. Doubles are summed
// directly, as what others are compared with.
template <class T> constexpr bool suitsWinograd(const Sweep<T>& s) {
  return sizeof(T) == 4 && s.kH == 3 && s.kW == 3 && s.strideH == 1 && s.strideW == 1 && s.groups == 1 && s.c % 16 == 0 && s.f % 16 == 0 &&
         s.images * s.rows * s.columns >= 128;
}

// A few tasks more, that threads may share evenly.
inline int64_t evenTasks(int64_t tasks) { return tasks > 2 ? (tasks + 3) / 4 * 4 : tasks; }

template <int MH, int MW, class T> void winograd(const Sweep<T>& s, const T* panels, T* weights, Parallel& parallel) {
  using Tiles = Tiling<MH, MW>;
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, deepest = 128, enoughBlocks = 8;
  weightPlanes<MH, MW>(s, panels, weights, parallel);
  const Tiles tiles(s);
  const int64_t together = tilesTogether(Tiles::planes, s.c + s.f), blocks = evenTasks((tiles.count + together - 1) / together);
  // Where there are few blocks of tiles, their output channels are cut; whole panels in any case.
  const int64_t mostOut = blocks < enoughBlocks ? 128 : 256, cuts = (s.f + mostOut - 1) / mostOut, most = std::min(s.f, mostOut);
  const int64_t inPitch = planePitch(s.c), outPitch = planePitch(most), inPlane = planeSize(together, inPitch),
                outPlane = planeSize(together, outPitch);
  const int64_t parts = (s.c + deepest - 1) / deepest;
  parallel(blocks * cuts, [&](int64_t task, int worker) {
    const int64_t block = task / cuts, firstOut = task % cuts * mostOut, outs = std::min(mostOut, s.f - firstOut);
    const int64_t first = tiles.count * block / blocks, count = tiles.count * (block + 1) / blocks - first,
                  strips = (count + kTileRows - 1) / kTileRows;
    T* const in = static_cast<T*>(parallel.scratch(worker, size_t(Tiles::planes * (inPlane + outPlane + s.c)) * sizeof(T)));
    T* const out = in + Tiles::planes * inPlane;
    T* const area = out + Tiles::planes * outPlane;
    for (int64_t t = 0; t < count; t++) {
      const auto [b, i, j] = tiles.place(first + t);
      const T* image = s.in + b * s.h * s.w * s.c;
      fetchBelow<MH, MW>(image, s.w, s.c, s.c, i - s.top, j - s.left);
      inputPlanes<MH, MW>(windowOf<Tiles::height, Tiles::width>(image, s.h, s.w, s.c, s.c, i - s.top, j - s.left, area), s.c, in + t * inPitch,
                          inPlane);
    }
    for (int64_t p = 0; p < Tiles::planes; p++) {
      for (int64_t part = 0; part < parts; part++) {
        const int64_t c = s.c * part / parts, length = s.c * (part + 1) / parts - c;
        for (int64_t o = 0; o < outs; o += panel) {
          const int width = int(std::min(panel, outs - o)), vectors = int(width / L);
          const T* right = weights + p * s.c * s.f + (firstOut + o) * s.c + c * width;
          for (int64_t strip = 0; strip < strips; strip++) {
            const int64_t row = count * strip / strips, height = count * (strip + 1) / strips - row;
            Tile<T>(int(height), vectors)({1, length, inPitch, 1, 0, width, 0}, in + p * inPlane + row * inPitch + c, right,
                                          out + p * outPlane + row * outPitch + o, outPitch, width, part > 0);
          }
        }
      }
    }
    for (int64_t t = 0; t < count; t++) {
      const auto [b, i, j] = tiles.place(first + t);
      const int64_t rows = std::min<int64_t>(MH, s.rows - i), columns = std::min<int64_t>(MW, s.columns - j);
      T* const to = s.out + b * s.imagePitch + i * s.rowPitch + j * s.pixelPitch + firstOut;
      // One number that is not finite would spoil all outputs of a tile, those too that do not see it.
      if (!outputPixels<MH, MW>(out + t * outPitch, outPlane, outs, to, s.rowPitch, s.pixelPitch, rows, columns))
        plainTile(s, panels, firstOut, firstOut + outs, b, i, j, rows, columns);
    }
  });
}

}  // namespace steppe::STEPPE_NS
