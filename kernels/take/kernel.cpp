#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// params: take
struct Take {
  uint32_t batch, outer, n, inner, count;
};

template <int Bytes> void take(const Call& call) {
  using T = typename Opaque<Bytes>::type;
  const Take& p = call.params<Take>();
  const int64_t outer = p.outer, n = p.n, inner = p.inner, count = p.count;
  const T* x = call.buffer<const T>(0);
  const int32_t* index = call.buffer<const int32_t>(1);
  T* y = call.buffer<T>(2);
  forRanges(call, p.batch * outer * count, inner, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const int64_t bo = row / count, i = row % count;
      const T* from = x + (bo * n + resolveIndex(index[bo / outer * count + i], n)) * inner;
      if (inner == 1) {
        y[row] = *from;
      } else {
        std::memcpy(y + row * inner, from, size_t(inner) * Bytes);
      }
    }
  });
}

// params: take_along
struct TakeAlong {
  uint32_t outer, n, inner, count;
};

template <int Bytes> void takeAlong(const Call& call) {
  using T = typename Opaque<Bytes>::type;
  const TakeAlong& p = call.params<TakeAlong>();
  const int64_t n = p.n, inner = p.inner, count = p.count;
  const T* x = call.buffer<const T>(0);
  const int32_t* index = call.buffer<const int32_t>(1);
  T* y = call.buffer<T>(2);
  forRanges(call, p.outer * count, inner, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      const T* from = x + row / count * n * inner;
      const int32_t* at = index + row * inner;
      for (int64_t j = 0; j < inner; j++) y[row * inner + j] = from[resolveIndex(at[j], n) * inner + j];
    }
  });
}

STEPPE_KERNEL("take_f64", take<8>);
STEPPE_KERNEL("take_f32", take<4>);
STEPPE_KERNEL("take_f16", take<2>);
STEPPE_KERNEL("take_bf16", take<2>);
STEPPE_KERNEL("take_i32", take<4>);
STEPPE_KERNEL("take_u32", take<4>);
STEPPE_KERNEL("take_u8", take<1>);
STEPPE_KERNEL("take_bool", take<1>);
STEPPE_KERNEL("take_along_f64", takeAlong<8>);
STEPPE_KERNEL("take_along_f32", takeAlong<4>);
STEPPE_KERNEL("take_along_f16", takeAlong<2>);
STEPPE_KERNEL("take_along_bf16", takeAlong<2>);
STEPPE_KERNEL("take_along_i32", takeAlong<4>);
STEPPE_KERNEL("take_along_u32", takeAlong<4>);
STEPPE_KERNEL("take_along_u8", takeAlong<1>);
STEPPE_KERNEL("take_along_bool", takeAlong<1>);

}  // namespace
}  // namespace steppe::STEPPE_NS
