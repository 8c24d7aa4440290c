// Vectors along a row of any length.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/shared/kernel.h"
#include "kernels/shared/math.h"

namespace steppe::STEPPE_NS::normalizing {

// params: normalize, normalize_backward
struct NormalizeParams {
  double eps;
  uint32_t a, r1, k, r2;
};

inline int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <class T> struct Whole {
  STEPPE_INLINE vec<T> load(const T* p) const { return STEPPE_NS::load(p); }
  STEPPE_INLINE void store(T* p, vec<T> v) const { STEPPE_NS::store(p, v); }
  STEPPE_INLINE vec<T> keep(vec<T> v) const { return v; }
};
// Calls, not inlined: rows end once, and there are many loads.
template <class T> struct Part {
  int count;
  __attribute__((noinline)) vec<T> load(const T* p) const {
    vec<T> v{};
    __builtin_memcpy(&v, p, size_t(count) * sizeof(T));
    return v;
  }
  __attribute__((noinline)) void store(T* p, vec<T> v) const { storePartial(p, v, count); }
  // Zero in the lanes beyond the end.
  __attribute__((noinline)) vec<T> keep(vec<T> v) const {
    mask<T> lane{};
    for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
    return select(lane < count, v, vec<T>{});
  }
};

// f(i, lanes) for the vectors of [0, n); lanes loads and stores the elements that there are.
template <class T, class F> STEPPE_INLINE void along(int64_t n, F&& f) {
  int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) f(i, Whole<T>{});
  if (i < n) f(i, Part<T>{int(n - i)});
}

template <class T> STEPPE_INLINE T rstdOf(T variance, double eps) { return T(1) / sqrt(splat(variance + T(eps)))[0]; }

// Sums of many rows go over sums of so many, and lose fewer digits.
constexpr int64_t kNearby = 16;

// total += nearby, which is zero afterwards.
template <class T> void moveSums(T* nearby, T* total, int64_t n) {
  along<T>(n, [&](int64_t i, auto lanes) {
    lanes.store(total + i, lanes.load(total + i) + lanes.load(nearby + i));
    lanes.store(nearby + i, vec<T>{});
  });
}

// total = the sum of `count` rows, `stride` apart, in a fixed order.
template <class T> void sumPartials(const T* partial, int64_t stride, int64_t count, int64_t n, T* total, Parallel& parallel) {
  constexpr int64_t step = 512;
  parallel(ceilDiv(n, step), [&](int64_t task, int) {
    const int64_t first = task * step;
    along<T>(std::min(step, n - first), [&](int64_t i, auto lanes) {
      vec<T> sum{};
      for (int64_t r = 0; r < count;) {
        vec<T> nearby{};
        for (const int64_t end = std::min(count, r + kNearby); r < end; r++) nearby += lanes.load(partial + r * stride + first + i);
        sum += nearby;
      }
      lanes.store(total + first + i, sum);
    });
  });
}

}  // namespace steppe::STEPPE_NS::normalizing
