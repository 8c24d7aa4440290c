#include <type_traits>

#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// params: cumsum
struct Cumsum {
  uint32_t outer, n, inner, reverse;
};

constexpr int64_t kColumns = 64;

// f32 sums run in f64; integers wrap as unsigned numbers.
template <class T> void cumsum(const Call& call) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, double, T>;
  const Cumsum& p = call.params<Cumsum>();
  const int64_t outer = p.outer, n = p.n, inner = p.inner;
  const T* x = call.buffer<const T>(0);
  T* y = call.buffer<T>(1);
  const int64_t stretches = (inner + kColumns - 1) / kColumns;
  forRanges(call, outer * stretches, n * std::min(inner, kColumns), [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t first = task % stretches * kColumns, many = std::min(kColumns, inner - first), plane = task / stretches * n * inner + first;
      Sum sums[kColumns] = {};
      for (int64_t step = 0; step < n; step++) {
        const int64_t at = plane + (p.reverse ? n - 1 - step : step) * inner;
        for (int64_t j = 0; j < many; j++) y[at + j] = T(sums[j] += x[at + j]);
      }
    }
  });
}

STEPPE_KERNEL("cumsum_f32", cumsum<float>);
STEPPE_KERNEL("cumsum_f64", cumsum<double>);
STEPPE_KERNEL("cumsum_i32", cumsum<uint32_t>);
STEPPE_KERNEL("cumsum_u32", cumsum<uint32_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
