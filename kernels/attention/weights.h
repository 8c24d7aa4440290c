// Exponentials of scores. In f32 they are powers of two, so that an exponent's whole part is subtracted exactly.
#pragma once
#include <limits>

#include "kernels/shared/math.h"

namespace steppe::STEPPE_NS::attending {

template <class T> constexpr T kHidden = -std::numeric_limits<T>::infinity();
template <class T> constexpr bool kInTwos = sizeof(T) == 4;

// What exponents of e are multiplied by before powerOf.
template <class T> constexpr T kUnit = kInTwos<T> ? T(1.44269504088896341) : T(1);

// 2^x in f32, with one scaling where exp() takes two: 0 below 2^-126, and infinity from 2^127.5 on. e^x in f64.
template <class T> STEPPE_INLINE vec<T> powerOf(vec<T> x) {
  if constexpr (kInTwos<T>) {
    x = fastMaximum(splat(-127.0f), fastMinimum(splat(128.5f), x));  // in this order NaN passes
    const floats shifted = x + 12582912.0f, r = x - (shifted - 12582912.0f);
    return polynomial(r, 1.0f, 0.693147182f, 0.240226477f, 0.0555033237f, 0.00961843692f, 0.0013398874f, 0.000153533620f) *
           exponent(bitsAs<mask<float>>(shifted) - 0x4b400000);
  } else {
    return exp(x);
  }
}

// The logarithm of the sum of weights whose exponents had `shift` subtracted.
template <class T> STEPPE_INLINE vec<T> logOfSum(vec<T> shift, vec<T> total) {
  if constexpr (kInTwos<T>) return madd(shift, splat(0.693359375f), madd(shift, splat(-2.12194440e-4f), log(total)));
  else return shift + log(total);
}
// Near the highest exponent; whole in f32, so that its logarithm is exact. Nothing where that would be an infinity.
template <class T> STEPPE_INLINE vec<T> shiftOf(vec<T> top) {
  const vec<T> shift = select(isFinite(top), top, vec<T>{});
  if constexpr (kInTwos<T>) return round(shift);
  else return shift;
}

// exp(s * factor - lse). In f32 what lse * log2(e) loses in rounding is subtracted, too: it would move all weights of a row alike.
template <class T> struct Weigher {
  T factor, shift, rest;
  Weigher(T factor, T lse) : factor(factor * kUnit<T>), shift(lse == kHidden<T> ? -kHidden<T> : lse * kUnit<T>), rest(0) {
    if constexpr (kInTwos<T>) {
      const double lost = double(lse) * 1.44269504088896341 - double(shift);
      if (lost - lost == 0) rest = T(lost);
    }
  }
  STEPPE_INLINE vec<T> operator()(vec<T> s) const { return powerOf<T>(s * factor - shift - rest); }
};

}  // namespace steppe::STEPPE_NS::attending
