// Kernels that tests of the backend need: one that adds, and some that misbehave. Built with STEPPE_TESTS only.
#include <chrono>
#include <stdexcept>
#include <thread>

#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {
namespace {

struct AddParams {
  double value;
  uint32_t n;
};
// y[i] = x[i] + value
void add(const Call& call) {
  const auto& p = call.params<AddParams>();
  const float* x = call.buffer<const float>(0);
  float* y = call.buffer<float>(1);
  constexpr int64_t block = 1024;
  (*call.parallel)((p.n + block - 1) / block, [&](int64_t task, int) {
    for (int64_t i = task * block; i < p.n && i < (task + 1) * block; i++) y[i] = static_cast<float>(x[i] + p.value);
  });
}

void fail(const Call&) { throw std::runtime_error("it was asked to fail"); }

// Asks for more memory than there is, on whichever thread comes first.
void greedy(const Call& call) {
  (*call.parallel)(64, [&](int64_t, int worker) { call.parallel->scratch(worker, size_t{1} << 60); });
}

struct SlowParams {
  uint32_t ms;
};
void slow(const Call& call) {
  (*call.parallel)(call.params<SlowParams>().ms, [](int64_t, int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
}

STEPPE_KERNEL("test_add_f32", add);
STEPPE_KERNEL("test_fail_f32", fail);
STEPPE_KERNEL("test_greedy_f32", greedy);
STEPPE_KERNEL("test_slow_f32", slow);

}  // namespace
}  // namespace steppe::STEPPE_NS
