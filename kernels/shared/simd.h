// Vectors of the width of the ISA level that a file is compiled for, in the compiler's own vector extensions:
// + - * / & | ^ << >> and comparisons work lane by lane; a comparison gives a mask (integers, all bits set where true).
// Nothing here is called from another level: everything lives in the level's namespace.
#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace steppe::STEPPE_NS {

#define STEPPE_INLINE inline __attribute__((always_inline))

constexpr int kVectorBytes = STEPPE_LEVEL == 2 ? 64 : STEPPE_LEVEL == 1 ? 32 : 16;

template <class T, int N> struct VectorOf {
  typedef T type __attribute__((vector_size(N * sizeof(T))));
};
// N lanes of T; N a power of two.
template <class T, int N> using vecn = typename VectorOf<T, N>::type;
template <class T> constexpr int kLanes = kVectorBytes / int(sizeof(T));
// A full register of T.
template <class T> using vec = vecn<T, kLanes<T>>;

template <class V> using LaneOf = std::remove_cvref_t<decltype(V{}[0])>;
template <class V> constexpr int kLanesOf = int(sizeof(V) / sizeof(LaneOf<V>));

template <int Bytes> struct IntegerOf;
template <> struct IntegerOf<1> {
  using type = int8_t;
};
template <> struct IntegerOf<2> {
  using type = int16_t;
};
template <> struct IntegerOf<4> {
  using type = int32_t;
};
template <> struct IntegerOf<8> {
  using type = int64_t;
};
// What comparing two V gives.
template <class V> using MaskOf = vecn<typename IntegerOf<sizeof(LaneOf<V>)>::type, kLanesOf<V>>;
template <class T> using mask = MaskOf<vec<T>>;

template <class T> STEPPE_INLINE vec<T> splat(T x) { return x - vec<T>{}; }
template <class V> STEPPE_INLINE V splatAs(LaneOf<V> x) { return x - V{}; }

