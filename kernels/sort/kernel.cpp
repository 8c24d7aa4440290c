#include "kernels/shared/copy.h"
#include "kernels/shared/order.h"

namespace steppe::STEPPE_NS {
namespace {

// params: argsort
struct Argsort {
  uint32_t outer, n, inner;
};

// Keys with the index in the low half are all different, so any sort of them is stable.
template <class T> void argsort(const Call& call) {
  const Argsort& p = call.params<Argsort>();
  const int64_t n = p.n, inner = p.inner;
  const T* x = call.buffer<const T>(0);
  int32_t* index = call.buffer<int32_t>(1);
  if (n == 0) return;
  forRanges(call, p.outer * inner, n * 8, [&](int64_t begin, int64_t end, int worker) {
    using E = Entry<T>;
    E* entries = static_cast<E*>(call.parallel->scratch(worker, size_t(n) * sizeof(E)));
    for (int64_t line = begin; line < end; line++) {
      const int64_t first = line / inner * n * inner + line % inner;
      for (int64_t k = 0; k < n; k++) entries[k] = {orderKey(x[first + k * inner]), uint32_t(k)};
      std::sort(entries, entries + n);
      for (int64_t k = 0; k < n; k++) index[first + k * inner] = int32_t(entries[k].index);
    }
  });
}

STEPPE_KERNEL("argsort_f32", argsort<float>);
STEPPE_KERNEL("argsort_f64", argsort<double>);
STEPPE_KERNEL("argsort_i32", argsort<int32_t>);
STEPPE_KERNEL("argsort_u32", argsort<uint32_t>);
STEPPE_KERNEL("argsort_u8", argsort<uint8_t>);
STEPPE_KERNEL("argsort_bool", argsort<uint8_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
