// Groups that are columns (batchNorm, groupNorm): x is [a, r1, channels], a group being r2 neighbouring channels.
#pragma once
#include "kernels/normalize/lanes.h"

namespace steppe::STEPPE_NS::normalizing {

// The r1 rows of each of the a images in blocks of a fixed size, each with partial results of its own.
struct Blocks {
  int64_t a, rows, channels, count;
  explicit Blocks(const NormalizeParams& p) : a(p.a), rows(p.r1), channels(int64_t(p.k) * p.r2) {
    const int64_t most = std::clamp<int64_t>(16384 / std::max<int64_t>(1, channels), 8, 1024);
    count = std::max<int64_t>(1, ceilDiv(rows, most));
  }
  int64_t first(int64_t block) const { return rows * block / count; }
  int64_t size(int64_t block) const { return first(block + 1) - first(block); }
  template <class T> T* at(T* x, int64_t task) const { return x + (task / count * rows + first(task % count)) * channels; }
};

// The sum over rows of f(offset of the element), four rows at a time.
template <class T, class F> STEPPE_INLINE vec<T> sumRows(int64_t rows, int64_t stride, F&& f) {
  vec<T> sum{};
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const int64_t at = r * stride;
    sum += (f(at) + f(at + stride)) + (f(at + 2 * stride) + f(at + 3 * stride));
  }
  for (; r < rows; r++) sum += f(r * stride);
  return sum;
}

// Means and sums of squared distances of the columns of all blocks become those of the whole: into block 0.
template <class T> void mergeMoments(const Blocks& blocks, T* means, T* squares) {
  along<T>(blocks.channels, [&](int64_t c, auto lanes) {
    vec<T> mean{}, square{};
    for (int64_t block = 0; block < blocks.count; block++)
      mean += lanes.load(means + block * blocks.channels + c) * (T(blocks.size(block)) / T(blocks.rows));
    for (int64_t block = 0; block < blocks.count; block++) {
      const vec<T> apart = lanes.load(means + block * blocks.channels + c) - mean;
      square += lanes.load(squares + block * blocks.channels + c) + apart * apart * T(blocks.size(block));
    }
    lanes.store(means + c, mean);
    lanes.store(squares + c, square);
  });
}

template <class T>
void normalizeColumns(const NormalizeParams& p, const T* x, const T* scale, const T* bias, T* y, T* mean, T* variance, Parallel& parallel) {
  const Blocks blocks(p);
  const int64_t channels = blocks.channels, share = blocks.count * channels, tasks = blocks.a * blocks.count;
  T* means = static_cast<T*>(parallel.shared(size_t(2 * blocks.a * share) * sizeof(T)));
  T* squares = means + blocks.a * share;
  parallel(tasks, [&](int64_t task, int) {
    const int64_t rows = blocks.size(task % blocks.count);
    const T* from = blocks.at(x, task);
    along<T>(channels, [&](int64_t c, auto lanes) {
      const vec<T> center = sumRows<T>(rows, channels, [&](int64_t at) { return lanes.load(from + at + c); }) / T(rows);
      lanes.store(means + task * channels + c, center);
      lanes.store(squares + task * channels + c, sumRows<T>(rows, channels, [&](int64_t at) {
                    const vec<T> d = lanes.load(from + at + c) - center;
                    return d * d;
                  }));
    });
  });
  // Afterwards block 0 of an image holds its centers and slopes, channel by channel.
  parallel(blocks.a, [&](int64_t a, int) {
    T *centers = means + a * share, *slopes = squares + a * share;
    mergeMoments(blocks, centers, slopes);
    for (int64_t g = 0; g < p.k; g++) {
      const int64_t first = g * p.r2;
      T sum = 0, square = 0;
      for (int64_t c = 0; c < p.r2; c++) sum += centers[first + c];
      const T center = sum / T(p.r2);
      for (int64_t c = 0; c < p.r2; c++) {
        const T apart = centers[first + c] - center;
        square += slopes[first + c] + T(p.r1) * apart * apart;
      }
      const T spread = square / (T(p.r1) * T(p.r2)), rstd = rstdOf(spread, p.eps);
      mean[a * p.k + g] = center;
      variance[a * p.k + g] = spread;
      for (int64_t c = 0; c < p.r2; c++) {
        centers[first + c] = center;
        slopes[first + c] = rstd * scale[first + c];
      }
    }
  });
  parallel(tasks, [&](int64_t task, int) {
    const int64_t a = task / blocks.count, rows = blocks.size(task % blocks.count);
    const T *from = blocks.at(x, task), *centers = means + a * share, *slopes = squares + a * share;
    T* to = blocks.at(y, task);
    for (int64_t r = 0; r < rows; r++, from += channels, to += channels) {
      along<T>(channels, [&](int64_t c, auto lanes) {
        lanes.store(to + c, madd(lanes.load(from + c) - lanes.load(centers + c), lanes.load(slopes + c), lanes.load(bias + c)));
      });
    }
  });
}

