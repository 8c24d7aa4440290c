// Cross-entropy of rows of logits with classes as labels, and its gradient.
#include "kernels/shared/kernel.h"
#include "kernels/shared/rows.h"

namespace steppe::STEPPE_NS {
namespace {

// params: cross_entropy, cross_entropy_backward
struct CrossEntropyParams {
  double smoothing;
  uint32_t rows, classes;
};

template <class T> void crossEntropy(const Call& call) {
  const auto& p = call.params<CrossEntropyParams>();
  const T* logits = call.buffer<T>(0);
  const int32_t* labels = call.buffer<int32_t>(1);
  T *loss = call.buffer<T>(2), *lse = call.buffer<T>(3);
  const int64_t classes = p.classes;
  const T smoothing = T(p.smoothing);
  overRows(*call.parallel, p.rows, classes, [&](int64_t row) {
    const T *x = logits + row * classes, shift = finiteMaximum(x, classes);
    const T total = mapSum(x, classes, static_cast<T*>(nullptr), [&](vec<T> v) { return exp(v - shift); });
    const T sum = shift + logOf(total);
    const int32_t label = labels[row];
    const bool known = label >= 0 && label < classes;
    T value = (T(1) - smoothing) * (sum - (known ? x[label] : std::numeric_limits<T>::quiet_NaN()));
    if (smoothing > T(0))
      value -= smoothing / T(classes) *
               mapSum(
                   x, classes, static_cast<T*>(nullptr), [&](vec<T> v) { return v - sum; }, sum);
    loss[row] = value;
    lse[row] = sum;
  });
}

template <class T> void crossEntropyBackward(const Call& call) {
  const auto& p = call.params<CrossEntropyParams>();
  const T* logits = call.buffer<T>(0);
  const int32_t* labels = call.buffer<int32_t>(1);
  const T *lse = call.buffer<T>(2), *ct = call.buffer<T>(3);
  T* dlogits = call.buffer<T>(4);
  const int64_t classes = p.classes;
  const T smoothing = T(p.smoothing), even = smoothing / T(classes);
  overRows(*call.parallel, p.rows, classes, [&](int64_t row) {
    const int32_t label = labels[row];
    const bool known = label >= 0 && label < classes;
    const T sum = lse[row], slope = ct[row], target = known ? even : std::numeric_limits<T>::quiet_NaN();
    const T* x = logits + row * classes;
    T* dx = dlogits + row * classes;
    mapRow(x, classes, dx, [&](vec<T> v) { return (exp(v - sum) - target) * slope; });
    if (known) dx[label] = (exp(splat(x[label] - sum))[0] - (T(1) - smoothing + even)) * slope;
  });
}

STEPPE_KERNEL("cross_entropy_f32", crossEntropy<float>);
STEPPE_KERNEL("cross_entropy_f64", crossEntropy<double>);
STEPPE_KERNEL("cross_entropy_backward_f32", crossEntropyBackward<float>);
STEPPE_KERNEL("cross_entropy_backward_f64", crossEntropyBackward<double>);

}  // namespace
}  // namespace steppe::STEPPE_NS
