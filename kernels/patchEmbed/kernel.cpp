// Patches are rows of a product: a patch is `patch` runs of patch * c elements, its neighbour lies one run further.
#include <algorithm>
#include <cstdint>

#include "kernels/matmul/pack.h"
#include "kernels/matmul/tile.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

// params: patchEmbed, patchEmbed_kernel_grad, patchEmbed_image_grad
struct Params {
  int32_t n, rows, columns, patch, c, d;
};
struct Patches : Params {
  int64_t lines() const { return int64_t{n} * rows; }  // of patches, through the batch
  int64_t run() const { return int64_t{patch} * c; }
  int64_t pitch() const { return columns * run(); }  // of a row of pixels
  int64_t depth() const { return patch * run(); }
};

constexpr int64_t kTaskWork = 4'000'000;
constexpr int64_t partsOf(int64_t size, int64_t most) { return (size + most - 1) / most; }

// y[line, column, :] = images[patch of line, column] * kernel.
template <class T> void forward(const Call& call) {
  const auto& p = call.params<Patches>();
  const T *images = call.buffer<T>(0), *kernel = call.buffer<T>(1);
  T* y = call.buffer<T>(2);
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>;
  if (p.lines() * p.columns * p.d == 0) return;
  if (p.depth() == 0) return void(std::fill_n(y, p.lines() * p.columns * p.d, T(0)));
  const int64_t depth = p.depth(), whole = partsOf(p.d, L) * L;
  T* const panels = static_cast<T*>(call.parallel->shared(size_t(whole * depth) * sizeof(T)));
  (*call.parallel)(partsOf(p.d, panel), [&](int64_t task, int) {
    const int64_t j = task * panel, count = std::min<int64_t>(panel, p.d - j);
    pack(panels + j * depth, int(partsOf(count, L) * L), Factor<T>{kernel, 1, p.d, 0, depth}, j, int(count), 0, depth);
  });
  const int64_t lines = std::max<int64_t>(1, kTaskWork / (p.columns * depth * p.d)), strips = partsOf(p.columns, kTileRows);
  (*call.parallel)(partsOf(p.lines(), lines), [&](int64_t task, int) {
    for (int64_t j = 0; j < p.d; j += panel) {
      const int width = int(std::min<int64_t>(panel, p.d - j)), vectors = int(partsOf(width, L));
      const Walk walk{p.patch, p.run(), p.run(), 1, p.pitch(), vectors * L, p.run() * vectors * L};
      for (int64_t line = task * lines; line < std::min(p.lines(), (task + 1) * lines); line++) {
        for (int64_t strip = 0; strip < strips; strip++) {
          const int64_t first = p.columns * strip / strips, height = p.columns * (strip + 1) / strips - first;
          Tile<T>(int(height), vectors)(walk, images + line * p.patch * p.pitch() + first * p.run(), panels + j * depth,
                                        y + (line * p.columns + first) * p.d + j, p.d, width, false);
        }
      }
    }
  });
}

// dimages[patch of line, column] = ct[line, column, :] * kernel transposed; one row of a patch at a time is a block of columns.
template <class T> void imageGradient(const Call& call) {
  const auto& p = call.params<Patches>();
  const T *ct = call.buffer<T>(0), *kernel = call.buffer<T>(1);
  T* dimages = call.buffer<T>(2);
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>;
  const int64_t run = p.run(), d = p.d, wholeRun = partsOf(run, L) * L;
  if (p.lines() * p.columns * run == 0) return;
  if (d == 0) return void(std::fill_n(dimages, p.lines() * p.patch * p.pitch(), T(0)));
  T* const panels = static_cast<T*>(call.parallel->shared(size_t(p.patch * wholeRun * d) * sizeof(T)));
  (*call.parallel)(p.patch, [&](int64_t u, int) {
    for (int64_t j = 0; j < run; j += panel) {
      const int64_t count = std::min<int64_t>(panel, run - j);
      pack(panels + (u * wholeRun + j) * d, int(partsOf(count, L) * L), Factor<T>{kernel + u * run * d, d, 1, 0, d}, j, int(count), 0, d);
    }
  });
  const int64_t lines = std::max<int64_t>(1, kTaskWork / (p.columns * p.depth() * d)), strips = partsOf(p.columns, kTileRows);
  (*call.parallel)(partsOf(p.lines(), lines), [&](int64_t task, int) {
    for (int64_t line = task * lines; line < std::min(p.lines(), (task + 1) * lines); line++) {
      for (int64_t u = 0; u < p.patch; u++) {
        for (int64_t j = 0; j < run; j += panel) {
          const int width = int(std::min<int64_t>(panel, run - j)), vectors = int(partsOf(width, L));
          for (int64_t strip = 0; strip < strips; strip++) {
            const int64_t first = p.columns * strip / strips, height = p.columns * (strip + 1) / strips - first;
            Tile<T>(int(height), vectors)({1, d, d, 1, 0, vectors * L, 0}, ct + (line * p.columns + first) * d, panels + (u * wholeRun + j) * d,
                                          dimages + (line * p.patch + u) * p.pitch() + first * run + j, run, width, false);
          }
        }
      }
    }
  });
}

