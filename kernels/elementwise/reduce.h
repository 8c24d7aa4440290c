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

  // All n elements into one.
  static Lane flat(const Lane* x, int64_t n) {
    using V = vec<Lane>;
    constexpr int N = kLanes<Lane>;
    const V none = splat<Lane>(start());
    V s[4] = {none, none, none, none};
    int64_t i = 0;
    for (; i + 4 * N <= n; i += 4 * N) {
      for (int k = 0; k < 4; k++) s[k] = join(s[k], load(x + i + k * N));
    }
    for (int k = 0; i < n; i += N, k++) s[k] = join(s[k], n - i >= N ? load(x + i) : loadPartial(x + i, int(n - i), start()));
    return reduce(join(join(s[0], s[1]), join(s[2], s[3])), [](auto a, auto b) { return join(a, b); });
  }
  static void row(A* at, const T* block, int64_t n) { *at = joinOne(*at, A(flat(reinterpret_cast<const Lane*>(block), n))); }

  // Column sums: at[c] over all rows.
  static void columns(A* at, const T* block, int64_t rows, int64_t columns) {
    const Lane* x = reinterpret_cast<const Lane*>(block);
    constexpr int N = kLanes<Lane>;
    for (int64_t c = 0; c < columns; c += N) {
      const int many = int(std::min<int64_t>(N, columns - c));
      vec<Lane> s = many == N ? load(x + c) : loadPartial(x + c, many, start());
      for (int64_t r = 1; r < rows; r++) s = join(s, many == N ? load(x + r * columns + c) : loadPartial(x + r * columns + c, many, start()));
      addTo(at + c, s, many);
    }
  }
  static void addTo(A* at, vec<Lane> s, int many) {
    using Wide = vecn<std::conditional_t<std::is_same_v<A, double>, double, Lane>, kLanes<Lane>>;
    if (many == kLanes<Lane>) {
      storeAs(at, join(loadAs<Wide>(at), convert<LaneOf<Wide>>(s)));
    } else {
      for (int k = 0; k < many; k++) at[k] = joinOne(at[k], A(s[k]));
    }
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
  // Partial results, `apart` accumulators from each other, into registers of T.
  static void finish(void* registers, const void* accumulators, int64_t n, int64_t partials, int64_t apart) {
    const A* from = static_cast<const A*>(accumulators);
    for (int64_t i = 0; i < n; i++) {
      A sum = from[i];
      for (int64_t p = 1; p < partials; p++) sum = joinOne(sum, from[i + p * apart]);
      static_cast<T*>(registers)[i] = T(sum);
    }
  }
};

struct Reduction {
  void (*begin)(void* accumulators, int64_t n);
  void (*block)(void* accumulators, const void* from, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride);
  void (*finish)(void* registers, const void* accumulators, int64_t n, int64_t partials, int64_t apart);
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
