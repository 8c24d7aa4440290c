// What the machine can do: peak FLOPS, by chains of fused multiply-adds in registers, and the bandwidth of copying between two large buffers.
// peak THREADS -> {"gflops": g, "gbs": b}; b counts what is read and what is written.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#ifdef __AVX512F__
constexpr int lanes = 16;
#else
constexpr int lanes = 8;
#endif
typedef float Vector __attribute__((vector_size(lanes * sizeof(float))));

constexpr int chains = 12;  // latency times units: enough independent chains, and registers for all

__attribute__((noinline)) float multiply_add(long rounds, float seed) {
  Vector sums[chains];
  const Vector factor = Vector{} + 0.999f, term = Vector{} + seed;
  for (int c = 0; c < chains; c++) sums[c] = Vector{} + float(c);
  for (long i = 0; i < rounds; i++) {
#pragma GCC unroll 12
    for (int c = 0; c < chains; c++) sums[c] = sums[c] * factor + term;
  }
  float total = 0;
  for (auto& sum : sums)
    for (int lane = 0; lane < lanes; lane++) total += sum[lane];
  return total;
}

template <class Work> double seconds(int threads, Work work) {
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> team;
  for (int t = 0; t < threads; t++) team.emplace_back(work, t);
  for (auto& one : team) one.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

int main(int, char** arguments) {
  const int threads = std::atoi(arguments[1]);
  double gflops = 0, gbs = 0;
  std::vector<float> kept(threads);

  const long rounds = 20'000'000;
  for (int round = 0; round < 5; round++) {
    const double s = seconds(threads, [&](int t) { kept[t] = multiply_add(rounds, 1e-3f * (t + 1)); });
    gflops = std::max(gflops, 2.0 * lanes * chains * rounds * threads / s / 1e9);
  }

  const size_t size = size_t{1} << 26, share = size / threads;
  std::vector<char> from(size, 1), to(size, 2);
  for (int round = 0; round < 15; round++) {
    const double s = seconds(threads, [&](int t) { std::memcpy(to.data() + t * share, from.data() + t * share, share); });
    gbs = std::max(gbs, 2.0 * share * threads / s / 1e9);
  }
  std::printf("{\"gflops\": %.2f, \"gbs\": %.2f, \"check\": %g}\n", gflops, gbs, double(kept[0] + to[size / 2]));
}
