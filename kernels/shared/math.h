// Elementary functions on vectors. vec<float>: polynomials of our own fitting (minimax), about 2 ulp; the bounds that hold are in
// tests/kernels/accuracy.test.ts. vec<double>: the C library, lane by lane. Results do not depend on a lane's neighbours.
#pragma once
#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

using floats = vec<float>;
using doubles = vec<double>;

// c0 + x (c1 + x (c2 + ...))
template <class V> STEPPE_INLINE V polynomial(V, LaneOf<V> c) { return splatAs<V>(c); }
template <class V, class... C> STEPPE_INLINE V polynomial(V x, LaneOf<V> c, C... more) { return madd(x, polynomial(x, more...), splatAs<V>(c)); }
// f of every lane.
template <class F, class V, class... More> STEPPE_INLINE V lanewise(F f, V a, More... more) {
  V r = a;
  for (int i = 0; i < kLanesOf<V>; i++) r[i] = f(a[i], more[i]...);
  return r;
}

// The same by a loop, for an f that is long or calls a library: short code.
template <class F, class V, class... More> STEPPE_INLINE V lanesInTurn(F f, V a, More... more) {
  V r = a;
#pragma GCC unroll 1
  for (int i = 0; i < kLanesOf<V>; i++) r[i] = f(a[i], more[i]...);
  return r;
}

STEPPE_INLINE floats sqrt(floats x) {
  return lanewise([](float a) { return __builtin_sqrtf(a); }, x);
}
STEPPE_INLINE doubles sqrt(doubles x) {
  return lanewise([](double a) { return __builtin_sqrt(a); }, x);
}
template <class V> STEPPE_INLINE V rsqrt(V x) { return LaneOf<V>(1) / sqrt(x); }
template <class V> STEPPE_INLINE V reciprocal(V x) { return LaneOf<V>(1) / x; }

// Numbers from 2^23 (2^52) on are whole already.
template <class V> constexpr LaneOf<V> kWhole = sizeof(LaneOf<V>) == 4 ? LaneOf<V>(8388608) : LaneOf<V>(4503599627370496);
// To the nearest whole number, halves to the even one.
template <class V> STEPPE_INLINE V round(V x) {
  const V size = abs(x), whole = (size + kWhole<V>)-kWhole<V>;
  return size < kWhole<V> ? copySign(whole, x) : x;
}
template <class V> STEPPE_INLINE V floor(V x) {
  const V near = round(x), one = splatAs<V>(1);
  return near > x ? near - one : near;
}
template <class V> STEPPE_INLINE V ceil(V x) {
  const V near = round(x), one = splatAs<V>(1);
  return near < x ? copySign(near + one, x) : near;
}
template <class V> STEPPE_INLINE V sign(V x) {
  using T = LaneOf<V>;
  const V one = splatAs<V>(1);
  if constexpr (T(-1) > T(0)) {
    return x > 0 ? one : x;
  } else {
    return x > 0 ? one : x < 0 ? V{} - one : x;
  }
}
template <class V> STEPPE_INLINE MaskOf<V> isFinite(V x) { return x - x == V{}; }

