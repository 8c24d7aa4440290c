#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// params: pad
struct Pad {
  uint32_t rank;
  int32_t shape[8], low[8], high[8], interior[8];
};

// Along one axis: output place k holds element (k - low) / step, where that is whole and in range.
struct AxisPad {
  int64_t n, low, step, out;
  int64_t source(int64_t k) const {
    const int64_t at = k - low;
    return at >= 0 && at % step == 0 && at / step < n ? at / step : -1;
  }
};

template <int Bytes> void pad(const Call& call) {
  using T = typename Opaque<Bytes>::type;
  const Pad& p = call.params<Pad>();
  const T* x = call.buffer<const T>(0);
  T* y = call.buffer<T>(1);
  // Trailing axes that stay as they are move in one piece of `inner`.
  AxisPad axes[8];
  int rank = 0;
  int64_t inner = 1, rows = 1;
  bool untouched = true;
  for (int i = int(p.rank) - 1; i >= 0; i--) {
    const int64_t n = p.shape[i], between = std::max<int64_t>(n - 1, 0) * p.interior[i];
    untouched = untouched && p.low[i] == 0 && p.high[i] == 0 && between == 0;
    if (untouched) {
      inner *= n;
    } else {
      axes[rank++] = {n, p.low[i], 1 + int64_t(p.interior[i]), p.low[i] + n + between + p.high[i]};
    }
  }
  for (int i = 0; i < rank; i++) rows *= axes[i].out;
  if (inner == 0) return;
  const AxisPad last = rank > 0 ? axes[0] : AxisPad{1, 0, 1, 1};  // axes[] runs from the last one to the first
  if (last.out == 0) return;
  const size_t bytes = size_t(inner) * Bytes;
  forRanges(call, rows / last.out, last.out * inner, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; row++) {
      int64_t from = 0, step = last.n, rest = row;
      bool inside = true;
      for (int i = 1; i < rank && inside; i++) {
        const int64_t source = axes[i].source(rest % axes[i].out);
        inside = source >= 0;
        from += source * step;
        step *= axes[i].n;
        rest /= axes[i].out;
      }
      T* to = y + row * last.out * inner;
      const T* source = x + from * inner;
      if (!inside || last.step > 1 || last.low < 0) {
        std::memset(to, 0, size_t(last.out) * bytes);
        for (int64_t k = 0; inside && k < last.n; k++) {
          const int64_t place = last.low + k * last.step;
          if (place >= 0 && place < last.out) std::memcpy(to + place * inner, source + k * inner, bytes);
        }
        continue;
      }
      const int64_t before = std::min(last.low, last.out), kept = std::min(last.n, last.out - before), after = last.out - before - kept;
      std::memset(to, 0, size_t(before) * bytes);
      std::memcpy(to + before * inner, source, size_t(kept) * bytes);
      std::memset(to + (before + kept) * inner, 0, size_t(after) * bytes);
    }
  });
}

STEPPE_KERNEL("pad_f64", pad<8>);
STEPPE_KERNEL("pad_f32", pad<4>);
STEPPE_KERNEL("pad_f16", pad<2>);
STEPPE_KERNEL("pad_bf16", pad<2>);
STEPPE_KERNEL("pad_i32", pad<4>);
STEPPE_KERNEL("pad_u32", pad<4>);
STEPPE_KERNEL("pad_u8", pad<1>);
STEPPE_KERNEL("pad_bool", pad<1>);

}  // namespace
}  // namespace steppe::STEPPE_NS
