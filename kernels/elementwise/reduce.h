// How combining outputs accumulate: f32 and f64 in f64 between blocks, integers modulo 2^32. Inside a block sums run in vectors.
#pragma once
#include <limits>

#include "kernels/shared/chain.h"

namespace steppe::STEPPE_NS {

// Accumulators of one output, 8 bytes each.
template <class T> using Accumulator = std::conditional_t<std::is_floating_point_v<T>, double, T>;
constexpr int64_t kAccumulatorBytes = 8;

template <class T, Combine how> struct Combiner {
  using A = Accumulator<T>;
  // The lanes of integer sums and products are unsigned: they wrap.
  using Lane = std::conditional_t<std::is_same_v<T, int32_t> && (how == Combine::sum || how == Combine::prod), uint32_t, T>;
  static constexpr Lane start() {
    using Limits = std::numeric_limits<T>;
    if constexpr (how == Combine::sum) return 0;
    if constexpr (how == Combine::prod) return 1;
    if constexpr (how == Combine::max) return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  template <class V> static STEPPE_INLINE V join(V a, V b) {
    if constexpr (how == Combine::sum) return a + b;
    if constexpr (how == Combine::prod) return a * b;
    if constexpr (how == Combine::max) return ((a > b) | (a != a)) ? a : b;
    return ((a < b) | (a != a)) ? a : b;
  }
  static A joinOne(A a, A b) {
    if constexpr (std::is_same_v<A, int32_t>) {
      return A(join(Lane(a), Lane(b)));
    } else {
      return join(a, b);
    }
  }

  // Products of f32 leave its range in partial results sooner than in the end: they run in f64.
  using Partial = std::conditional_t<std::is_same_v<T, float> && how == Combine::prod, double, Lane>;
  static constexpr int kVector = kLanes<Lane>;
  using Partials = vecn<Partial, kVector>;
  static STEPPE_INLINE Partials take(const Lane* x, int64_t many) {
    return convert<Partial>(many >= kVector ? load(x) : loadPartial(x, int(many), start()));
  }

  // All n elements into one.
  static __attribute__((noinline)) Partial flat(const Lane* x, int64_t n) {
    const Partials none = splatAs<Partials>(Partial(start()));
    Partials s[4] = {none, none, none, none};
    int64_t i = 0;
    for (; i + 4 * kVector <= n; i += 4 * kVector) {
      for (int k = 0; k < 4; k++) s[k] = join(s[k], convert<Partial>(load(x + i + k * kVector)));
    }
    for (int k = 0; i < n; i += kVector, k++) s[k] = join(s[k], take(x + i, n - i));
    return reduce(join(join(s[0], s[1]), join(s[2], s[3])), [](auto a, auto b) { return join(a, b); });
  }
  static void row(A* at, const T* block, int64_t n) { *at = joinOne(*at, A(flat(reinterpret_cast<const Lane*>(block), n))); }

  // Column sums: at[c] over all rows.
  static __attribute__((noinline)) void columns(A* at, const T* block, int64_t rows, int64_t columns) {
    const Lane* x = reinterpret_cast<const Lane*>(block);
    if constexpr (std::is_same_v<T, float> && how == Combine::sum) {
      if (rows > 1 && columns > 2 * kVector && columns <= kWide && columns % kVector == 0) return wideColumns(at, x, rows, columns);
    }
    for (int64_t c = 0; c < columns; c += kVector) {
      const int64_t many = std::min<int64_t>(kVector, columns - c);
      Partials s = take(x + c, many);
      for (int64_t r = 1; r < rows; r++) s = join(s, take(x + r * columns + c, many));
      addTo(at + c, s, int(many));
    }
  }
  // Wide rows one after another: memory gives them twice as fast as pieces of several rows.
  static constexpr int64_t kWide = 1024;
  static STEPPE_INLINE void wideColumns(A* at, const Lane* x, int64_t rows, int64_t columns) {
    Partial sums[kWide];
    for (int64_t r = 0; r + 1 < rows; r++) {
      for (int64_t c = 0; c < columns; c += kVector) {
        const Partials v = load(x + r * columns + c);
        storeAs(sums + c, r == 0 ? v : join(loadAs<Partials>(sums + c), v));
      }
    }
    for (int64_t c = 0; c < columns; c += kVector) addTo(at + c, join(loadAs<Partials>(sums + c), load(x + (rows - 1) * columns + c)), kVector);
  }
  static void addTo(A* at, Partials s, int many) {
    if (many < kVector) {
      for (int k = 0; k < many; k++) at[k] = joinOne(at[k], A(s[k]));
    } else if constexpr (sizeof(A) > sizeof(Partial)) {
      constexpr int half = kVector / 2;
      using Half = std::make_integer_sequence<int, half>;
      addWhole(at, lanesFrom<0>(s, Half{}));
      addWhole(at + half, lanesFrom<half>(s, Half{}));
    } else {
      addWhole(at, s);
    }
  }
  // As many accumulators as fill one register, or fewer.
  template <class V> static STEPPE_INLINE void addWhole(A* at, V s) {
    using Wide = vecn<std::conditional_t<std::is_same_v<A, double>, double, Lane>, kLanesOf<V>>;
    storeAs(at, join(loadAs<Wide>(at), convert<LaneOf<Wide>>(s)));
  }

  // `at` is the accumulator of the block's first element; strides count accumulators, 0 along reduced axes.
  static void block(void* accumulators, const void* from, int64_t rows, int64_t columns_, int64_t row_stride, int64_t column_stride) {
    A* at = static_cast<A*>(accumulators);
    const T* x = static_cast<const T*>(from);
    if (column_stride == 0 && row_stride == 0) return row(at, x, rows * columns_);
    if (column_stride == 0) {
      for (int64_t r = 0; r < rows; r++) row(at + r * row_stride, x + r * columns_, columns_);
    } else if (row_stride == 0 && column_stride == 1) {
      columns(at, x, rows, columns_);
    } else {
      for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < columns_; c++) {
          A& one = at[r * row_stride + c * column_stride];
          one = joinOne(one, A(x[r * columns_ + c]));
        }
      }
    }
  }
  static void begin(void* accumulators, int64_t n) { std::fill_n(static_cast<A*>(accumulators), n, A(start())); }
  // Partial results, `apart` accumulators from each other, into registers of T; the first is their sum afterwards.
  static void finish(void* registers, void* accumulators, int64_t n, int64_t partials, int64_t apart) {
    A* total = static_cast<A*>(accumulators);
    for (int64_t p = 1; p < partials; p++) {
      const A* next = total + p * apart;
      for (int64_t i = 0; i < n; i++) total[i] = joinOne(total[i], next[i]);
    }
    for (int64_t i = 0; i < n; i++) static_cast<T*>(registers)[i] = T(total[i]);
  }
};

struct Reduction {
  void (*begin)(void* accumulators, int64_t n);
  void (*block)(void* accumulators, const void* from, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride);
  void (*finish)(void* registers, void* accumulators, int64_t n, int64_t partials, int64_t apart);
};
template <class T, Combine how> constexpr Reduction reductionOf() {
  using C = Combiner<T, how>;
  return {C::begin, C::block, C::finish};
}
#define STEPPE_REDUCTIONS(how) \
  { reductionOf<float, how>(), reductionOf<double, how>(), reductionOf<int32_t, how>(), reductionOf<uint32_t, how>() }
// By combine and register type.
const Reduction reductions[5][4] = {
    {}, STEPPE_REDUCTIONS(Combine::sum), STEPPE_REDUCTIONS(Combine::max), STEPPE_REDUCTIONS(Combine::min), STEPPE_REDUCTIONS(Combine::prod)};
#undef STEPPE_REDUCTIONS

}  // namespace steppe::STEPPE_NS
