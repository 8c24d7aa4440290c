// Minimal filtering F(M, 3) (Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, arXiv:1509.09308): M outputs of a
// filter with three taps from M + 2 products, y = output(taps(g) * input(x)) for x of M + 2 numbers. By transposition the gradient by
// the taps is tapsGradient(spread(ct) * input(x)) for a cotangent of M numbers.
#pragma once
#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

template <int M> struct Minimal;

// Points 0, 1, -1 and infinity.
template <> struct Minimal<2> {
  static constexpr int size = 4;
  template <class V> STEPPE_INLINE static void input(const V* x, V* y) {
    y[0] = x[0] - x[2];
    y[1] = x[1] + x[2];
    y[2] = x[2] - x[1];
    y[3] = x[3] - x[1];
  }
  template <class V> STEPPE_INLINE static void taps(const V* g, V* y) {
    const V even = 0.5f * (g[0] + g[2]), odd = 0.5f * g[1];
    y[0] = g[0];
    y[1] = even + odd;
    y[2] = even - odd;
    y[3] = g[2];
  }
  template <class V> STEPPE_INLINE static void output(const V* m, V* y) {
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = (m[1] - m[2]) + m[3];
  }
  template <class V> STEPPE_INLINE static void spread(const V* ct, V* y) {
    y[0] = ct[0];
    y[1] = ct[0] + ct[1];
    y[2] = ct[0] - ct[1];
    y[3] = ct[1];
  }
  template <class V> STEPPE_INLINE static void tapsGradient(const V* m, V* g) {
    const V even = 0.5f * (m[1] + m[2]);
    g[0] = m[0] + even;
    g[1] = 0.5f * (m[1] - m[2]);
    g[2] = even + m[3];
  }
};

// Points 0, a, -a, b, -b and infinity. a = 5/8 and b = 3/2 keep the errors small (README.md), and all products of a and b that
// the image and the cotangent meet are exact.
template <> struct Minimal<4> {
  static constexpr int size = 6;
  static constexpr float a = 0.625f, b = 1.5f, aa = a * a, bb = b * b, both = aa * bb, sum = aa + bb;
  static constexpr float atZero = 1 / both, atA = 1 / (2 * aa * (aa - bb)), atB = 1 / (2 * bb * (bb - aa));

  template <class V> STEPPE_INLINE static void input(const V* x, V* y) {
    const V evenA = x[4] - bb * x[2], oddA = a * (x[3] - bb * x[1]), evenB = x[4] - aa * x[2], oddB = b * (x[3] - aa * x[1]);
    y[0] = both * x[0] + (x[4] - sum * x[2]);
    y[1] = evenA + oddA;
    y[2] = evenA - oddA;
    y[3] = evenB + oddB;
    y[4] = evenB - oddB;
    y[5] = both * x[1] + (x[5] - sum * x[3]);
  }
  template <class V> STEPPE_INLINE static void taps(const V* g, V* y) {
    const V evenA = atA * (g[0] + aa * g[2]), oddA = (atA * a) * g[1], evenB = atB * (g[0] + bb * g[2]), oddB = (atB * b) * g[1];
    y[0] = atZero * g[0];
    y[1] = evenA + oddA;
    y[2] = evenA - oddA;
    y[3] = evenB + oddB;
    y[4] = evenB - oddB;
    y[5] = g[2];
  }
  template <class V> STEPPE_INLINE static void output(const V* m, V* y) {
    const V evenA = m[1] + m[2], oddA = a * (m[1] - m[2]), evenB = m[3] + m[4], oddB = b * (m[3] - m[4]);
    y[0] = m[0] + (evenA + evenB);
    y[1] = oddA + oddB;
    y[2] = aa * evenA + bb * evenB;
    y[3] = (aa * oddA + bb * oddB) + m[5];
  }
  template <class V> STEPPE_INLINE static void spread(const V* ct, V* y) {
    const V evenA = ct[0] + aa * ct[2], oddA = a * (ct[1] + aa * ct[3]), evenB = ct[0] + bb * ct[2], oddB = b * (ct[1] + bb * ct[3]);
    y[0] = ct[0];
    y[1] = evenA + oddA;
    y[2] = evenA - oddA;
    y[3] = evenB + oddB;
    y[4] = evenB - oddB;
    y[5] = ct[3];
  }
  template <class V> STEPPE_INLINE static void tapsGradient(const V* m, V* g) {
    const V evenA = atA * (m[1] + m[2]), oddA = (atA * a) * (m[1] - m[2]), evenB = atB * (m[3] + m[4]), oddB = (atB * b) * (m[3] - m[4]);
    g[0] = atZero * m[0] + (evenA + evenB);
    g[1] = oddA + oddB;
    g[2] = (aa * evenA + bb * evenB) + m[5];
  }
};

}  // namespace steppe::STEPPE_NS
