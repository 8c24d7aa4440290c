#include <algorithm>
#include <cstdint>

#include "kernels/matmul/gemm.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

struct Params {
  int32_t batch[4], aBatch[4], bBatch[4];
  int32_t m, n, outer, k;
  int32_t aOffset, aRow, aCol, aOuter, bOffset, bRow, bCol, bOuter;
  int32_t program[];
};

template <class T>
void matmul(const Call& call) {
  const auto& params = call.params<Params>();
  const int64_t depth = int64_t{params.outer} * params.k;
  Product<T> p{params.batch, params.aBatch, params.bBatch, 1, params.m, params.n, depth,
               {call.buffer<T>(0) + params.aOffset, params.aRow, params.aCol, params.aOuter, params.k},
               {call.buffer<T>(1) + params.bOffset, params.bCol, params.bRow, params.bOuter, params.k}};
  for (int axis = 0; axis < 4; axis++) p.batches *= params.batch[axis];
  T* y = call.buffer<T>(2);
  if (p.batches == 0 || p.m == 0 || p.n == 0) return;
  if (depth == 0) {
    std::fill_n(y, p.batches * p.m * p.n, T(0));
    return;
  }
  const auto finish = [](int64_t, int64_t, int64_t, int64_t, const T*, int64_t) {};
  Gemm<T, decltype(finish)>(p, y, *call.parallel, finish).run();
}

STEPPE_KERNEL("matmul_f32", matmul<float>);
STEPPE_KERNEL("matmul_f64", matmul<double>);

}  // namespace
}  // namespace steppe::STEPPE_NS