// 2^n for whole n in [-126, 127]; 0 for -127.
STEPPE_INLINE floats exponent(mask<float> n) { return bitsAs<floats>((n + 127) << 23); }
// x = n ln 2 + r, |r| <= ln 2 / 2; n by the trick of adding 1.5 * 2^23.
struct Reduced {
  floats r, n;
  mask<float> whole;
};
STEPPE_INLINE Reduced reduceExp(floats x) {
  const floats shifted = madd(x, splat(1.44269504f), splat(12582912.0f)), n = shifted - 12582912.0f;
  return {madd(n, splat(2.12194440e-4f), madd(n, splat(-0.693359375f), x)), n, bitsAs<mask<float>>(shifted) - 0x4b400000};
}
// e^r - 1 = r + r^2 (1/2 + r/6 + ...)
STEPPE_INLINE floats expm1Reduced(floats r) {
  return madd(r * r, polynomial(r, 0.49999994f, 0.166665196f, 0.0416684002f, 0.00836885069f, 0.00138143206f), r);
}
STEPPE_INLINE floats expReduced(floats r) {
  return polynomial(r, 1.0f, 1.0f, 0.49999994f, 0.166665196f, 0.0416684002f, 0.00836885069f, 0.00138143206f);
}
// In two steps, for results below 2^-126 and n = 128.
STEPPE_INLINE floats scale(floats x, mask<float> n) {
  const mask<float> half = n >> 1;
  return x * exponent(half) * exponent(n - half);
}
STEPPE_INLINE floats exp(floats x) {
  x = fastMaximum(splat(-104.0f), fastMinimum(splat(89.0f), x));  // in this order NaN passes
  const Reduced e = reduceExp(x);
  return scale(expReduced(e.r), e.whole);
}
// e^(x + low) for x <= 0, low small beside x; 0 where it is below 2^-126.
STEPPE_INLINE floats expNegative(floats x, floats low = floats{}) {
  const Reduced e = reduceExp(fastMaximum(splat(-88.0f), x));
  return expReduced(e.r + low) * exponent(e.whole);
}
STEPPE_INLINE floats expm1(floats x) {
  x = fastMaximum(splat(-20.0f), fastMinimum(splat(89.0f), x));
  const Reduced e = reduceExp(x);
  // Half of 2^n (e^r - 1) + (2^n - 1): n = 128 does not overflow on the way.
  const floats half = exponent(e.whole - 1);
  const floats result = madd(half, expm1Reduced(e.r), half - 0.5f);
  const auto small = abs(x) < 0.34f;
  return small ? expm1Reduced(x) : result + result;
}

// ln(1 + f), 1/sqrt(2) <= 1 + f <= sqrt(2), plus n ln 2 + low.
STEPPE_INLINE floats logOf(floats f, floats n, floats low) {
  const floats square = f * f;
  floats y =
      f * square * polynomial(f, 0.333333313f, -0.250008196f, 0.200012267f, -0.166233569f, 0.142017573f, -0.131601825f, 0.12761578f, -0.0763449743f);
  y += madd(n, splat(-2.12194440e-4f), low);
  y -= 0.5f * square;
  return madd(n, splat(0.693359375f), f + y);
}
// x = 2^n (1 + f); positive normal numbers.
struct Split {
  floats f, n;
};
STEPPE_INLINE Split splitLog(floats x) {
  using Bits = vec<uint32_t>;
  const Bits bits = bitsAs<Bits>(x);
  const mask<float> n = bitsAs<mask<float>>(bits - 0x3f3504f3u) >> 23;  // 1/sqrt(2)
  return {bitsAs<floats>(bits - (bitsAs<Bits>(n) << 23)) - 1.0f, convert<float>(n)};
}
STEPPE_INLINE floats log(floats x) {
  const auto tiny = x < 1.17549435e-38f;
  Split s = splitLog(tiny ? x * 8388608.0f : x);
  s.n -= tiny ? splat(23.0f) : floats{};
  const floats infinite = splat(__builtin_inff());
  floats y = logOf(s.f, s.n, floats{});
  y = x < infinite ? y : x;
  y = x == 0.0f ? -infinite : y;
  return x < 0.0f ? splat(__builtin_nanf("")) : y;
}
STEPPE_INLINE floats log1p(floats x) {
  const floats u = 1.0f + x, infinite = splat(__builtin_inff());
  const floats lost = (x < 1.0f ? x - (u - 1.0f) : 1.0f - (u - x)) / u;  // ln(1 + x) = ln(u) + (1 + x - u) / u
  const Split s = splitLog(u);
  floats y = logOf(s.f, s.n, lost);
  y = u < infinite ? y : u;
  y = x == -1.0f ? -infinite : y;
  y = x < -1.0f ? splat(__builtin_nanf("")) : y;
  return abs(x) < 1e-7f ? x : y;
}

