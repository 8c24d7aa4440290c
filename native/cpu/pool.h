// Fork and join: the calling thread and its helpers claim the tasks of one call at a time.
#pragma once
#include <atomic>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kernels/shared/kernel.h"

namespace steppe {

// Thrown out of Pool::run when the pool is to stop: unwinds the kernel.
struct Cancelled {};

// Memory that only grows, until it is trimmed; aligned to 64 bytes.
class Area {
 public:
  Area() = default;
  Area(const Area&) = delete;
  Area& operator=(const Area&) = delete;
  ~Area() { clear(); }
  void* reserve(size_t bytes);
  void clear();
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  void* data_ = nullptr;
  std::atomic<size_t> bytes_{0};
};

class Pool final : public Parallel {
 public:
  // The thread that calls run() is one of `threads`.
  explicit Pool(int threads);
  ~Pool() override;

  int threads() const override { return threads_; }
  void run(int64_t tasks, void (*body)(void* context, int64_t task, int worker), void* context) override;
  void* scratch(int worker, size_t bytes) override { return areas_[worker].reserve(bytes); }
  void* shared(size_t bytes) override { return areas_[threads_].reserve(bytes); }

  // From any thread: no further task starts, run() throws Cancelled.
  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  size_t scratch_bytes() const;
  // Between calls of run() only.
  void trim();

 private:
  void help(int worker);
  void claim(int worker);

  // What the helpers read after they entered through the gate.
  int64_t tasks_ = 0;
  void (*body_)(void*, int64_t, int) = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
  std::mutex error_mutex_;

  alignas(64) std::atomic<int64_t> next_{0};
  // Number of the call << 17 | open << 16 | helpers inside.
  alignas(64) std::atomic<uint64_t> gate_{0};
  alignas(64) std::atomic<uint32_t> wakes_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<bool> cancelled_{false}, ending_{false};

  int threads_;
  std::unique_ptr<Area[]> areas_;  // one a thread, and the shared one
  std::vector<std::thread> helpers_;
};

// Makes the calling thread one that computes: the event loop, which works for microseconds, does not wait for a slice of its time.
void giveWay();

// Tells the core that this thread spins.
inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Polls `ready` for about 30 microseconds: longer than the gap between two kernels, shorter than a wake-up hurts.
template <class F> bool spin_until(F&& ready) {
  for (int i = 0; i < 1024; i++) {
    if (ready()) return true;
    relax();
  }
  return ready();
}

}  // namespace steppe
