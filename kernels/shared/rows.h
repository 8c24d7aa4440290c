// Passes over contiguous rows.
#pragma once
#include <algorithm>
#include <limits>

#include "kernels/shared/kernel.h"
#include "kernels/shared/math.h"

namespace steppe::STEPPE_NS {

template <class T> constexpr T kInfinity = std::numeric_limits<T>::infinity();

// f(row) for all rows, dealt in tasks of about `elements` elements whatever the number of threads.
template <class F> void overRows(Parallel& parallel, int64_t rows, int64_t length, F&& f, int64_t elements = 16384) {
  const int64_t step = std::max<int64_t>(1, elements / std::max<int64_t>(1, length));
  parallel((rows + step - 1) / step, [&](int64_t task, int) {
    for (int64_t row = task * step, end = std::min(rows, row + step); row < end; row++) f(row);
  });
}

// The sum of f(x) over a row; `fill`, whose f is 0, stands beyond its end. f(x) is kept in `y` unless that is null.
template <class T, class F> STEPPE_INLINE T mapSum(const T* x, int64_t length, T* y, F&& f, T fill = -kInfinity<T>) {
  vec<T> sum{};
  int64_t i = 0;
  for (; i + kLanes<T> <= length; i += kLanes<T>) {
    const vec<T> v = f(load(x + i));
    if (y) store(y + i, v);
    sum += v;
  }
  if (i < length) {
    const vec<T> v = f(loadPartial(x + i, int(length - i), fill));
    if (y) storePartial(y + i, v, int(length - i));
    sum += v;
  }
  return sumLanes(sum);
}

template <class T, class F> STEPPE_INLINE void mapRow(const T* x, int64_t length, T* y, F&& f) {
  int64_t i = 0;
  for (; i + kLanes<T> <= length; i += kLanes<T>) store(y + i, f(load(x + i)));
  if (i < length) storePartial(y + i, f(loadPartial(x + i, int(length - i))), int(length - i));
}

// The largest element where that is finite, else 0: what exp's arguments are shifted by.
template <class T> STEPPE_INLINE T finiteMaximum(const T* x, int64_t length) {
  vec<T> top = splat(-kInfinity<T>);
  int64_t i = 0;
  for (; i + kLanes<T> <= length; i += kLanes<T>) top = fastMaximum(load(x + i), top);
  if (i < length) top = fastMaximum(loadPartial(x + i, int(length - i), -kInfinity<T>), top);
  const T most = reduce(top, [](auto a, auto b) { return fastMaximum(a, b); });
  return most - most == T(0) ? most : T(0);
}

template <class T> STEPPE_INLINE T logOf(T x) { return log(splat(x))[0]; }

}  // namespace steppe::STEPPE_NS
