// Runs pool, stream and memory hard, without Node: for the thread sanitizer, and for the memory rules.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "native/cpu/stream.h"

using namespace steppe;

#define CHECK(holds)                                                               \
  if (!(holds)) {                                                                  \
    std::fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #holds); \
    std::abort();                                                                  \
  }

// Every task is run exactly once, whether helpers are awake, asleep or late.
static void pool_runs_every_task_once(int threads) {
  Pool pool(threads);
  std::vector<int> counts(1000);
  for (int round = 0; round < 3000; round++) {
    const int tasks = round % 7 == 0 ? 1 : 1 + (round * 37) % 1000;
    std::fill(counts.begin(), counts.end(), 0);
    pool(tasks, [&](int64_t task, int worker) {
      CHECK(worker >= 0 && worker < threads);
      static_cast<int*>(pool.scratch(worker, 64))[0] = worker;
      counts[task]++;
    });
    for (int i = 0; i < 1000; i++) CHECK(counts[i] == (i < tasks));
    if (round % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // lets the helpers fall asleep
  }
}

static void pool_passes_exceptions_on(int threads) {
  Pool pool(threads);
  for (int round = 0; round < 200; round++) {
    bool caught = false;
    try {
      pool(64, [&](int64_t task, int) {
        if (task == round % 64) throw std::runtime_error("task");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    CHECK(caught);
  }
  std::atomic<int> done{0};
  pool(64, [&](int64_t, int) { done++; });
  CHECK(done == 64);
}

static void add_one(const Call& call) {
  auto* x = call.buffer<int64_t>(0);
  const int n = call.words[0];
  (*call.parallel)(n, [&](int64_t i, int) { x[i]++; });
}
static void fail(const Call&) { throw std::runtime_error("asked to"); }
static void ask_too_much(const Call& call) { call.parallel->shared(size_t{1} << 60); }
static void run_long(const Call& call) {
  (*call.parallel)(1 << 20, [](int64_t, int) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
}

static Batch batch_of(KernelFunction run, void* buffer, int32_t n) {
  Batch batch;
  batch.commands.push_back({run, 0, 1, 0, 1});
  batch.buffers.push_back(buffer);
  batch.words.push_back(n);
  return batch;
}

// Writes, batches and reads happen in the order of the calls; tickets are told in order; errors belong to their ticket.
static void stream_keeps_order(int threads) {
  std::mutex mutex;
  std::condition_variable told;
  int64_t done = 0;
  std::vector<Report> reports;
  std::unique_ptr<Stream> stream;
  std::atomic<bool> ready{false};
  stream = std::make_unique<Stream>(
      threads,
      [&] {
        while (!ready) relax();
        Settled news = stream->take();
        std::lock_guard lock(mutex);
        CHECK(news.done >= done);
        done = news.done;
        for (auto& report : news.reports) reports.push_back(std::move(report));
        told.notify_all();
      },
      [] {});
  ready = true;

  constexpr int n = 100;
  std::vector<int64_t> x(n), seen(n);
  int64_t ticket = 0;
  for (int round = 0; round < 300; round++) {
    std::vector<int64_t> start(n, round);
    stream->write(reinterpret_cast<std::byte*>(x.data()), reinterpret_cast<const std::byte*>(start.data()), n * sizeof(int64_t));
    for (int i = 0; i < 5; i++) stream->submit(batch_of(add_one, x.data(), n), ++ticket);
    if (round % 50 == 0) stream->submit(batch_of(fail, x.data(), n), ++ticket);
    if (round % 50 == 1) stream->submit(batch_of(ask_too_much, x.data(), n), ++ticket);
    stream->read(reinterpret_cast<std::byte*>(seen.data()), reinterpret_cast<const std::byte*>(x.data()), n * sizeof(int64_t), ++ticket);
    if (round % 3 == 0) {
      std::unique_lock lock(mutex);
      told.wait(lock, [&] { return done == ticket; });
      for (int i = 0; i < n; i++) CHECK(seen[i] == round + 5);
    }
  }
  {
    std::unique_lock lock(mutex);
    told.wait(lock, [&] { return done == ticket; });
  }
  CHECK(reports.size() == 12);
  for (size_t i = 0; i < reports.size(); i++) {
    CHECK(reports[i].failed == 0);
    CHECK(reports[i].out_of_memory == (i % 2 == 1));
  }
}

// A stream goes away with work queued and in the middle of a long kernel.
static void stream_stops_in_the_middle(int threads) {
  for (int round = 0; round < 10; round++) {
    std::vector<int64_t> x(100);
    Stream stream(
        threads, [] {}, [] {});
    for (int i = 0; i < round; i++) stream.submit(batch_of(add_one, x.data(), 100), i + 1);
    stream.submit(batch_of(run_long, x.data(), 0), 100);
    stream.submit(batch_of(add_one, x.data(), 100), 101);
    stream.retire({{::operator new(100, std::align_val_t{64}), 100}});
    std::this_thread::sleep_for(std::chrono::milliseconds(round));
  }
}

static void memory_reuses_and_keeps_its_limit() {
  size_t retired = 0;
  Memory memory(size_t{64} << 20, [&](std::vector<Block> blocks) {
    for (const auto& block : blocks) retired += block.capacity;
    release(blocks);
  });
  const int a = memory.alloc(1000);
  CHECK(a >= 0 && memory.valid(a) && reinterpret_cast<uintptr_t>(memory.address(a)) % 64 == 0);
  std::memset(memory.address(a), 1, 1000);
  [[maybe_unused]] const auto* where = memory.address(a);
  CHECK(memory.free(a) && !memory.free(a) && memory.in_use() == 0);
  [[maybe_unused]] const int b = memory.alloc(990);
#ifndef __SANITIZE_ADDRESS__
  CHECK(memory.address(b) == where);
#endif
  CHECK(memory.in_use() == 990);

  const int c = memory.alloc(size_t{40} << 20);
  CHECK(c >= 0 && memory.alloc(size_t{40} << 20) == -1);
  memory.free(c);
  const int d = memory.alloc(size_t{50} << 20);  // gives the 40 MB back first
  CHECK(d >= 0 && retired >= (size_t{40} << 20) && memory.reserved() <= (size_t{64} << 20));
  CHECK(memory.alloc(size_t{1} << 50) == -1 && memory.peak() >= (size_t{50} << 20));
  for (size_t bytes : {0, 1, 63, 64, 65, 511, 513, 4095, 4097, 1 << 20, (1 << 20) + 1}) {
    const int slot = memory.alloc(bytes);
    CHECK(slot >= 0 && memory.bytes(slot) == bytes);
    std::memset(memory.address(slot), 2, bytes);
    memory.free(slot);
  }
  memory.free(d);
  memory.trim(0);
  CHECK(memory.reserved() < 2000);
}

int main() {
  memory_reuses_and_keeps_its_limit();
  for (int threads : {1, 2, 4}) {
    pool_runs_every_task_once(threads);
    pool_passes_exceptions_on(threads);
    stream_keeps_order(threads);
    stream_stops_in_the_middle(threads);
  }
  std::puts("ok");
}