STEPPE_INLINE floats tanh(floats x) {
  const floats t = expm1(fastMinimum(splat(20.0f), 2.0f * abs(x)));
  return copySign(t / (t + 2.0f), x);
}
struct Logistic {
  floats e, d;  // e^-|x|, 1 / (1 + e^-|x|)
};
STEPPE_INLINE Logistic logistic(floats x) {
  const floats e = expNegative(-abs(x));
  return {e, 1.0f / (1.0f + e)};
}
STEPPE_INLINE floats sigmoid(floats x) {
  const Logistic l = logistic(x);
  return x < 0.0f ? l.e * l.d : l.d;
}
STEPPE_INLINE floats softplus(floats x) { return fastMaximum(floats{}, x) + log1p(expNegative(-abs(x))); }

// e^(-x^2 / 2); where the level has FMA with the square's rounding error.
STEPPE_INLINE floats bell(floats x) {
  const floats half = -0.5f * x, square = half * x;
#if defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__ARM_FEATURE_FMA)
  return expNegative(square, lanewise([](float a, float b, float c) { return __builtin_fmaf(a, b, -c); }, half, x, square));
#else
  return expNegative(square);
#endif
}
// The normal distribution function of -x is bell(x) times this, x in [0, 15].
STEPPE_INLINE floats mills(floats x) {
  const floats t = 1.0f / madd(x, splat(0.35f), splat(1.0f)), s = t - 1.0f;
  return t * polynomial(s, 0.5f, 0.639832914f, 0.261060268f, -0.102527089f, -0.0637271628f, 0.0170807317f, -0.0627829581f, -0.0883767307f,
                        -0.0289184526f);
}
STEPPE_INLINE floats erf(floats x) {
  const floats size = abs(x), square = x * x, far = fastMinimum(splat(15.0f), size * 1.41421356f);
  const floats near =
      madd(x, polynomial(square, 0.12837917f, -0.376126379f, 0.112837471f, -0.0268624816f, 0.0052092988f, -0.000824429153f, 8.83625689e-05f), x);
  return size < 0.85f ? near : copySign(1.0f - 2.0f * bell(far) * mills(far), x);
}
// x Phi(x) = max(x, 0) - |x| Phi(-|x|)
STEPPE_INLINE floats gelu(floats x) {
  const floats size = fastMinimum(splat(15.0f), abs(x));
  return fastMaximum(floats{}, x) - size * (bell(size) * mills(size));
}
// Phi(x) + x phi(x)
STEPPE_INLINE floats geluGrad(floats x) {
  const floats size = fastMinimum(splat(15.0f), abs(x)), tail = bell(size) * madd(size, splat(-0.398942280f), mills(size));
  return x < 0.0f ? tail : 1.0f - tail;
}
STEPPE_INLINE floats tanhArgument(floats x) {
  return 1.59576912f * x * madd(x * x, splat(0.044715f), splat(1.0f));  // 2 sqrt(2/pi) (x + 0.044715 x^3)
}
STEPPE_INLINE floats geluTanh(floats x) {
  const floats low = fastMaximum(splat(-15.0f), x);
  return low * sigmoid(tanhArgument(low));
}
STEPPE_INLINE floats geluTanhGrad(floats x) {
  const floats c = fastMaximum(splat(-15.0f), fastMinimum(splat(15.0f), x)), u = tanhArgument(c);
  const Logistic l = logistic(u);
  const floats slope = 1.59576912f * c * madd(c * c, splat(3 * 0.044715f), splat(1.0f));
  return madd(slope, l.e * l.d * l.d, u < 0.0f ? l.e * l.d : l.d);
}
// For x in [0, 15], where l is logistic(tanhArgument(x)).
STEPPE_INLINE floats geluTanhCurve(floats x, Logistic l) {
  const floats first = 1.59576912f * madd(x * x, splat(3 * 0.044715f), splat(1.0f)), bent = l.d * (1.0f - l.e) * first;
  return l.e * l.d * l.d * madd(x, madd(-bent, first, 1.59576912f * 6 * 0.044715f * x), 2.0f * first);
}
STEPPE_INLINE floats geluTanhGrad2(floats x) {
  const floats size = fastMinimum(splat(15.0f), abs(x));
  return geluTanhCurve(size, logistic(tanhArgument(size)));
}
// gelu and its derivative, bit by bit as the functions above give them.
struct GeluPair {
  floats value, slope;
  Logistic l{};  // of tanhArgument, for geluTanhCurve
};
STEPPE_INLINE GeluPair geluPair(floats x) {
  const floats size = fastMinimum(splat(15.0f), abs(x)), b = bell(size), m = mills(size);
  const floats tail = b * madd(size, splat(-0.398942280f), m);
  return {fastMaximum(floats{}, x) - size * (b * m), x < 0.0f ? tail : 1.0f - tail};
}
STEPPE_INLINE GeluPair geluTanhPair(floats x) {
  const floats low = fastMaximum(splat(-15.0f), x), c = fastMaximum(splat(-15.0f), fastMinimum(splat(15.0f), x)), u = tanhArgument(c);
  const Logistic l = logistic(u);
  const floats slope = 1.59576912f * c * madd(c * c, splat(3 * 0.044715f), splat(1.0f)), part = l.e * l.d, s = u < 0.0f ? part : l.d;
  return {low * s, madd(slope, part * l.d, s), l};
}
STEPPE_INLINE floats erfinv(floats x) {
  const floats w = -log((1.0f - x) * (1.0f + x)), near = w - 2.5f, far = sqrt(w) - 3.0f;
  const floats p = w < 5.0f ? polynomial(near, 1.50140941f, 0.246640727f, -0.00417770771f, -0.00125370745f, 0.000218602203f, -4.39678524e-06f,
                                         -3.52886263e-06f, 3.43727407e-07f, 2.85350499e-08f)
                            : polynomial(far, 2.83297706f, 1.00167429f, 0.00943404064f, -0.00762806274f, 0.00577180786f, -0.00364980847f,
                                         0.00127898413f, 7.59440081e-05f, -0.000150351727f);
  return x * (abs(x) == 1.0f ? splat(__builtin_inff()) : p);
}

