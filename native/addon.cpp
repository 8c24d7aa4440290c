// The face that JavaScript sees: a Stream object, with its memory and its queue. The only file that knows N-API.
#include <napi.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <optional>

#include "native/cpu/isa.h"
#include "native/cpu/memory.h"
#include "native/cpu/stream.h"
#include "native/tape.h"

namespace steppe {

#ifdef NDEBUG
constexpr bool kChecked = false;
#else
constexpr bool kChecked = true;
#endif
constexpr size_t kKeptWhenIdle = size_t{64} << 20;
constexpr int64_t kReportedAtOnce = int64_t{1} << 20;  // changes of the memory in use that V8 hears of, at least

// new Stream(threads, level, limit in bytes, settled)
//   settled(done, reports): the tickets up to `done` are done; a report is [ticket, failed command or -1, out of memory, message, times]
class StreamObject : public Napi::ObjectWrap<StreamObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Stream",
        {InstanceMethod<&StreamObject::alloc>("alloc"), InstanceMethod<&StreamObject::free>("free"), InstanceMethod<&StreamObject::write>("write"),
         InstanceMethod<&StreamObject::read>("read"), InstanceMethod<&StreamObject::submit>("submit"),
         InstanceMethod<&StreamObject::memory>("memory"), InstanceMethod<&StreamObject::close>("close")});
  }

  explicit StreamObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StreamObject>(info), env_(info.Env()) {
    const int threads = info[0].As<Napi::Number>().Int32Value();
    for (const auto* entry : kernel_table(info[1].As<Napi::Number>().Int32Value())) kernels_.push_back(entry->run);
    memory_.emplace(static_cast<size_t>(info[2].As<Napi::Number>().DoubleValue()),
                    [this](std::vector<Block> blocks) { stream_->retire(std::move(blocks)); });

    const Napi::String name = Napi::String::New(env_, "steppe");
    if (napi_create_threadsafe_function(env_, info[3], nullptr, name, 0, 1, nullptr, nullptr, this, deliver, &news_) != napi_ok) {
      throw Napi::Error::New(env_);
    }
    napi_unref_threadsafe_function(env_, news_);
    stream_.emplace(
        threads, [this] { napi_call_threadsafe_function(news_, &kSettled, napi_tsfn_nonblocking); },
        [this] { napi_call_threadsafe_function(news_, &kIdle, napi_tsfn_nonblocking); });
    napi_add_env_cleanup_hook(env_, environment_ends, this);
  }

  ~StreamObject() override {
    if (!stream_) return;
    napi_remove_env_cleanup_hook(env_, environment_ends, this);
    shut();
  }

 private:
  // What a call of the thread-safe function is about.
  inline static char kSettled, kIdle;

  struct Target {
    int64_t ticket;
    Napi::Reference<Napi::ArrayBuffer> buffer;
  };

  static void environment_ends(void* self) { static_cast<StreamObject*>(self)->shut(); }
  // Joins the threads first: after that nobody touches buffers or calls back.
  void shut() {
    stream_.reset();
    memory_.reset();
    targets_.clear();
    napi_release_threadsafe_function(news_, napi_tsfn_abort);
  }

  // `env` is null while the environment ends.
  static void deliver(napi_env env, napi_value callback, void* context, void* about) {
    if (!env) return;
    auto* self = static_cast<StreamObject*>(context);
    if (!self->stream_) return;
    if (about == &kIdle) self->memory_->trim(kKeptWhenIdle);
    else {
      try {
        self->settle(Napi::Function(env, callback));
      } catch (const Napi::Error& error) {
        error.ThrowAsJavaScriptException();  // does nothing in a worker thread that is being terminated
      }
    }
  }

  void settle(const Napi::Function& callback) {
    Settled news = stream_->take();
    done_ = news.done;
    if (done_ == last_) napi_unref_threadsafe_function(env_, news_);
    report_use();
    while (!targets_.empty() && targets_.front().ticket <= done_) targets_.pop_front();
    auto reports = Napi::Array::New(env_, news.reports.size());
    for (uint32_t i = 0; i < news.reports.size(); i++) reports[i] = row_of(news.reports[i]);
    callback.Call({Napi::Number::New(env_, static_cast<double>(done_)), reports});
  }

  Napi::Array row_of(const Report& report) {
    auto times = Napi::Float64Array::New(env_, report.times.size());
    std::copy(report.times.begin(), report.times.end(), times.Data());
    auto row = Napi::Array::New(env_, 5);
    row[0u] = Napi::Number::New(env_, static_cast<double>(report.ticket));
    row[1u] = Napi::Number::New(env_, report.failed);
    row[2u] = Napi::Boolean::New(env_, report.out_of_memory);
    row[3u] = Napi::String::New(env_, report.message);
    row[4u] = times;
    return row;
  }

  // Tickets that are not settled keep Node alive.
  int64_t take_ticket() {
    if (last_ == done_) napi_ref_threadsafe_function(env_, news_);
    return ++last_;
  }

  void check_open() const {
    if (!stream_) throw Napi::Error::New(env_, "the stream is closed");
  }
  void check(bool holds, const char* what) const {
    if (!holds) throw Napi::RangeError::New(env_, what);
  }

  // (bytes, scratch) -> slot, or -1: no memory
  Napi::Value alloc(const Napi::CallbackInfo& info) {
    check_open();
    const double bytes = info[0].As<Napi::Number>().DoubleValue();
    return Napi::Number::New(env_, bytes < 9e15 ? memory_->alloc(static_cast<size_t>(bytes), info[1].ToBoolean()) : -1);
  }

  // (slot)
  void free(const Napi::CallbackInfo& info) {
    if (!stream_) return;
    check(memory_->free(info[0].As<Napi::Number>().Int32Value()), "free: there is no such slot");
  }

  // Tells V8 about changes that matter, not about every one: it answers each with a collection. Called between turns, when the arenas of
  // plans, which no collection gives back, are free again.
  void report_use() {
    const auto now = static_cast<int64_t>(memory_->in_use());
    if (std::abs(now - reported_) < std::max(kReportedAtOnce, reported_ / 4)) return;
    int64_t total;
    napi_adjust_external_memory(env_, now - reported_, &total);
    reported_ = now;
  }

  std::byte* locate(const Napi::CallbackInfo& info, size_t size) const {
    check_open();
    const int slot = info[0].As<Napi::Number>().Int32Value();
    const auto offset = static_cast<size_t>(info[1].As<Napi::Number>().DoubleValue());
    check(memory_->valid(slot), "there is no such slot");
    check(offset + size <= memory_->bytes(slot), "the range ends behind its slot");
    return memory_->address(slot) + offset;
  }

  // (slot, offset, Uint8Array) -> false: no memory for the copy
  Napi::Value write(const Napi::CallbackInfo& info) {
    const auto bytes = info[2].As<Napi::Uint8Array>();
    std::byte* to = locate(info, bytes.ByteLength());
    try {
      stream_->write(to, reinterpret_cast<const std::byte*>(bytes.Data()), bytes.ByteLength());
    } catch (const std::bad_alloc&) {
      return Napi::Boolean::New(env_, false);
    }
    return Napi::Boolean::New(env_, true);
  }

  // (slot, offset, ArrayBuffer): fills the buffer; its ticket is the next number
  void read(const Napi::CallbackInfo& info) {
    auto buffer = info[2].As<Napi::ArrayBuffer>();
    const std::byte* from = locate(info, buffer.ByteLength());
    const int64_t ticket = take_ticket();
    targets_.push_back({ticket, Napi::Persistent(buffer)});
    stream_->read(static_cast<std::byte*>(buffer.Data()), from, buffer.ByteLength(), ticket);
  }

  // (tape, timed): its ticket is the next number
  void submit(const Napi::CallbackInfo& info) {
    check_open();
    const auto tape = info[0].As<Napi::Int32Array>();
    Batch batch = parse(tape.Data(), tape.ElementLength());
    batch.timed = info[1].As<Napi::Boolean>().Value();
    stream_->submit(std::move(batch), take_ticket());
  }

  Batch parse(const int32_t* tape, size_t length) const {
    check(length >= tape::kHeader && tape[0] == tape::kVersion, "the tape is of another version");
    Batch batch;
    batch.words.resize((length + 1) / 2);
    std::memcpy(batch.words.data(), tape, length * sizeof(int32_t));
    batch.commands.reserve(tape[1]);
    size_t at = tape::kHeader;
    for (int32_t i = 0; i < tape[1]; i++) {
      if (kChecked) check(at + tape::kCommandHeader <= length, "the tape ends in the middle of a command");
      const int32_t kernel = tape[at], buffers = tape[at + 1], words = tape[at + 2];
      at += tape::kCommandHeader;
      const size_t words_at = at + static_cast<size_t>(buffers) * tape::kBufferWords;
      if (kChecked) {
        check(kernel >= 0 && kernel < static_cast<int>(kernels_.size()), "the tape names a kernel that is not there");
        check(buffers >= 0 && words >= 0 && words_at + words <= length, "the tape ends in the middle of a command");
      }
      batch.commands.push_back({kernels_[kernel], static_cast<uint32_t>(batch.buffers.size()), static_cast<uint32_t>(buffers),
                                static_cast<uint32_t>(words_at), static_cast<uint32_t>(words)});
      for (; at < words_at; at += tape::kBufferWords) {
        const int32_t slot = tape[at];
        const auto offset = static_cast<uint32_t>(tape[at + 1]) + (static_cast<uint64_t>(static_cast<uint32_t>(tape[at + 2])) << 32);
        if (kChecked && slot >= 0) check(memory_->valid(slot) && offset <= memory_->bytes(slot), "the tape names a slot that is not there");
        batch.buffers.push_back(slot < 0 ? nullptr : memory_->address(slot) + offset);
      }
      at += (words + 1) & ~1;
    }
    return batch;
  }

  // -> [bytes in use, bytes reserved, peak bytes]
  Napi::Value memory(const Napi::CallbackInfo&) {
    auto counters = Napi::Float64Array::New(env_, 3);
    if (stream_) {
      counters[0] = static_cast<double>(memory_->in_use());
      counters[1] = static_cast<double>(memory_->reserved() + stream_->scratch_bytes());
      counters[2] = static_cast<double>(memory_->peak());
    }
    return counters;
  }

  // Stops what runs, drops what is queued, frees all memory.
  void close(const Napi::CallbackInfo&) {
    if (!stream_) return;
    napi_remove_env_cleanup_hook(env_, environment_ends, this);
    int64_t total;
    napi_adjust_external_memory(env_, -reported_, &total);
    shut();
  }

  const Napi::Env env_;
  std::vector<KernelFunction> kernels_;
  napi_threadsafe_function news_ = nullptr;
  std::optional<Memory> memory_;
  std::optional<Stream> stream_;
  std::deque<Target> targets_;   // of reads under way
  int64_t last_ = 0, done_ = 0;  // tickets given out, settled
  int64_t reported_ = 0;         // bytes that V8 knows of
};

static Napi::Object start(Napi::Env env, Napi::Object exports) {
  auto levels = Napi::Array::New(env);
  for (int level = 0; level <= best_level(); level++) levels[level] = Napi::String::New(env, kLevelNames[level]);
  const auto table = kernel_table(0);
  auto names = Napi::Array::New(env, table.size());
  for (uint32_t i = 0; i < table.size(); i++) names[i] = Napi::String::New(env, table[i]->name);
  exports["levels"] = levels;
  exports["kernels"] = names;
  exports["tapeVersion"] = Napi::Number::New(env, tape::kVersion);
  exports["now"] = Napi::Function::New(env, [](const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), now_ms()); });
  exports["Stream"] = StreamObject::define(env);
  return exports;
}

NODE_API_MODULE(steppe, start)

}  // namespace steppe
