#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// Integers add modulo 2^32: i32 runs as uint32_t.

// params: scatter_add
struct ScatterAdd {
  uint32_t batch, outer, n, inner, count;
};

// A task owns a stretch of columns of one [n, inner] plane, so every element has one writer and its updates keep their order.
template <class T> void scatterAdd(const Call& call) {
  const ScatterAdd& p = call.params<ScatterAdd>();
  const int64_t planes = int64_t(p.batch) * p.outer, n = p.n, inner = p.inner, count = p.count;
  const T *x = call.buffer<const T>(0), *updates = call.buffer<const T>(2);
  const int32_t* index = call.buffer<const int32_t>(1);
  T* y = call.buffer<T>(3);
  if (planes * n * inner == 0) return;
  const int64_t width = std::min<int64_t>(inner, std::max<int64_t>(16, kGrain / (n + count))), stretches = (inner + width - 1) / width;
  forRanges(call, planes * stretches, (n + count) * width, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t plane = task / stretches, first = task % stretches * width, many = std::min(width, inner - first);
      const T *from = x + plane * n * inner + first, *more = updates + plane * count * inner + first;
      T* to = y + plane * n * inner + first;
      const int32_t* at = index + plane / p.outer * count;
      for (int64_t k = 0; k < n; k++) std::memcpy(to + k * inner, from + k * inner, size_t(many) * sizeof(T));
      for (int64_t i = 0; i < count; i++) {
        T* row = to + resolveIndex(at[i], n) * inner;
        for (int64_t j = 0; j < many; j++) row[j] += more[i * inner + j];
      }
    }
  });
}

// params: scatter_along
struct ScatterAlong {
  uint32_t outer, n, inner, count;
};

template <class T> void scatterAlong(const Call& call) {
  const ScatterAlong& p = call.params<ScatterAlong>();
  const int64_t outer = p.outer, n = p.n, inner = p.inner, count = p.count;
  const T *x = call.buffer<const T>(0), *updates = call.buffer<const T>(2);
  const int32_t* index = call.buffer<const int32_t>(1);
  T* y = call.buffer<T>(3);
  if (outer * n * inner == 0) return;
  const int64_t width = std::min<int64_t>(inner, std::max<int64_t>(16, kGrain / (n + count))), stretches = (inner + width - 1) / width;
  forRanges(call, outer * stretches, (n + count) * width, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t plane = task / stretches, first = task % stretches * width, many = std::min(width, inner - first);
      const T *from = x + plane * n * inner + first, *more = updates + plane * count * inner + first;
      T* to = y + plane * n * inner + first;
      const int32_t* at = index + plane * count * inner + first;
      for (int64_t k = 0; k < n; k++) std::memcpy(to + k * inner, from + k * inner, size_t(many) * sizeof(T));
      for (int64_t i = 0; i < count; i++) {
        for (int64_t j = 0; j < many; j++) to[resolveIndex(at[i * inner + j], n) * inner + j] += more[i * inner + j];
      }
    }
  });
}

STEPPE_KERNEL("scatter_add_f32", scatterAdd<float>);
STEPPE_KERNEL("scatter_add_f64", scatterAdd<double>);
STEPPE_KERNEL("scatter_add_i32", scatterAdd<uint32_t>);
STEPPE_KERNEL("scatter_add_u32", scatterAdd<uint32_t>);
STEPPE_KERNEL("scatter_along_f32", scatterAlong<float>);
STEPPE_KERNEL("scatter_along_f64", scatterAlong<double>);
STEPPE_KERNEL("scatter_along_i32", scatterAlong<uint32_t>);
STEPPE_KERNEL("scatter_along_u32", scatterAlong<uint32_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