// x = n pi/2 + r, |r| <= pi/4, for |x| < 8192: pi/2 in pieces of 11 bits, so that their products with n are exact.
struct Angle {
  floats sine, cosine;  // of r
  mask<float> quadrant;
};
STEPPE_INLINE Angle reduceAngle(floats x) {
  const floats shifted = madd(x, splat(0.636619772f), splat(12582912.0f)), n = shifted - 12582912.0f;
  const floats r = (((x - n * 1.5703125f) - n * 0x1.fb4p-12f) - n * 0x1.444p-24f) - n * 0x1.68c234p-39f, z = r * r;
  const floats sine = madd(r * z, polynomial(z, -0.166666672f, 0.00833332911f, -0.000198393042f, 2.71804652e-06f), r);
  const floats cosine = madd(z * z, polynomial(z, 0.0416666456f, -0.00138873095f, 2.44324128e-05f), 1.0f - 0.5f * z);
  return {sine, cosine, bitsAs<mask<float>>(shifted)};
}
STEPPE_INLINE floats turn(floats size, mask<float> half) { return bitsAs<floats>(bitsAs<mask<float>>(size) ^ ((half & 2) << 30)); }
template <class F> STEPPE_INLINE floats farLanes(floats x, floats y, F f) {
  if (__builtin_expect(any(abs(x) > 8192.0f), 0)) {
    for (int i = 0; i < kLanes<float>; i++) y[i] = __builtin_fabsf(x[i]) > 8192.0f ? f(x[i]) : y[i];
  }
  return y;
}
STEPPE_INLINE floats sin(floats x) {
  const Angle a = reduceAngle(x);
  return farLanes(x, turn((a.quadrant & 1) != 0 ? a.cosine : a.sine, a.quadrant), [](float v) { return __builtin_sinf(v); });
}
STEPPE_INLINE floats cos(floats x) {
  const Angle a = reduceAngle(x);
  return farLanes(x, turn((a.quadrant & 1) != 0 ? a.sine : a.cosine, a.quadrant + 1), [](float v) { return __builtin_cosf(v); });
}
STEPPE_INLINE floats tan(floats x) {
  const Angle a = reduceAngle(x);
  const auto odd = (a.quadrant & 1) != 0;
  const floats y = (odd ? a.cosine : a.sine) / (odd ? -a.sine : a.cosine);
  return farLanes(x, y, [](float v) { return __builtin_tanf(v); });
}

