#include <algorithm>
#include <cstdint>

#include "kernels/conv2d/plain.h"
#include "kernels/conv2d/sweep.h"
#include "kernels/conv2d/weights.h"
#include "kernels/conv2d/winograd.h"
#include "kernels/conv2d/winogradWeights.h"
#include "kernels/matmul/gemm.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

// The padding is made of zeros that meet every weight: a weight that is not finite would make them NaN.
template <class T> bool allFinite(const T* x, int64_t size) {
  T sum = 0;
  for (int64_t i = 0; i < size; i++) sum += x[i] * T(0);
  return sum == T(0);
}
int64_t weightCount(const Conv2dParams& p) { return int64_t{p.kH} * p.kW * (p.c / p.groups) * p.f; }
bool depthwise(const Conv2dParams& p) { return p.groups == p.c && p.groups == p.f && p.groups > 1; }
// Every pixel is a row of a matrix product.
bool pointwise(const Conv2dParams& p) {
  return p.kH == 1 && p.kW == 1 && p.groups == 1 && p.strideH == 1 && p.strideW == 1 && p.outH == p.h && p.outW == p.w;
}

constexpr int32_t one[4] = {1, 1, 1, 1}, still[4] = {0, 0, 0, 0};
template <class T> void product(Factor<T> a, Factor<T> b, int64_t m, int64_t n, T* y, Parallel& parallel) {
  Gemm<T>({one, still, still, 1, m, n, a.inner, a, b}, y, parallel, Finish<T>(nullptr, 0, nullptr, nullptr)).run();
}

template <class T> Sweep<T> forwardSweep(const Conv2dParams& p, const T* x, T* y) {
  return {x,
          p.n,
          p.h,
          p.w,
          p.c,
          p.kH,
          p.kW,
          p.strideH,
          p.strideW,
          p.top,
          p.left,
          p.groups,
          y,
          p.outH,
          p.outW,
          p.f / p.groups,
          int64_t{p.outH} * p.outW * p.f,
          int64_t{p.outW} * p.f,
          p.f};
}

// weights(u, v, group) is a Factor whose lanes are output channels and whose depth is input channels.
template <class T, class Weights> void correlate(const Sweep<T>& s, const Weights& weights, Parallel& parallel) {
  const int64_t planes = suitsWinograd(s) ? Tiling<2, 4>::planes * s.c * s.f : 0;
  T* const panels = static_cast<T*>(parallel.shared(size_t(s.panelSize() + planes) * sizeof(T)));
  packWeights(s, weights, panels, parallel);
  if constexpr (sizeof(T) == 4) {
    if (planes > 0) return winograd<2, 4>(s, panels, panels + s.panelSize(), parallel);
  }
  sweep(s, panels, parallel);
}

template <class T> void forward(const Call& call) {
  const auto& p = call.params<Conv2dParams>();
  const T *x = call.buffer<T>(0), *w = call.buffer<T>(1);
  T* y = call.buffer<T>(2);
  const int64_t pixels = int64_t{p.n} * p.outH * p.outW;
  if (pixels * p.f == 0) return;
  if (pointwise(p) && p.c > 0) return product<T>({x, p.c, 1, 0, p.c}, {w, 1, p.f, 0, p.c}, pixels, p.f, y, *call.parallel);
  if (depthwise(p) || weightCount(p) == 0 || !allFinite(w, weightCount(p))) return plainForward(p, x, w, y, *call.parallel);
  const Sweep<T> s = forwardSweep(p, x, y);
  const int64_t f = p.f, inGroup = s.inGroup();
  const auto weights = [&](int64_t u, int64_t v, int64_t group) {
    return Factor<T>{w + (u * s.kW + v) * inGroup * f + group * s.f, 1, f, 0, inGroup};
  };
  correlate(s, weights, *call.parallel);
}

// The pixels of dx in one phase of the strides see every stride-th tap: each phase is a sweep over ct with stride 1, taps reversed.
struct Phase {
  int64_t taps;    // of this phase
  int64_t first;   // pixel of dx
  int64_t count;   // of pixels, a stride apart
  int64_t before;  // padding of ct
};
Phase phaseOf(int64_t phase, int64_t stride, int64_t kernel, int64_t low, int64_t size) {
  const int64_t taps = kernel > phase ? (kernel - phase + stride - 1) / stride : 0;
  // Pixel phase - low + stride * t meets output t - a through tap phase + stride * a.
  const int64_t t = low > phase ? (low - phase + stride - 1) / stride : 0, first = phase - low + stride * t;
  return {taps, first, first < size ? (size - first + stride - 1) / stride : 0, taps - 1 - t};
}

