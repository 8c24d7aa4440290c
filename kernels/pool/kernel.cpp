#include <algorithm>
#include <cstdint>

#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

// params: max_pool, avg_pool, avg_pool_grad
struct Params {
  int32_t n, h, w, c, windowH, windowW, strideH, strideW, top, left, outH, outW;
};

// The cells of one axis that window `i` sees inside the image: [begin, end).
struct Cells {
  int64_t begin, end;
};
Cells cellsOf(int64_t i, int64_t stride, int64_t low, int64_t window, int64_t size) {
  const int64_t first = i * stride - low;
  return {std::max<int64_t>(0, first), std::min(size, first + window)};
}

// x is (n, h, w, c); y and index are (n, outH, outW, c)
template <class T> void maxPool(const Call& call) {
  const auto& p = call.params<Params>();
  const T* x = call.buffer<T>(0);
  T* y = call.buffer<T>(1);
  int32_t* index = call.buffer<int32_t>(2);
  (*call.parallel)(int64_t{p.n} * p.outH, [&](int64_t line, int) {
    const T* image = x + line / p.outH * p.h * p.w * p.c;
    const Cells rows = cellsOf(line % p.outH, p.strideH, p.top, p.windowH, p.h);
    for (int64_t j = 0; j < p.outW; j++) {
      const Cells columns = cellsOf(j, p.strideW, p.left, p.windowW, p.w);
      T* best = y + (line * p.outW + j) * p.c;
      int32_t* place = index + (line * p.outW + j) * p.c;
      bool first = true;
      for (int64_t row = rows.begin; row < rows.end; row++) {
        for (int64_t column = columns.begin; column < columns.end; column++, first = false) {
          const int32_t cell = int32_t(row * p.w + column);
          const T* value = image + int64_t{cell} * p.c;
          for (int64_t c = 0; c < p.c; c++) {
            const bool wins = first | (value[c] > best[c]) | ((value[c] != value[c]) & (best[c] == best[c]));
            best[c] = wins ? value[c] : best[c];
            place[c] = wins ? cell : place[c];
          }
        }
      }
    }
  });
}

template <class T> void avgPool(const Call& call) {
  const auto& p = call.params<Params>();
  const T* x = call.buffer<T>(0);
  T* y = call.buffer<T>(1);
  (*call.parallel)(int64_t{p.n} * p.outH, [&](int64_t line, int) {
    const T* image = x + line / p.outH * p.h * p.w * p.c;
    const Cells rows = cellsOf(line % p.outH, p.strideH, p.top, p.windowH, p.h);
    for (int64_t j = 0; j < p.outW; j++) {
      const Cells columns = cellsOf(j, p.strideW, p.left, p.windowW, p.w);
      const T count = T((rows.end - rows.begin) * (columns.end - columns.begin));
      T* mean = y + (line * p.outW + j) * p.c;
      std::fill_n(mean, p.c, T(0));
      for (int64_t row = rows.begin; row < rows.end; row++) {
        for (int64_t column = columns.begin; column < columns.end; column++) {
          const T* value = image + (row * p.w + column) * p.c;
          for (int64_t c = 0; c < p.c; c++) mean[c] += value[c];
        }
      }
      for (int64_t c = 0; c < p.c; c++) mean[c] /= count;
    }
  });
}

// dx[row, column] = the sum of ct / cells over the windows that see it: those from ceil((row + top - window + 1) / stride) on.
template <class T> void avgPoolGradient(const Call& call) {
  const auto& p = call.params<Params>();
  const T* ct = call.buffer<T>(0);
  T* dx = call.buffer<T>(1);
  const auto windowsOf = [](int64_t cell, int64_t stride, int64_t low, int64_t window, int64_t count) -> Cells {
    const int64_t first = cell + low - window + 1;
    return {first > 0 ? (first + stride - 1) / stride : 0, std::min(count, (cell + low) / stride + 1)};
  };
  (*call.parallel)(int64_t{p.n} * p.h, [&](int64_t line, int) {
    const int64_t image = line / p.h;
    const Cells windowRows = windowsOf(line % p.h, p.strideH, p.top, p.windowH, p.outH);
    for (int64_t column = 0; column < p.w; column++) {
      T* sum = dx + (line * p.w + column) * p.c;
      std::fill_n(sum, p.c, T(0));
      const Cells windowColumns = windowsOf(column, p.strideW, p.left, p.windowW, p.outW);
      for (int64_t i = windowRows.begin; i < windowRows.end; i++) {
        const Cells rows = cellsOf(i, p.strideH, p.top, p.windowH, p.h);
        for (int64_t j = windowColumns.begin; j < windowColumns.end; j++) {
          const Cells columns = cellsOf(j, p.strideW, p.left, p.windowW, p.w);
          const T share = T(1) / T((rows.end - rows.begin) * (columns.end - columns.begin));
          const T* value = ct + ((image * p.outH + i) * p.outW + j) * p.c;
          for (int64_t c = 0; c < p.c; c++) sum[c] += value[c] * share;
        }
      }
    }
  });
}

STEPPE_KERNEL("max_pool_f32", maxPool<float>);
STEPPE_KERNEL("max_pool_f64", maxPool<double>);
STEPPE_KERNEL("avg_pool_f32", avgPool<float>);
STEPPE_KERNEL("avg_pool_f64", avgPool<double>);
STEPPE_KERNEL("avg_pool_grad_f32", avgPoolGradient<float>);
STEPPE_KERNEL("avg_pool_grad_f64", avgPoolGradient<double>);

}  // namespace
}  // namespace steppe::STEPPE_NS
