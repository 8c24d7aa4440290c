#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "kernels/matmul/brain.h"
#include "kernels/matmul/finish.h"
#include "kernels/matmul/gemm.h"
#include "kernels/matmul/vector.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

// params: matmul
struct Params {
  int32_t batch[4], aBatch[4], bBatch[4];
  int32_t m, n, outer, k;
  int32_t aOffset, aRow, aCol, aOuter, bOffset, bRow, bCol, bOuter;
  int32_t program[];
};

template <class T> void matmul(const Call& call) {
  using Sum = std::conditional_t<std::is_same_v<T, Brain>, float, T>;
  const auto& params = call.params<Params>();
  const int64_t depth = int64_t{params.outer} * params.k, run = std::max(1, params.k);
  const Factor<T> a{call.buffer<T>(0) + params.aOffset, params.aRow, params.aCol, params.aOuter, run};
  const Factor<T> b{call.buffer<T>(1) + params.bOffset, params.bCol, params.bRow, params.bOuter, run};
  Product<T> p{params.batch, params.aBatch, params.bBatch, 1, params.m, params.n, depth, a, b};
  for (int axis = 0; axis < 4; axis++) p.batches *= params.batch[axis];
  if (p.batches == 0 || p.m == 0 || p.n == 0) return;

  const int words = call.word_count - int(offsetof(Params, program) / sizeof(int32_t)), inputs = words > 0 ? ProgramView{params.program}.inputs() : 0;
  T* const y = call.buffer<T>(2 + inputs);
  const Finish<Sum> finish(params.program, words, call.buffers + 2, call.buffers + 3 + inputs);
  if constexpr (!std::is_same_v<T, Sum>) {
    multiplyBrain(p, y, *call.parallel, finish);
  } else if (depth > 0 && p.m == 1) {
    rowTimesMatrix(p, y, false, *call.parallel, finish);
  } else if (depth > 0 && p.n == 1) {
    // A column is the row of the transposed product.
    rowTimesMatrix({params.batch, params.bBatch, params.aBatch, p.batches, 1, p.m, depth, b, a}, y, true, *call.parallel, finish);
  } else {
    Gemm<T>(p, y, *call.parallel, finish).run();
  }
}

STEPPE_KERNEL("matmul_f32", matmul<float>);
STEPPE_KERNEL("matmul_f64", matmul<double>);
STEPPE_KERNEL("matmul_bf16", matmul<Brain>);

}  // namespace
}  // namespace steppe::STEPPE_NS
