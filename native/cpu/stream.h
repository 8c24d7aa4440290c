// A stream: one dispatcher thread that does the jobs of one environment in the order of the calls.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "native/cpu/memory.h"
#include "native/cpu/pool.h"

namespace steppe {

struct Command {
  KernelFunction run;
  uint32_t buffers, buffer_count;  // a range of Batch::buffers
  uint32_t words, word_count;      // a range of Batch::words
};

// A plan, ready to run: kernels and pointers instead of numbers.
struct Batch {
  std::vector<Command> commands;
  std::vector<void*> buffers;
  std::vector<int64_t> words;  // 64-bit, so that parameter structs are aligned; ranges count 32-bit words
  bool timed = false;
};

struct Write {
  std::byte* to;
  std::unique_ptr<std::byte[]> bytes;
  size_t size;
};
struct Read {
  std::byte* to;
  const std::byte* from;
  size_t size;
};
struct Retire {
  std::vector<Block> blocks;
};

// What is to be told about a ticket besides that it is done.
struct Report {
  int64_t ticket;
  int failed = -1;  // the command that threw
  bool out_of_memory = false;
  std::string message;
  std::vector<double> times;  // start and end of each command in ms of now_ms()
};
struct Settled {
  int64_t done;  // all tickets up to this one
  std::vector<Report> reports;
};

double now_ms();

class Stream {
 public:
  // Called on the dispatcher thread: `settled` when there is news to take(), `idle` after a second without work.
  Stream(int threads, std::function<void()> settled, std::function<void()> idle);
  // Drops what is queued, stops what runs.
  ~Stream();

  void write(std::byte* to, const std::byte* from, size_t size);
  void read(std::byte* to, const std::byte* from, size_t size, int64_t ticket);
  void submit(Batch batch, int64_t ticket);
  void retire(std::vector<Block> blocks);

  Settled take();
  size_t scratch_bytes() const { return pool_.scratch_bytes(); }
  int threads() const { return pool_.threads(); }

 private:
  struct Job {
    std::variant<Batch, Write, Read, Retire> work;
    int64_t ticket;  // 0: nobody waits
  };

  void push(Job job);
  void dispatch();
  bool next(Job& job);
  void execute(Batch& batch, Report& report);
  void settle(Report report);

  const std::function<void()> settled_, idle_;
  Pool pool_;

  std::mutex queue_mutex_;
  std::condition_variable queue_grew_;
  std::deque<Job> queue_;
  std::atomic<size_t> queued_{0};
  std::atomic<bool> stopping_{false};
  bool rested_ = true;  // told so since the last job

  std::mutex news_mutex_;
  Settled news_{0, {}};
  bool told_ = false;

  std::thread dispatcher_;
};

}  // namespace steppe
