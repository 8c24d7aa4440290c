#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// params: concat
struct Concat {
  uint32_t outer, inner;
  int32_t lengths[];
};

template <int Bytes> void concat(const Call& call) {
  const Concat& p = call.params<Concat>();
  const int inputs = call.word_count - 2;
  int64_t total = 0;
  for (int i = 0; i < inputs; i++) total += p.lengths[i];
  const int64_t row = total * p.inner * Bytes;
  char* y = call.buffer<char>(inputs);
  forRanges(call, p.outer, total * p.inner, [&](int64_t begin, int64_t end, int) {
    int64_t at = 0;
    for (int i = 0; i < inputs; i++) {
      const int64_t bytes = int64_t(p.lengths[i]) * p.inner * Bytes;
      const char* x = call.buffer<const char>(i);
      for (int64_t o = begin; o < end && bytes > 0; o++) std::memcpy(y + o * row + at, x + o * bytes, size_t(bytes));
      at += bytes;
    }
  });
}

STEPPE_KERNEL("concat_f64", concat<8>);
STEPPE_KERNEL("concat_f32", concat<4>);
STEPPE_KERNEL("concat_f16", concat<2>);
STEPPE_KERNEL("concat_bf16", concat<2>);
STEPPE_KERNEL("concat_i32", concat<4>);
STEPPE_KERNEL("concat_u32", concat<4>);
STEPPE_KERNEL("concat_u8", concat<1>);
STEPPE_KERNEL("concat_bool", concat<1>);

}  // namespace
}  // namespace steppe::STEPPE_NS
