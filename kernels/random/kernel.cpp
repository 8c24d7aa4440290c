#include "kernels/shared/copy.h"
#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {
namespace {

// params: threefry
struct Threefry {
  uint32_t batch, n, pairs, counted;
};

using Words = vec<uint32_t>;
constexpr int kBlocks = kLanes<uint32_t>;

template <int by> STEPPE_INLINE Words rotate(Words x) { return (x << by) | (x >> (32 - by)); }
template <int r0, int r1, int r2, int r3> STEPPE_INLINE void rounds(Words& a, Words& b) {
  b = rotate<r0>(b) ^ (a += b);
  b = rotate<r1>(b) ^ (a += b);
  b = rotate<r2>(b) ^ (a += b);
  b = rotate<r3>(b) ^ (a += b);
}
// The blocks of the counters (0, counter): a and b get their halves.
STEPPE_INLINE void blocks(uint32_t k0, uint32_t k1, Words counter, Words& a, Words& b) {
  const uint32_t k2 = k0 ^ k1 ^ 0x1bd11bdau;
  a = splat(k0);
  b = counter + k1;
  rounds<13, 15, 26, 6>(a, b);
  a += k1;
  b += k2 + 1;
  rounds<17, 29, 16, 24>(a, b);
  a += k2;
  b += k0 + 2;
  rounds<13, 15, 26, 6>(a, b);
  a += k0;
  b += k1 + 3;
  rounds<17, 29, 16, 24>(a, b);
  a += k1;
  b += k2 + 4;
  rounds<13, 15, 26, 6>(a, b);
  a += k2;
  b += k0 + 5;
}

void threefry(const Call& call) {
  const Threefry& p = call.params<Threefry>();
  const int64_t n = p.n, words = p.pairs ? 2 * kBlocks : kBlocks, steps = (n + words - 1) / words;
  const uint32_t *keys = call.buffer<const uint32_t>(0), *first = call.buffer<const uint32_t>(1);
  uint32_t* bits = call.buffer<uint32_t>(2);
  Words lanes;
  for (int i = 0; i < kBlocks; i++) lanes[i] = uint32_t(i);
  forRanges(call, p.batch * steps, words * 8, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t key = task / steps, step = task % steps, many = std::min(words, n - step * words);
      Words a, b;
      blocks(keys[2 * key], keys[2 * key + 1], lanes + ((first ? first[key] : 0) + uint32_t(step * kBlocks)), a, b);
      uint32_t* to = bits + key * n + step * words;
      if (!p.pairs) {
        storePartial(to, a ^ b, int(many));
        continue;
      }
      for (int64_t i = 0; i < many; i++) to[i] = i % 2 ? b[i / 2] : a[i / 2];
    }
  });
}

STEPPE_KERNEL("threefry_u32", threefry);

}  // namespace
}  // namespace steppe::STEPPE_NS
