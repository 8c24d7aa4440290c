// What a kernel sees: its buffers, its parameter words, scratch memory and the pool.
#pragma once
#include <cstddef>
#include <cstdint>

namespace steppe {

// Runs body(task) for every task in [0, tasks) on the threads of the pool; returns when all are done.
class Parallel {
 public:
  virtual ~Parallel() = default;
  virtual int threads() const = 0;
  // `worker` in [0, threads()) tells which thread runs, for scratch memory only: results must not depend on it.
  virtual void run(int64_t tasks, void (*body)(void* context, int64_t task, int worker), void* context) = 0;
  // Aligned to 64 bytes, kept between calls, private to a worker; throws std::bad_alloc.
  virtual void* scratch(int worker, size_t bytes) = 0;
  // One more area, shared by all workers of a call (packed panels).
  virtual void* shared(size_t bytes) = 0;

  template <class F> void operator()(int64_t tasks, F&& body) {
    run(
        tasks, [](void* context, int64_t task, int worker) { (*static_cast<F*>(context))(task, worker); }, &body);
  }
};

struct Call {
  void* const* buffers;  // inputs, then outputs, in the contract's order; nullptr where absent
  int buffer_count;
  const int32_t* words;  // the parameter struct, 8-byte aligned
  int word_count;
  Parallel* parallel;

  template <class T> T* buffer(int index) const { return static_cast<T*>(buffers[index]); }
  template <class P> const P& params() const { return *reinterpret_cast<const P*>(words); }
};

using KernelFunction = void (*)(const Call&);

// Adds a kernel to the table of the ISA level that this file is compiled for.
struct KernelEntry {
  const char* name;
  KernelFunction run;
  KernelEntry* next;
};
extern KernelEntry* kernel_tables[3];  // baseline, avx2, avx512

struct Register {
  KernelEntry entry;
  Register(int level, const char* name, KernelFunction run) : entry{name, run, kernel_tables[level]} { kernel_tables[level] = &entry; }
};

}  // namespace steppe

// STEPPE_LEVEL (0, 1, 2) and STEPPE_NS (a namespace name) come from the build.
#define STEPPE_CONCAT_(a, b) a##b
#define STEPPE_CONCAT(a, b) STEPPE_CONCAT_(a, b)
#define STEPPE_KERNEL(name, function) static ::steppe::Register STEPPE_CONCAT(registered_, __COUNTER__)(STEPPE_LEVEL, name, function)
