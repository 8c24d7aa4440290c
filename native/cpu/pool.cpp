#include "native/cpu/pool.h"

#if defined(__linux__)
#include <sched.h>
#include <unistd.h>
#endif

#include <new>

namespace steppe {

constexpr std::align_val_t kAlign{64};
constexpr uint64_t kOpen = 1u << 16, kInside = kOpen - 1, kCall = 1u << 17;

void giveWay() {
#if defined(__linux__)
  if (sched_getscheduler(0) != SCHED_OTHER) return;
  const sched_param none{};
  // Waking up, it does not take the core of who woke it; and others go first by one step. Both hold for this thread alone.
  sched_setscheduler(0, SCHED_BATCH, &none);
  [[maybe_unused]] const int level = nice(1);
#endif
}

void* Area::reserve(size_t bytes) {
  if (bytes > bytes_.load(std::memory_order_relaxed) || !data_) {
    clear();
    const size_t rounded = (bytes + 4095) & ~size_t{4095};
    data_ = ::operator new(rounded, kAlign, std::nothrow);
    if (!data_) throw std::bad_alloc();
    bytes_.store(rounded, std::memory_order_relaxed);
  }
  return data_;
}

void Area::clear() {
  if (data_) ::operator delete(data_, kAlign);
  data_ = nullptr;
  bytes_.store(0, std::memory_order_relaxed);
}

Pool::Pool(int threads) : threads_(threads), areas_(new Area[threads + 1]) {
  helpers_.reserve(threads - 1);
  try {
    for (int worker = 1; worker < threads; worker++) helpers_.emplace_back([this, worker] { help(worker); });
  } catch (const std::system_error&) {
    // The system gives no more threads: those that are there do the work.
  }
}

Pool::~Pool() {
  ending_.store(true);
  wakes_.fetch_add(1);
  wakes_.notify_all();
  for (auto& helper : helpers_) helper.join();
}

void Pool::claim(int worker) {
  try {
    for (;;) {
      const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_ || cancelled_.load(std::memory_order_relaxed)) return;
      body_(context_, task, worker);
    }
  } catch (...) {
    next_.store(tasks_, std::memory_order_relaxed);
    std::lock_guard lock(error_mutex_);
    if (!error_) error_ = std::current_exception();
  }
}

void Pool::run(int64_t tasks, void (*body)(void*, int64_t, int), void* context) {
  if (cancelled_.load(std::memory_order_relaxed)) throw Cancelled{};
  if (tasks <= 1 || helpers_.empty()) {
    for (int64_t task = 0; task < tasks; task++) {
      body(context, task, 0);
      if (cancelled_.load(std::memory_order_relaxed)) throw Cancelled{};
    }
    return;
  }
  tasks_ = tasks;
  body_ = body;
  context_ = context;
  error_ = nullptr;
  next_.store(0, std::memory_order_relaxed);
  gate_.store((gate_.load(std::memory_order_relaxed) & ~(kCall - 1)) + kCall + kOpen);
  if (sleepers_.load() > 0) {
    wakes_.fetch_add(1);
    wakes_.notify_all();
  }
  claim(0);
  gate_.fetch_and(~kOpen);
  // Helpers that are inside hold at most one task each; those that come later stay out.
  const auto alone = [this] { return (gate_.load(std::memory_order_acquire) & kInside) == 0; };
  while (!spin_until(alone)) std::this_thread::yield();
  if (error_) std::rethrow_exception(error_);
  if (cancelled_.load(std::memory_order_relaxed)) throw Cancelled{};
}

void Pool::help(int worker) {
  giveWay();
  uint64_t seen = 0;
  uint64_t gate = 0;
  const auto called = [&] {
    gate = gate_.load();
    return (gate & kOpen) != 0 && gate / kCall != seen;
  };
  const auto wanted = [&] { return called() || ending_.load(std::memory_order_relaxed); };
  for (;;) {
    if (!spin_until(wanted)) {
      const uint32_t wakes = wakes_.load();
      sleepers_.fetch_add(1);
      if (!wanted()) wakes_.wait(wakes);
      sleepers_.fetch_sub(1);
    }
    if (ending_.load(std::memory_order_relaxed)) return;
    if (!called() || !gate_.compare_exchange_strong(gate, gate + 1)) continue;
    seen = gate / kCall;
    claim(worker);
    gate_.fetch_sub(1, std::memory_order_release);
  }
}

size_t Pool::scratch_bytes() const {
  size_t total = 0;
  for (int i = 0; i <= threads_; i++) total += areas_[i].bytes();
  return total;
}

void Pool::trim() {
  for (int i = 0; i <= threads_; i++) areas_[i].clear();
}

}  // namespace steppe