// dx = slope dy + tilt (x - mean) + flat, with three numbers a channel.
template <class T> void normalizeColumnsBackward(const NormalizeParams& p, const T* x, const T* scale, const T* mean, const T* variance, const T* dy,
                                                 T* dx, T* dscale, T* dbias, Parallel& parallel) {
  const Blocks blocks(p);
  const int64_t channels = blocks.channels, share = blocks.count * channels, tasks = blocks.a * blocks.count;
  T* shared = static_cast<T*>(parallel.shared(size_t(2 * blocks.a * share + 4 * blocks.a * channels) * sizeof(T)));
  T *scales = shared, *biases = scales + blocks.a * share;  // sums of dy * (x - mean) and of dy, by block
  T *slopes = biases + blocks.a * share, *tilts = slopes + blocks.a * channels, *flats = tilts + blocks.a * channels,
    *centers = flats + blocks.a * channels;
  parallel(blocks.a, [&](int64_t a, int) {
    for (int64_t c = 0; c < channels; c++) centers[a * channels + c] = mean[a * p.k + c / p.r2];
  });
  parallel(tasks, [&](int64_t task, int) {
    const int64_t rows = blocks.size(task % blocks.count);
    const T *from = blocks.at(x, task), *ct = blocks.at(dy, task), *center = centers + task / blocks.count * channels;
    along<T>(channels, [&](int64_t c, auto lanes) {
      const vec<T> m = lanes.load(center + c);
      lanes.store(scales + task * channels + c,
                  sumRows<T>(rows, channels, [&](int64_t at) { return lanes.load(ct + at + c) * (lanes.load(from + at + c) - m); }));
      lanes.store(biases + task * channels + c, sumRows<T>(rows, channels, [&](int64_t at) { return lanes.load(ct + at + c); }));
    });
  });
  parallel(blocks.a, [&](int64_t a, int) {
    T *ds = scales + a * share, *db = biases + a * share;
    for (int64_t block = 1; block < blocks.count; block++) {
      along<T>(channels, [&](int64_t c, auto lanes) {
        lanes.store(ds + c, lanes.load(ds + c) + lanes.load(ds + block * channels + c));
        lanes.store(db + c, lanes.load(db + c) + lanes.load(db + block * channels + c));
      });
    }
    for (int64_t g = 0; g < p.k; g++) {
      const int64_t first = g * p.r2, at = a * channels + first;
      const T rstd = rstdOf(variance[a * p.k + g], p.eps), n = T(p.r1) * T(p.r2);
      T flat = 0, tilt = 0;
      for (int64_t c = 0; c < p.r2; c++) {
        ds[first + c] *= rstd;
        flat += scale[first + c] * db[first + c];
        tilt += scale[first + c] * ds[first + c];
      }
      for (int64_t c = 0; c < p.r2; c++) {
        slopes[at + c] = rstd * scale[first + c];
        tilts[at + c] = -rstd * rstd * tilt / n;
        flats[at + c] = -rstd * flat / n;
      }
    }
  });
  parallel(tasks, [&](int64_t task, int) {
    const int64_t rows = blocks.size(task % blocks.count), channel = task / blocks.count * channels;
    const T *from = blocks.at(x, task), *ct = blocks.at(dy, task);
    T* to = blocks.at(dx, task);
    for (int64_t r = 0; r < rows; r++, from += channels, ct += channels, to += channels) {
      along<T>(channels, [&](int64_t c, auto lanes) {
        const int64_t at = channel + c;
        const vec<T> d = lanes.load(from + c) - lanes.load(centers + at);
        lanes.store(to + c, madd(lanes.load(ct + c), lanes.load(slopes + at), madd(d, lanes.load(tilts + at), lanes.load(flats + at))));
      });
    }
  });
  sumPartials(scales, share, blocks.a, channels, dscale, parallel);
  sumPartials(biases, share, blocks.a, channels, dbias, parallel);
}

}  // namespace steppe::STEPPE_NS::normalizing
