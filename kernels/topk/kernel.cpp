#include "kernels/shared/copy.h"
#include "kernels/shared/order.h"

namespace steppe::STEPPE_NS {
namespace {

// params: topk
struct Topk {
  uint32_t outer, n, inner, k;
};

template <class T> void topk(const Call& call) {
  const Topk& p = call.params<Topk>();
  const int64_t n = p.n, inner = p.inner, k = p.k;
  const T* x = call.buffer<const T>(0);
  int32_t* index = call.buffer<int32_t>(1);
  if (k == 0) return;
  forRanges(call, p.outer * inner, n * 2, [&](int64_t begin, int64_t end, int worker) {
    using E = Entry<T>;
    E* entries = static_cast<E*>(call.parallel->scratch(worker, size_t(n) * sizeof(E)));
    for (int64_t line = begin; line < end; line++) {
      const int64_t from = line / inner * n * inner + line % inner, to = line / inner * k * inner + line % inner;
      for (int64_t i = 0; i < n; i++) entries[i] = {Key<T>(~orderKey(x[from + i * inner])), uint32_t(i)};  // largest first
      std::partial_sort(entries, entries + k, entries + n);
      for (int64_t i = 0; i < k; i++) index[to + i * inner] = int32_t(entries[i].index);
    }
  });
}

STEPPE_KERNEL("topk_f32", topk<float>);
STEPPE_KERNEL("topk_f64", topk<double>);
STEPPE_KERNEL("topk_i32", topk<int32_t>);
STEPPE_KERNEL("topk_u32", topk<uint32_t>);
STEPPE_KERNEL("topk_u8", topk<uint8_t>);
STEPPE_KERNEL("topk_bool", topk<uint8_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
