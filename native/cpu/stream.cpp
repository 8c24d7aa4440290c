#include "native/cpu/stream.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace steppe {

constexpr auto kRest = std::chrono::seconds(1);
constexpr size_t kScratchKept = size_t{64} << 20;

double now_ms() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

Stream::Stream(int threads, std::function<void()> settled, std::function<void()> idle)
    : settled_(std::move(settled)), idle_(std::move(idle)), pool_(threads), dispatcher_([this] { dispatch(); }) {}

Stream::~Stream() {
  {
    std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  pool_.cancel();
  queue_grew_.notify_one();
  dispatcher_.join();
  for (auto& job : queue_) {
    if (auto* retired = std::get_if<Retire>(&job.work)) release(retired->blocks);
  }
}

void Stream::write(std::byte* to, const std::byte* from, size_t size) {
  auto copy = std::make_unique_for_overwrite<std::byte[]>(size);
  std::copy_n(from, size, copy.get());
  push({Write{to, std::move(copy), size}, 0});
}
void Stream::read(std::byte* to, const std::byte* from, size_t size, int64_t ticket) { push({Read{to, from, size}, ticket}); }
void Stream::submit(Batch batch, int64_t ticket) { push({std::move(batch), ticket}); }
void Stream::retire(std::vector<Block> blocks) { push({Retire{std::move(blocks)}, 0}); }

void Stream::push(Job job) {
  {
    std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(job));
    queued_.fetch_add(1, std::memory_order_release);
  }
  queue_grew_.notify_one();
}

bool Stream::next(Job& job) {
  spin_until([this] { return queued_.load(std::memory_order_acquire) > 0 || stopping_.load(std::memory_order_relaxed); });
  std::unique_lock lock(queue_mutex_);
  const auto wanted = [this] { return !queue_.empty() || stopping_; };
  if (!rested_ && !queue_grew_.wait_for(lock, kRest, wanted)) {
    rested_ = true;
    lock.unlock();
    if (pool_.scratch_bytes() > kScratchKept) pool_.trim();
    idle_();
    lock.lock();
  }
  queue_grew_.wait(lock, wanted);
  if (stopping_) return false;
  job = std::move(queue_.front());
  queue_.pop_front();
  queued_.fetch_sub(1, std::memory_order_relaxed);
  rested_ = false;
  return true;
}

void Stream::dispatch() {
  giveWay();
  Job job;
  while (next(job)) {
    Report report{job.ticket, -1, false, {}, {}};
    if (auto* batch = std::get_if<Batch>(&job.work)) execute(*batch, report);
    else if (auto* write = std::get_if<Write>(&job.work)) std::copy_n(write->bytes.get(), write->size, write->to);
    else if (auto* read = std::get_if<Read>(&job.work)) std::copy_n(read->from, read->size, read->to);
    else if (auto* retired = std::get_if<Retire>(&job.work)) release(retired->blocks);
    job.work = Retire{};
    if (stopping_.load(std::memory_order_relaxed)) return;
    if (job.ticket) settle(std::move(report));
  }
}

void Stream::execute(Batch& batch, Report& report) {
  const auto* words = reinterpret_cast<const int32_t*>(batch.words.data());
  if (batch.timed) report.times.reserve(2 * batch.commands.size());
  for (const Command& command : batch.commands) {
    if (stopping_.load(std::memory_order_relaxed)) return;
    const double start = batch.timed ? now_ms() : 0;
    try {
      command.run({batch.buffers.data() + command.buffers, static_cast<int>(command.buffer_count), words + command.words,
                   static_cast<int>(command.word_count), &pool_});
    } catch (const Cancelled&) {
      return;
    } catch (const std::bad_alloc&) {
      report.out_of_memory = true;
      report.message = "the system has no memory left for the kernel's scratch area";
    } catch (const std::exception& error) {
      report.message = error.what();
    }
    if (!report.message.empty()) {
      report.failed = static_cast<int>(&command - batch.commands.data());
      return;
    }
    if (batch.timed) {
      report.times.push_back(start);
      report.times.push_back(now_ms());
    }
  }
}

void Stream::settle(Report report) {
  bool tell = false;
  {
    std::lock_guard lock(news_mutex_);
    news_.done = report.ticket;
    if (report.failed >= 0 || !report.times.empty()) news_.reports.push_back(std::move(report));
    tell = !told_;
    told_ = true;
  }
  if (tell) settled_();
}

Settled Stream::take() {
  std::lock_guard lock(news_mutex_);
  told_ = false;
  Settled taken{news_.done, std::move(news_.reports)};
  news_.reports.clear();
  return taken;
}

}  // namespace steppe
