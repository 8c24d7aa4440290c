// Tangents of the rows of rows.h and of their gradients, for K directions at once: a row and its statistics are in L1 for all of them.
#pragma once
#include "kernels/normalize/rows.h"

namespace steppe::STEPPE_NS::normalizing {

// params: normalize_tangent, normalize_backward_tangent
struct NormalizeTangentParams {
  double eps;
  uint32_t tangents, a, k, r2;
};

template <class T> void normalizeTangent(const Call& call) {
  const auto& p = call.params<NormalizeTangentParams>();
  const T *x = call.buffer<T>(0), *scale = call.buffer<T>(1), *mean = call.buffer<T>(2), *variance = call.buffer<T>(3);
  const T *tx = call.buffer<T>(4), *tscale = call.buffer<T>(5), *tbias = call.buffer<T>(6);
  T *ty = call.buffer<T>(7), *tmean = call.buffer<T>(8), *tvariance = call.buffer<T>(9);
  const int64_t rows = int64_t(p.a) * p.k, n = p.r2, channels = p.k * n, step = rowsPerTask(n);
  (*call.parallel)(ceilDiv(rows, step), [&](int64_t task, int) {
    for (int64_t row = task * step, end = std::min(rows, row + step); row < end; row++) {
      const int64_t channel = row % p.k * n;
      const T *from = x + row * n, *s = scale + channel, center = mean[row], rstd = rstdOf(variance[row], p.eps);
      for (int64_t t = 0; t < p.tangents; t++) {
        const int64_t at = t * rows + row;
        const T *moved = tx + at * n, *ts = tscale + t * channels + channel, *tb = tbias + t * channels + channel;
        vec<T> flats{}, slopes{};
        along<T>(n, [&](int64_t i, auto lanes) {
          const vec<T> d = lanes.load(moved + i);
          flats += d;
          slopes += lanes.keep((lanes.load(from + i) - center) * rstd * d);
        });
        const T flat = sumLanes(flats) / T(n), slope = sumLanes(slopes) / T(n);
        T* to = ty + at * n;
        along<T>(n, [&](int64_t i, auto lanes) {
          const vec<T> hat = (lanes.load(from + i) - center) * rstd, that = (lanes.load(moved + i) - flat - hat * slope) * rstd;
          lanes.store(to + i, madd(that, lanes.load(s + i), madd(hat, lanes.load(ts + i), lanes.load(tb + i))));
        });
        tmean[at] = flat;
        tvariance[at] = T(2) * slope / rstd;
      }
    }
  });
}

// A row's numbers at a vector: hat, g = scale dy, and their tangents; w = r^2 tvariance / 2.
template <class T> struct MovedRow {
  const T *x, *dy, *scale, *tx, *tdy, *tscale;
  T center, rstd, tcenter, w;
  template <class L> STEPPE_INLINE vec<T> hat(int64_t i, L lanes) const { return (lanes.load(x + i) - center) * rstd; }
  template <class L> STEPPE_INLINE vec<T> hatTangent(int64_t i, L lanes, vec<T> hat) const { return (lanes.load(tx + i) - tcenter) * rstd - hat * w; }
  template <class L> STEPPE_INLINE vec<T> scaledTangent(int64_t i, L lanes) const {
    return madd(lanes.load(tscale + i), lanes.load(dy + i), lanes.load(scale + i) * lanes.load(tdy + i));
  }
};

// tdx of a row; its shares of tdscale and tdbias are added to `ds` and `db`.
template <class T> void moveRowBackward(const MovedRow<T>& row, int64_t n, T* tdx, T* ds, T* db) {
  vec<T> flats{}, slopes{}, tflats{}, tslopes{};
  along<T>(n, [&](int64_t i, auto lanes) {
    const vec<T> d = lanes.load(row.dy + i), td = lanes.load(row.tdy + i), hat = row.hat(i, lanes), that = row.hatTangent(i, lanes, hat);
    const vec<T> g = d * lanes.load(row.scale + i), tg = row.scaledTangent(i, lanes);
    flats += g;
    tflats += tg;
    slopes += lanes.keep(g * hat);
    tslopes += lanes.keep(madd(tg, hat, g * that));
    lanes.store(ds + i, lanes.load(ds + i) + madd(td, hat, d * that));
    lanes.store(db + i, lanes.load(db + i) + td);
  });
  const T flat = sumLanes(flats) / T(n), slope = sumLanes(slopes) / T(n), tflat = sumLanes(tflats) / T(n), tslope = sumLanes(tslopes) / T(n);
  along<T>(n, [&](int64_t i, auto lanes) {
    const vec<T> hat = row.hat(i, lanes), that = row.hatTangent(i, lanes, hat), g = lanes.load(row.dy + i) * lanes.load(row.scale + i);
    const vec<T> still = g - flat - hat * slope, moving = row.scaledTangent(i, lanes) - tflat - that * slope - hat * tslope;
    lanes.store(tdx + i, (moving - still * row.w) * row.rstd);
  });
}

template <class T> void normalizeBackwardTangent(const Call& call) {
  const auto& p = call.params<NormalizeTangentParams>();
  const T *x = call.buffer<T>(0), *scale = call.buffer<T>(1), *mean = call.buffer<T>(2), *variance = call.buffer<T>(3), *dy = call.buffer<T>(4);
  const T *tx = call.buffer<T>(5), *tscale = call.buffer<T>(6), *tmean = call.buffer<T>(7), *tvariance = call.buffer<T>(8), *tdy = call.buffer<T>(9);
  T *tdx = call.buffer<T>(10), *tdscale = call.buffer<T>(11), *tdbias = call.buffer<T>(12);
  const int64_t rows = int64_t(p.a) * p.k, n = p.r2, channels = p.k * n, all = p.tangents * channels;
  const int64_t step = rowsPerTask(channels), tasks = ceilDiv(p.a, step);
  T* partial = static_cast<T*>(call.parallel->shared(size_t(4 * tasks * all) * sizeof(T)));  // tdscale and tdbias of each task, and of nearby rows
  (*call.parallel)(tasks, [&](int64_t task, int) {
    T *total = partial + 4 * task * all, *ds = total + 2 * all, *db = ds + all;
    std::fill_n(total, 4 * all, T(0));
    for (int64_t row = task * step * p.k, end = std::min<int64_t>(p.a, (task + 1) * step) * p.k; row < end; row++) {
      const int64_t channel = row % p.k * n;
      const T rstd = rstdOf(variance[row], p.eps);
      for (int64_t t = 0; t < p.tangents; t++) {
        const int64_t at = t * rows + row, own = t * channels + channel;
        const MovedRow<T> moved{x + row * n,     dy + row * n,
                                scale + channel, tx + at * n,
                                tdy + at * n,    tscale + own,
                                mean[row],       rstd,
                                tmean[at],       rstd * rstd * tvariance[at] / T(2)};
        moveRowBackward(moved, n, tdx + at * n, ds + own, db + own);
      }
      if ((row + 1) % (kNearby * p.k) == 0 || row + 1 == end) moveSums(ds, total, 2 * all);
    }
  });
  sumPartials(partial, 4 * all, tasks, all, tdscale, *call.parallel);
  sumPartials(partial + all, 4 * all, tasks, all, tdbias, *call.parallel);
}

}  // namespace steppe::STEPPE_NS::normalizing