STEPPE_INLINE floats pow(floats x, floats y) {
  return lanesInTurn([](float a, float b) { return __builtin_powf(a, b); }, x, y);
}
template <class T> STEPPE_INLINE T signedRemainder(T a, T b) {
  const T r = __builtin_fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
// The remainder with the sign of the divisor.
STEPPE_INLINE floats mod(floats x, floats y) {
  return lanesInTurn([](float a, float b) { return signedRemainder(a, b); }, x, y);
}
STEPPE_INLINE doubles mod(doubles x, doubles y) {
  return lanesInTurn([](double a, double b) { return signedRemainder(a, b); }, x, y);
}
STEPPE_INLINE floats floorDivide(floats x, floats y) { return floor(x / y); }
STEPPE_INLINE doubles floorDivide(doubles x, doubles y) { return floor(x / y); }

#define STEPPE_LANES1(name, expression)                                   \
  STEPPE_INLINE doubles name(doubles x) {                                 \
    return lanesInTurn([](double a) -> double { return expression; }, x); \
  }
STEPPE_LANES1(exp, __builtin_exp(a))
STEPPE_LANES1(expm1, __builtin_expm1(a))
STEPPE_LANES1(log, __builtin_log(a))
STEPPE_LANES1(log1p, __builtin_log1p(a))
STEPPE_LANES1(sin, __builtin_sin(a))
STEPPE_LANES1(cos, __builtin_cos(a))
STEPPE_LANES1(tan, __builtin_tan(a))
STEPPE_LANES1(tanh, __builtin_tanh(a))
STEPPE_LANES1(erf, __builtin_erf(a))

inline double sigmoidOf(double x) {
  const double e = __builtin_exp(-__builtin_fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
inline double normal(double x) { return 0.5 * __builtin_erfc(-0.70710678118654752 * x); }
inline double clampTo(double limit, double x) { return x > limit ? limit : x < -limit ? -limit : x; }
inline double geluGradOf(double x) {
  x = clampTo(50, x);
  return normal(x) + x * 0.39894228040143268 * __builtin_exp(-0.5 * x * x);
}
inline double geluTanhGradOf(double x) {
  x = clampTo(50, x);
  const double s = sigmoidOf(1.5957691216057308 * x * (1 + 0.044715 * x * x));
  return s + x * s * (1 - s) * 1.5957691216057308 * (1 + 3 * 0.044715 * x * x);
}
inline double geluTanhGrad2Of(double x) {
  x = __builtin_fabs(clampTo(50, x));
  const double c = 1.5957691216057308, e = __builtin_exp(-c * x * (1 + 0.044715 * x * x)), d = 1 / (1 + e), first = c * (1 + 3 * 0.044715 * x * x);
  return e * d * d * (2 * first + x * (6 * 0.044715 * c * x - d * (1 - e) * first * first));
}
// Winitzki's closed form, then Halley steps on erf(y) = x (on erfc in the tails, where 1 - |x| is exact).
inline double erfinvOf(double x) {
  const double size = __builtin_fabs(x), a = 0.147;
  if (!(size < 1)) return size == 1 ? x * __builtin_inf() : __builtin_nan("");
  if (size < 1e-10) return 0.88622692545275801 * x;
  const double l = __builtin_log1p(-size * size), h = 2 / (3.14159265358979324 * a) + l / 2;
  double y = __builtin_sqrt(__builtin_sqrt(h * h - l / a) - h);
  for (int step = 0; step < 4; step++) {
    const double error = size < 0.5 ? __builtin_erf(y) - size : 1 - size - __builtin_erfc(y);
    const double newton = error / (1.1283791670955126 * __builtin_exp(-y * y));
    y -= newton / (1 + y * newton);
  }
  return __builtin_copysign(y, x);
}
STEPPE_LANES1(sigmoid, sigmoidOf(a))
STEPPE_LANES1(softplus, (0 > a ? 0 : a) + __builtin_log1p(__builtin_exp(-__builtin_fabs(a))))
STEPPE_LANES1(gelu, a < -50 ? -0.0 : a * normal(a))
STEPPE_LANES1(geluGrad, geluGradOf(a))
STEPPE_LANES1(geluTanh, a < -50 ? -0.0 : a * sigmoidOf(1.5957691216057308 * a * (1 + 0.044715 * a * a)))
STEPPE_LANES1(geluTanhGrad, geluTanhGradOf(a))
STEPPE_LANES1(geluTanhGrad2, geluTanhGrad2Of(a))
STEPPE_LANES1(erfinv, erfinvOf(a))
#undef STEPPE_LANES1
STEPPE_INLINE doubles pow(doubles x, doubles y) {
  return lanesInTurn([](double a, double b) { return __builtin_pow(a, b); }, x, y);
}

// Integers. Modulo 0 and division by 0 give 0.
inline int32_t floorQuotient(int64_t a, int64_t b) { return b == 0 ? 0 : int32_t(a / b - (a % b != 0 && (a < 0) != (b < 0))); }
template <class T> STEPPE_INLINE vec<T> floorDivideIntegers(vec<T> x, vec<T> y) {
  return lanesInTurn([](T a, T b) { return T(floorQuotient(a, b)); }, x, y);
}
STEPPE_INLINE vec<int32_t> floorDivide(vec<int32_t> x, vec<int32_t> y) { return floorDivideIntegers<int32_t>(x, y); }
STEPPE_INLINE vec<uint32_t> floorDivide(vec<uint32_t> x, vec<uint32_t> y) { return floorDivideIntegers<uint32_t>(x, y); }
inline int64_t floorRemainder(int64_t a, int64_t b) {
  if (b == 0) return 0;
  const int64_t r = a % b;
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
STEPPE_INLINE vec<int32_t> mod(vec<int32_t> x, vec<int32_t> y) {
  return lanesInTurn([](int32_t a, int32_t b) { return int32_t(floorRemainder(a, b)); }, x, y);
}
STEPPE_INLINE vec<uint32_t> mod(vec<uint32_t> x, vec<uint32_t> y) {
  return lanesInTurn([](uint32_t a, uint32_t b) { return b == 0 ? 0u : a % b; }, x, y);
}
inline uint32_t integerPower(uint32_t base, uint32_t exponent) {
  uint32_t result = 1;
  for (; exponent != 0; exponent >>= 1, base *= base) result *= exponent & 1 ? base : 1;
  return result;
}
// Modulo 2^32; a negative exponent truncates the fraction.
STEPPE_INLINE vec<int32_t> pow(vec<int32_t> x, vec<int32_t> y) {
  return lanesInTurn(
      [](int32_t a, int32_t b) -> int32_t {
        return b >= 0 ? int32_t(integerPower(uint32_t(a), uint32_t(b))) : a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
      },
      x, y);
}
STEPPE_INLINE vec<uint32_t> pow(vec<uint32_t> x, vec<uint32_t> y) {
  return lanesInTurn([](uint32_t a, uint32_t b) { return integerPower(a, b); }, x, y);
}
// By 32 and more: every bit goes out.
STEPPE_INLINE vec<uint32_t> shiftLeft(vec<uint32_t> x, vec<uint32_t> by) { return by < 32u ? x << (by & 31u) : vec<uint32_t>{}; }
STEPPE_INLINE vec<uint32_t> shiftRight(vec<uint32_t> x, vec<uint32_t> by) { return by < 32u ? x >> (by & 31u) : vec<uint32_t>{}; }
STEPPE_INLINE vec<int32_t> shiftRight(vec<int32_t> x, vec<int32_t> by) {
  const vec<uint32_t> most = fastMinimum(bitsAs<vec<uint32_t>>(by), splat<uint32_t>(31));
  return x >> bitsAs<vec<int32_t>>(most);
}

}  // namespace steppe::STEPPE_NS