template <class T> void inputGradient(const Call& call) {
  const auto& p = call.params<Conv2dParams>();
  const T *ct = call.buffer<T>(0), *w = call.buffer<T>(1);
  T* dx = call.buffer<T>(2);
  const int64_t pixels = int64_t{p.n} * p.h * p.w;
  if (pixels * p.c == 0) return;
  if (pointwise(p) && p.f > 0) return product<T>({ct, p.f, 1, 0, p.f}, {w, p.f, 1, 0, p.f}, pixels, p.c, dx, *call.parallel);
  if (depthwise(p) || int64_t{p.outH} * p.outW * weightCount(p) == 0 || !allFinite(w, weightCount(p)))
    return plainInputGradient(p, ct, w, dx, *call.parallel);
  const int64_t inGroup = p.c / p.groups, outGroup = p.f / p.groups;
  for (int64_t a = 0; a < p.strideH; a++) {
    for (int64_t b = 0; b < p.strideW; b++) {
      const Phase rows = phaseOf(a, p.strideH, p.kH, p.top, p.h), columns = phaseOf(b, p.strideW, p.kW, p.left, p.w);
      T* const out = dx + (rows.first * p.w + columns.first) * p.c;
      const Sweep<T> s{ct,
                       p.n,
                       p.outH,
                       p.outW,
                       p.f,
                       rows.taps,
                       columns.taps,
                       1,
                       1,
                       rows.before,
                       columns.before,
                       p.groups,
                       out,
                       rows.count,
                       columns.count,
                       inGroup,
                       int64_t{p.h} * p.w * p.c,
                       int64_t{p.strideH} * p.w * p.c,
                       int64_t{p.strideW} * p.c};
      if (s.rows * s.columns == 0) continue;
      if (s.depth() == 0) {
        for (int64_t row = 0; row < s.images * s.rows; row++) {
          T* const at = out + row / s.rows * s.imagePitch + row % s.rows * s.rowPitch;
          for (int64_t j = 0; j < s.columns; j++) std::fill_n(at + j * s.pixelPitch, int64_t{p.c}, T(0));
        }
        continue;
      }
      const auto weights = [&](int64_t u, int64_t v, int64_t group) {
        const int64_t tapU = a + p.strideH * (rows.taps - 1 - u), tapV = b + p.strideW * (columns.taps - 1 - v);
        return Factor<T>{w + (tapU * p.kW + tapV) * inGroup * p.f + group * outGroup, p.f, 1, 0, outGroup};
      };
      correlate(s, weights, *call.parallel);
    }
  }
}

// The smaller the images, the shorter and more exact are the direct sum's stretches: what stays within twice their error (README.md).
template <class T> void weightGradientOf(const Sweep<T>& s, const T* ct, T* dw, Parallel& parallel) {
  if constexpr (sizeof(T) == 4) {
    const int64_t pixels = s.rows * s.columns;
    if (suitsWinograd(s) && pixels >= 128) return winogradWeightGradient<2, 4>(s, ct, dw, parallel);
    if (suitsWinograd(s) && pixels >= 36) return winogradWeightGradient<2, 2>(s, ct, dw, parallel);
  }
  weightGradient(s, ct, dw, parallel);
}

template <class T> void weightGradient(const Call& call) {
  const auto& p = call.params<Conv2dParams>();
  const T *x = call.buffer<T>(0), *ct = call.buffer<T>(1);
  T* dw = call.buffer<T>(2);
  const int64_t pixels = int64_t{p.n} * p.outH * p.outW;
  if (weightCount(p) == 0) return;
  if (pointwise(p) && pixels > 0) return product<T>({x, 1, p.c, 0, pixels}, {ct, 1, p.f, 0, pixels}, p.c, p.f, dw, *call.parallel);
  if (depthwise(p) || pixels == 0) return plainWeightGradient(p, x, ct, dw, *call.parallel);
  const Sweep<T> s = forwardSweep<T>(p, x, nullptr);
  weightGradientOf(s, ct, dw, *call.parallel);
  // Padding that met a cotangent which is not finite left NaN: those sums are done again without it.
  if (!allFinite(dw, weightCount(p))) plainWeightGradient(p, x, ct, dw, *call.parallel);
}

STEPPE_KERNEL("conv2d_f32", forward<float>);
STEPPE_KERNEL("conv2d_f64", forward<double>);
STEPPE_KERNEL("conv2d_input_grad_f32", inputGradient<float>);
STEPPE_KERNEL("conv2d_input_grad_f64", inputGradient<double>);
STEPPE_KERNEL("conv2d_weight_grad_f32", weightGradient<float>);
STEPPE_KERNEL("conv2d_weight_grad_f64", weightGradient<double>);

}  // namespace
}  // namespace steppe::STEPPE_NS
