// Helpers of the kernels that move data: elements by their size, work cut by size.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {

// What an element of so many bytes moves as.
template <int Bytes> struct Opaque;
template <> struct Opaque<1> {
  using type = uint8_t;
};
template <> struct Opaque<2> {
  using type = uint16_t;
};
template <> struct Opaque<4> {
  using type = uint32_t;
};
template <> struct Opaque<8> {
  using type = uint64_t;
};

constexpr int64_t kGrain = 16384;

// body(begin, end, worker) over [0, n) in tasks of about kGrain elements, `each` elements an item.
template <class F> inline void forRanges(const Call& call, int64_t n, int64_t each, F&& body) {
  const int64_t items = std::max<int64_t>(1, kGrain / std::max<int64_t>(each, 1)), tasks = (n + items - 1) / items;
  (*call.parallel)(tasks, [&](int64_t task, int worker) { body(task * items, std::min(n, (task + 1) * items), worker); });
}

// Where an index points along an axis of n, as resolveIndex in kernels/take/indices.ts.
inline int64_t resolveIndex(int32_t index, int64_t n) { return std::clamp<int64_t>(index < 0 ? index + n : index, 0, n - 1); }

}  // namespace steppe::STEPPE_NS