// Unaligned. `p` points to the first of a full vector of elements.
template <class T> STEPPE_INLINE vec<T> load(const T* p) {
  vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class T> STEPPE_INLINE void store(T* p, vec<T> v) { __builtin_memcpy(p, &v, sizeof v); }
template <class V> STEPPE_INLINE V loadAs(const void* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class V> STEPPE_INLINE void storeAs(void* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
// The first `count` lanes; the others are `fill`.
template <class T> STEPPE_INLINE vec<T> loadPartial(const T* p, int count, T fill = T(0)) {
  T lanes[kLanes<T>];
  for (int i = 0; i < kLanes<T>; i++) lanes[i] = i < count ? p[i] : fill;
  return load(lanes);
}
template <class T> STEPPE_INLINE void storePartial(T* p, vec<T> v, int count) { __builtin_memcpy(p, &v, size_t(count) * sizeof(T)); }

// The same bits as another type of lanes.
template <class To, class From> STEPPE_INLINE To bitsAs(From v) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, v);
}
// The same numbers, lane by lane; floats truncate to integers.
template <class T, class V> STEPPE_INLINE vecn<T, kLanesOf<V>> convert(V v) { return __builtin_convertvector(v, vecn<T, kLanesOf<V>>); }

// a * b + c: one rounding where the level has FMA, two where it has not.
template <class V> STEPPE_INLINE V madd(V a, V b, V c) { return a * b + c; }

template <class M, class V> STEPPE_INLINE V select(M condition, V yes, V no) { return condition ? yes : no; }
template <class V> STEPPE_INLINE V abs(V v) {
  using T = LaneOf<V>;
  if constexpr (T(-1) > T(0)) {
    return v;
  } else if constexpr (T(0.5) == T(0)) {
    return v < 0 ? V{} - v : v;
  } else {
    return bitsAs<V>(bitsAs<MaskOf<V>>(v) & ~bitsAs<MaskOf<V>>(splatAs<V>(T(-0.0))));
  }
}
// The magnitude of `size` with the sign of `sign`; floats.
template <class V> STEPPE_INLINE V copySign(V size, V sign) {
  const auto bit = bitsAs<MaskOf<V>>(splatAs<V>(LaneOf<V>(-0.0)));
  return bitsAs<V>((bitsAs<MaskOf<V>>(size) & ~bit) | (bitsAs<MaskOf<V>>(sign) & bit));
}
// b where one is NaN. One instruction; compilers make two or three of the comparison.
template <class V> STEPPE_INLINE V fastMaximum(V a, V b) { return a > b ? a : b; }
template <class V> STEPPE_INLINE V fastMinimum(V a, V b) { return a < b ? a : b; }
#define STEPPE_FAST(bits, T, lanes, suffix)                                                                               \
  STEPPE_INLINE vecn<T, lanes> fastMaximum(vecn<T, lanes> a, vecn<T, lanes> b) { return _mm##bits##_max_##suffix(a, b); } \
  STEPPE_INLINE vecn<T, lanes> fastMinimum(vecn<T, lanes> a, vecn<T, lanes> b) { return _mm##bits##_min_##suffix(a, b); }
#if defined(__x86_64__)
STEPPE_FAST(, float, 4, ps)
STEPPE_FAST(, double, 2, pd)
#endif
#if defined(__AVX__)
STEPPE_FAST(256, float, 8, ps)
STEPPE_FAST(256, double, 4, pd)
#endif
#undef STEPPE_FAST
#if defined(__AVX512F__)
// With all lanes in the mask: g++ 12 takes the plain ones for reading what is not initialized.
#define STEPPE_FAST(T, lanes, suffix)                                                                                                            \
  STEPPE_INLINE vecn<T, lanes> fastMaximum(vecn<T, lanes> a, vecn<T, lanes> b) { return _mm512_mask_max_##suffix(a, __mmask##lanes(-1), a, b); } \
  STEPPE_INLINE vecn<T, lanes> fastMinimum(vecn<T, lanes> a, vecn<T, lanes> b) { return _mm512_mask_min_##suffix(a, __mmask##lanes(-1), a, b); }
STEPPE_FAST(float, 16, ps)
STEPPE_FAST(double, 8, pd)
#undef STEPPE_FAST
#endif
// NaN wins.
template <class V> STEPPE_INLINE V maximum(V a, V b) { return ((a > b) | (a != a)) ? a : b; }
template <class V> STEPPE_INLINE V minimum(V a, V b) { return ((a < b) | (a != a)) ? a : b; }

// Lanes [First, First + sizeof...(I)): a shuffle, because an address would keep the caller's vector in memory.
template <int First, class V, int... I> STEPPE_INLINE auto lanesFrom(V v, std::integer_sequence<int, I...>) {
  return __builtin_shufflevector(v, v, (First + I)...);
}
// Over the lanes: halves are combined until one lane is left, so the order is fixed.
template <class V, class F> STEPPE_INLINE LaneOf<V> reduce(V v, F combine) {
  constexpr int half = kLanesOf<V> / 2;
  if constexpr (half == 0) {
    return v[0];
  } else if constexpr (half == 1) {
    return combine(vecn<LaneOf<V>, 1>{} + v[0], vecn<LaneOf<V>, 1>{} + v[1])[0];
  } else {
    using Half = std::make_integer_sequence<int, half>;
    return reduce(combine(lanesFrom<0>(v, Half{}), lanesFrom<half>(v, Half{})), combine);
  }
}
template <class V> STEPPE_INLINE LaneOf<V> sumLanes(V v) {
  return reduce(v, [](auto a, auto b) { return a + b; });
}
template <class V> STEPPE_INLINE LaneOf<V> maxLanes(V v) {
  return reduce(v, [](auto a, auto b) { return maximum(a, b); });
}
template <class V> STEPPE_INLINE LaneOf<V> minLanes(V v) {
  return reduce(v, [](auto a, auto b) { return minimum(a, b); });
}
template <class M> STEPPE_INLINE bool any(M condition) {
  return reduce(condition, [](auto a, auto b) { return a | b; }) != 0;
}

}  // namespace steppe::STEPPE_NS
