// Memory that is asked for before it is needed.
#pragma once
#include <cstdint>

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS::attending {

// Rows of one head lie far apart, so nothing fetches them by itself. This list holds rows that will be read or written soon; each tile of a product
// asks for a few of their lines, so that memory works while arithmetic does. More than a share of the L2 cache is not asked for.
class Ahead {
 public:
  // `count` rows of `dim` elements.
  template <class R> void add(R rows, int64_t count, int64_t dim) {
    constexpr int64_t size = sizeof(*rows.data);
    const int64_t bytes = dim * size;
    if (count_ == kSpans || count * bytes == 0 || count * bytes > room_) return;
    room_ -= count * bytes;
    spans_[count_++] = {reinterpret_cast<const char*>(rows.data), rows.stride * size, count, bytes};
  }

  STEPPE_INLINE void step() {
    if (at_ < count_) fetch();
  }

 private:
  static constexpr int kSpans = 32;
  static constexpr int64_t kLine = 64, kLinesOfStep = 48, kRoom = 384 << 10;
  struct Span {
    const char* data;
    int64_t stride, rows, bytes;
  };

  __attribute__((noinline)) void fetch() {
    for (int64_t lines = kLinesOfStep; lines > 0 && at_ < count_;) {
      Span& span = spans_[at_];
      for (int64_t byte = 0; byte < span.bytes; byte += kLine, lines--) __builtin_prefetch(span.data + byte, 0, 2);
      span.data += span.stride;
      if (--span.rows == 0) at_++;
    }
  }

  Span spans_[kSpans];
  int count_ = 0, at_ = 0;
  int64_t room_ = kRoom;
};

}  // namespace steppe::STEPPE_NS::attending
