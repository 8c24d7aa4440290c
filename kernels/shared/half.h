// f16 and bf16 as 16-bit integers, to and from f32: to the nearest, ties to even.
#pragma once
#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

template <int N> STEPPE_INLINE vecn<float, N> fromBrain(vecn<uint16_t, N> h) {
  return bitsAs<vecn<float, N>>(__builtin_convertvector(h, vecn<uint32_t, N>) << 16);
}
template <int N> STEPPE_INLINE vecn<uint16_t, N> toBrain(vecn<float, N> x) {
  using Bits = vecn<uint32_t, N>;
  const Bits bits = bitsAs<Bits>(x), rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return __builtin_convertvector(x == x ? rounded : splatAs<Bits>(0x7fc0u), vecn<uint16_t, N>);
}
template <int N> STEPPE_INLINE vecn<float, N> fromHalf(vecn<uint16_t, N> h) {
  using Bits = vecn<uint32_t, N>;
  const Bits wide = __builtin_convertvector(h, Bits), size = (wide & 0x7fffu) << 13;
  // 2^112 moves the exponent; it makes normal numbers of the small ones as well.
  const Bits finite = bitsAs<Bits>(bitsAs<vecn<float, N>>(size) * 0x1p112f), special = size | 0x7f800000u;
  return bitsAs<vecn<float, N>>((size < 0x0f800000u ? finite : special) | (wide & 0x8000u) << 16);
}
template <int N> STEPPE_INLINE vecn<uint16_t, N> toHalf(vecn<float, N> x) {
  using Bits = vecn<uint32_t, N>;
  const Bits bits = bitsAs<Bits>(x), size = bits & 0x7fffffffu;
  const Bits normal = (size - (112u << 23) + 0xfffu + ((size >> 13) & 1u)) >> 13;
  // Below 2^-14 halves are multiples of 2^-24, the last place of 0.5.
  const Bits small = bitsAs<Bits>(bitsAs<vecn<float, N>>(size) + 0.5f) - 0x3f000000u;
  const Bits infinite = splatAs<Bits>(0x7c00u);
  Bits half = size < (113u << 23) ? small : normal;
  half = ((size >= (143u << 23)) | (half > 0x7c00u)) ? infinite : half;
  half = size > 0x7f800000u ? splatAs<Bits>(0x7e00u) : half;
  return __builtin_convertvector(half | (bits >> 16 & 0x8000u), vecn<uint16_t, N>);
}

}  // namespace steppe::STEPPE_NS