// dkernel[u, run, :] = sum over lines and columns of images[line, u, column, run] * ct[line, column, :].
template <class T> void kernelGradient(const Call& call) {
  const auto& p = call.params<Patches>();
  const T *images = call.buffer<T>(0), *ct = call.buffer<T>(1);
  T* dkernel = call.buffer<T>(2);
  constexpr int64_t L = kLanes<T>, panel = kTileColumns<T>, piece = 8192;
  const int64_t run = p.run(), d = p.d, size = p.depth() * d, whole = partsOf(d, L) * L;
  if (size == 0) return;
  if (p.lines() * p.columns == 0) return void(std::fill_n(dkernel, size, T(0)));
  const int64_t lines = std::clamp<int64_t>(128 / p.columns, 1, p.lines()), blocks = partsOf(p.lines(), lines);  // of about 128 patches
  const int64_t splits = std::min({blocks, int64_t{16}, std::max<int64_t>(1, (int64_t{16} << 20) / int64_t(size * sizeof(T)))});
  const int64_t cuts = splits < 16 ? p.patch : 1;  // tasks that share the rows of a patch
  const bool copied = d % L != 0;                  // the tile reads whole vectors of ct
  T* const sums = splits > 1 ? static_cast<T*>(call.parallel->shared(size_t(splits * size) * sizeof(T))) : dkernel;
  const int64_t strips = partsOf(run, kTileRows);
  (*call.parallel)(splits * cuts, [&](int64_t task, int worker) {
    const int64_t split = task / cuts, firstRow = task % cuts * p.patch / cuts, endRow = (task % cuts + 1) * p.patch / cuts;
    T* const copy = copied ? static_cast<T*>(call.parallel->scratch(worker, size_t(lines * p.columns * whole) * sizeof(T))) : nullptr;
    const int64_t firstBlock = blocks * split / splits;
    for (int64_t block = firstBlock; block < blocks * (split + 1) / splits; block++) {
      const int64_t line = block * lines, count = std::min(lines, p.lines() - line);
      const T* right = ct + line * p.columns * d;
      if (copied) {
        for (int64_t t = 0; t < count * p.columns; t++) {
          std::copy_n(right + t * d, d, copy + t * whole);
          std::fill_n(copy + t * whole + d, whole - d, T(0));
        }
        right = copy;
      }
      for (int64_t j = 0; j < d; j += panel) {
        const int width = int(std::min<int64_t>(panel, d - j)), vectors = int(partsOf(width, L));
        const Walk walk{count, p.columns, 1, run, p.patch * p.pitch(), copied ? whole : d, p.columns * (copied ? whole : d)};
        for (int64_t u = firstRow; u < endRow; u++) {
          for (int64_t strip = 0; strip < strips; strip++) {
            const int64_t first = run * strip / strips, height = run * (strip + 1) / strips - first;
            Tile<T>(int(height), vectors)(walk, images + (line * p.patch + u) * p.pitch() + first, right + j,
                                          sums + split * size + (u * run + first) * d + j, d, width, block > firstBlock);
          }
        }
      }
    }
  });
  if (splits == 1) return;
  (*call.parallel)(partsOf(size, piece), [&](int64_t task, int) {
    const int64_t begin = task * piece, end = std::min(size, begin + piece);
    for (int64_t e = begin; e < end; e++) dkernel[e] = sums[e];
    for (int64_t split = 1; split < splits; split++) {
      for (int64_t e = begin; e < end; e++) dkernel[e] += sums[split * size + e];
    }
  });
}

STEPPE_KERNEL("patchEmbed_f32", forward<float>);
STEPPE_KERNEL("patchEmbed_f64", forward<double>);
STEPPE_KERNEL("patchEmbed_image_grad_f32", imageGradient<float>);
STEPPE_KERNEL("patchEmbed_image_grad_f64", imageGradient<double>);
STEPPE_KERNEL("patchEmbed_kernel_grad_f32", kernelGradient<float>);
STEPPE_KERNEL("patchEmbed_kernel_grad_f64", kernelGradient<double>);

}  // namespace
}  // namespace steppe::STEPPE_NS
