// Convolutions in plain loops: one channel a group, and numbers that are not finite, where padding must not take part.
#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {

// params: conv2d, conv2d_input_grad, conv2d_weight_grad
struct Conv2dParams {
  int32_t n, h, w, c, kH, kW, f, groups, strideH, strideW, top, left, outH, outW;
};

// Calls visit(x, w, y, count, xStep) for stretches of output channels: x the place of a pixel's channel, w that of the first weight
// and y that of the first output channel; xStep is 1 where each output channel has its own input channel, else 0.
template <class Visit> void visitPixel(const Conv2dParams& p, int64_t b, int64_t i, int64_t j, int64_t u, int64_t v, const Visit& visit) {
  const int64_t row = i * p.strideH - p.top + u, column = j * p.strideW - p.left + v;
  if (row < 0 || row >= p.h || column < 0 || column >= p.w) return;
  const int64_t inGroup = p.c / p.groups, outGroup = p.f / p.groups;
  const int64_t x = ((b * p.h + row) * p.w + column) * p.c, y = ((b * p.outH + i) * p.outW + j) * p.f, w = (u * p.kW + v) * inGroup * p.f;
  if (inGroup == 1 && outGroup == 1) return visit(x, w, y, p.f, 1);
  for (int64_t group = 0; group < p.groups; group++) {
    for (int64_t c = 0; c < inGroup; c++) visit(x + group * inGroup + c, w + c * p.f + group * outGroup, y + group * outGroup, outGroup, 0);
  }
}

template <class T> void plainForward(const Conv2dParams& p, const T* x, const T* w, T* y, Parallel& parallel) {
  parallel(int64_t{p.n} * p.outH, [&](int64_t task, int) {
    const int64_t b = task / p.outH, i = task % p.outH;
    std::fill_n(y + task * p.outW * p.f, int64_t{p.outW} * p.f, T(0));
    for (int64_t j = 0; j < p.outW; j++) {
      for (int64_t tap = 0; tap < p.kH * p.kW; tap++) {
        visitPixel(p, b, i, j, tap / p.kW, tap % p.kW, [&](int64_t atX, int64_t atW, int64_t atY, int64_t count, int64_t step) {
          if (step == 1)
            for (int64_t o = 0; o < count; o++) y[atY + o] += x[atX + o] * w[atW + o];
          else
            for (int64_t o = 0; o < count; o++) y[atY + o] += x[atX] * w[atW + o];
        });
      }
    }
  });
}

template <class T> void plainInputGradient(const Conv2dParams& p, const T* ct, const T* w, T* dx, Parallel& parallel) {
  const int64_t image = int64_t{p.h} * p.w * p.c;
  parallel(p.n, [&](int64_t b, int) {
    std::fill_n(dx + b * image, image, T(0));
    for (int64_t place = 0; place < int64_t{p.outH} * p.outW; place++) {
      for (int64_t tap = 0; tap < p.kH * p.kW; tap++) {
        visitPixel(p, b, place / p.outW, place % p.outW, tap / p.kW, tap % p.kW,
                   [&](int64_t atX, int64_t atW, int64_t atY, int64_t count, int64_t step) {
                     if (step == 1) {
                       for (int64_t o = 0; o < count; o++) dx[atX + o] += ct[atY + o] * w[atW + o];
                     } else {
                       T sum = 0;
                       for (int64_t o = 0; o < count; o++) sum += ct[atY + o] * w[atW + o];
                       dx[atX] += sum;
                     }
                   });
      }
    }
  });
}

template <class T> void plainWeightGradient(const Conv2dParams& p, const T* x, const T* ct, T* dw, Parallel& parallel) {
  const int64_t size = int64_t{p.c} / p.groups * p.f;
  parallel(int64_t{p.kH} * p.kW, [&](int64_t tap, int) {
    std::fill_n(dw + tap * size, size, T(0));
    for (int64_t row = 0; row < int64_t{p.n} * p.outH; row++) {
      for (int64_t j = 0; j < p.outW; j++) {
        visitPixel(p, row / p.outH, row % p.outH, j, tap / p.kW, tap % p.kW, [&](int64_t atX, int64_t atW, int64_t atY, int64_t count, int64_t step) {
          if (step == 1)
            for (int64_t o = 0; o < count; o++) dw[atW + o] += x[atX + o] * ct[atY + o];
          else
            for (int64_t o = 0; o < count; o++) dw[atW + o] += x[atX] * ct[atY + o];
        });
      }
    }
  });
}

}  // namespace steppe::STEPPE_NS
