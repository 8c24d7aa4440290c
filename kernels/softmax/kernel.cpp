// Softmax, its logarithm and log-sum-exp along contiguous rows: three passes over a row that stays in cache.
#include <algorithm>

#include "kernels/shared/kernel.h"
#include "kernels/shared/rows.h"

namespace steppe::STEPPE_NS {
namespace {

// params: softmax, log_softmax, log_sum_exp
struct RowsParams {
  uint32_t rows, length;
};

enum class Result { shares, logShares, logSum };

template <class T, Result result> void softmax(const Call& call) {
  const auto& p = call.params<RowsParams>();
  const T* x = call.buffer<T>(0);
  T* y = call.buffer<T>(1);
  const int64_t length = p.length;
  overRows(*call.parallel, p.rows, length, [&](int64_t row) {
    const T *from = x + row * length, shift = finiteMaximum(from, length);
    if constexpr (result == Result::shares) {
      T* to = y + row * length;
      const T total = mapSum(from, length, to, [&](vec<T> v) { return exp(v - shift); });
      mapRow(to, length, to, [&, inverse = T(1) / total](vec<T> v) { return v * inverse; });
    } else {
      const T lse = shift + logOf(mapSum(from, length, static_cast<T*>(nullptr), [&](vec<T> v) { return exp(v - shift); }));
      if constexpr (result == Result::logSum) y[row] = lse;
      else mapRow(from, length, y + row * length, [&](vec<T> v) { return v - lse; });
    }
  });
}

STEPPE_KERNEL("softmax_f32", (softmax<float, Result::shares>));
STEPPE_KERNEL("softmax_f64", (softmax<double, Result::shares>));
STEPPE_KERNEL("log_softmax_f32", (softmax<float, Result::logShares>));
STEPPE_KERNEL("log_softmax_f64", (softmax<double, Result::logShares>));
STEPPE_KERNEL("log_sum_exp_f32", (softmax<float, Result::logSum>));
STEPPE_KERNEL("log_sum_exp_f64", (softmax<double, Result::logSum>));

}  // namespace
}  // namespace steppe::STEPPE_NS
