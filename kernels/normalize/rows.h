// Groups that are contiguous rows (layerNorm): r1 = 1, so x is [a, k, r2].
#pragma once
#include "kernels/normalize/lanes.h"

namespace steppe::STEPPE_NS::normalizing {

// Rows of one task.
inline int64_t rowsPerTask(int64_t length) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, length)); }

template <class T>
void normalizeRows(const NormalizeParams& p, const T* x, const T* scale, const T* bias, T* y, T* mean, T* variance, Parallel& parallel) {
  const int64_t rows = int64_t(p.a) * p.k, n = p.r2, step = rowsPerTask(n);
  parallel(ceilDiv(rows, step), [&](int64_t task, int) {
    for (int64_t row = task * step, end = std::min(rows, row + step); row < end; row++) {
      const T *from = x + row * n, *s = scale + row % p.k * n, *b = bias + row % p.k * n;
      vec<T> sum{};
      along<T>(n, [&](int64_t i, auto lanes) { sum += lanes.load(from + i); });
      const T near = sumLanes(sum) / T(n);
      // What is left of the sum corrects the mean, so that rows far from zero lose no digits.
      vec<T> rest{}, squares{};
      along<T>(n, [&](int64_t i, auto lanes) {
        const vec<T> d = lanes.keep(lanes.load(from + i) - near);
        rest += d;
        squares += d * d;
      });
      const T left = sumLanes(rest) / T(n), shift = left - left == T(0) ? left : T(0), center = near + shift;
      const T spread = fastMaximum(T(0), sumLanes(squares) / T(n) - shift * shift), rstd = rstdOf(spread, p.eps);
      T* to = y + row * n;
      along<T>(
          n, [&](int64_t i, auto lanes) { lanes.store(to + i, madd((lanes.load(from + i) - center) * rstd, lanes.load(s + i), lanes.load(b + i))); });
      mean[row] = center;
      variance[row] = spread;
    }
  });
}

template <class T> void normalizeRowsBackward(const NormalizeParams& p, const T* x, const T* scale, const T* mean, const T* variance, const T* dy,
                                              T* dx, T* dscale, T* dbias, Parallel& parallel) {
  const int64_t n = p.r2, channels = p.k * n, step = rowsPerTask(channels), tasks = ceilDiv(p.a, step);
  T* partial = static_cast<T*>(parallel.shared(size_t(4 * tasks * channels) * sizeof(T)));  // dscale and dbias of each task, and of nearby rows
  parallel(tasks, [&](int64_t task, int) {
    T *total = partial + 4 * task * channels, *ds = total + 2 * channels, *db = ds + channels;
    std::fill_n(total, 4 * channels, T(0));
    for (int64_t row = task * step * p.k, end = std::min<int64_t>(p.a, (task + 1) * step) * p.k; row < end; row++) {
      const int64_t channel = row % p.k * n;
      const T *from = x + row * n, *ct = dy + row * n, *s = scale + channel, center = mean[row], rstd = rstdOf(variance[row], p.eps);
      vec<T> flat{}, slope{};
      along<T>(n, [&](int64_t i, auto lanes) {
        const vec<T> d = lanes.load(ct + i), hat = (lanes.load(from + i) - center) * rstd, scaled = d * lanes.load(s + i);
        flat += scaled;
        slope += lanes.keep(scaled * hat);
        lanes.store(ds + channel + i, madd(d, hat, lanes.load(ds + channel + i)));
        lanes.store(db + channel + i, lanes.load(db + channel + i) + d);
      });
      const T even = sumLanes(flat) / T(n), tilt = sumLanes(slope) / T(n);
      T* to = dx + row * n;
      along<T>(n, [&](int64_t i, auto lanes) {
        const vec<T> hat = (lanes.load(from + i) - center) * rstd;
        lanes.store(to + i, (lanes.load(ct + i) * lanes.load(s + i) - even - hat * tilt) * rstd);
      });
      if ((row + 1) % (kNearby * p.k) == 0 || row + 1 == end) moveSums(ds, total, 2 * channels);
    }
  });
  sumPartials(partial, 4 * channels, tasks, channels, dscale, parallel);
  sumPartials(partial + channels, 4 * channels, tasks, channels, dbias, parallel);
}

}  // namespace steppe::STEPPE_NS::normalizing
