// layerNorm, groupNorm and batchNorm, forward and backward, and tangents of rows.
#include "kernels/normalize/columns.h"
#include "kernels/normalize/rows.h"
#include "kernels/normalize/tangents.h"

namespace steppe::STEPPE_NS::normalizing {

template <class T> void normalize(const Call& call) {
  const auto& p = call.params<NormalizeParams>();
  const T *x = call.buffer<T>(0), *scale = call.buffer<T>(1), *bias = call.buffer<T>(2);
  T *y = call.buffer<T>(3), *mean = call.buffer<T>(4), *variance = call.buffer<T>(5);
  if (p.r1 == 1) normalizeRows(p, x, scale, bias, y, mean, variance, *call.parallel);
  else normalizeColumns(p, x, scale, bias, y, mean, variance, *call.parallel);
}

template <class T> void normalizeBackward(const Call& call) {
  const auto& p = call.params<NormalizeParams>();
  const T *x = call.buffer<T>(0), *scale = call.buffer<T>(1), *mean = call.buffer<T>(2), *variance = call.buffer<T>(3), *dy = call.buffer<T>(4);
  T *dx = call.buffer<T>(5), *dscale = call.buffer<T>(6), *dbias = call.buffer<T>(7);
  if (p.r1 == 1) normalizeRowsBackward(p, x, scale, mean, variance, dy, dx, dscale, dbias, *call.parallel);
  else normalizeColumnsBackward(p, x, scale, mean, variance, dy, dx, dscale, dbias, *call.parallel);
}

STEPPE_KERNEL("normalize_f32", normalize<float>);
STEPPE_KERNEL("normalize_f64", normalize<double>);
STEPPE_KERNEL("normalize_backward_f32", normalizeBackward<float>);
STEPPE_KERNEL("normalize_backward_f64", normalizeBackward<double>);
STEPPE_KERNEL("normalize_tangent_f32", normalizeTangent<float>);
STEPPE_KERNEL("normalize_backward_tangent_f32", normalizeBackwardTangent<float>);

}  // namespace steppe::STEPPE_NS::normalizing
