#include <algorithm>
#include <cstdint>

#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

constexpr int64_t elements_per_task = 1 << 16;

// params: iota
struct Iota {
  uint32_t n;
};

template <class T> void iota(const Call& call) {
  const int64_t n = call.params<Iota>().n;
  T* y = call.buffer<T>(0);
  (*call.parallel)((n + elements_per_task - 1) / elements_per_task, [&](int64_t task, int) {
    const int64_t end = std::min(n, (task + 1) * elements_per_task);
    for (int64_t i = task * elements_per_task; i < end; i++) y[i] = static_cast<T>(i);
  });
}

STEPPE_KERNEL("iota_f32", iota<float>);
STEPPE_KERNEL("iota_f64", iota<double>);
STEPPE_KERNEL("iota_i32", iota<int32_t>);
STEPPE_KERNEL("iota_u32", iota<uint32_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
