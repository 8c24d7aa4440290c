#include "native/cpu/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>
#include <utility>

namespace steppe {

constexpr std::align_val_t kAlign{64};
constexpr size_t kMapped = size_t{1} << 20;  // from here on blocks are mapped one by one, and truly given back
constexpr size_t kHugePage = size_t{1} << 21;
constexpr size_t kAlwaysKept = size_t{64} << 20;  // free bytes that are never worth giving back
constexpr uint64_t kStretch = 4096;               // allocations over which a peak is remembered

#ifdef __SANITIZE_ADDRESS__
constexpr bool kExact = true;  // every block is new and as long as asked for, so that the sanitizer sees its ends
#else
constexpr bool kExact = false;
#endif

// Eight classes for each power of two: at most an eighth is wasted.
static size_t class_of(size_t bytes) {
  if (kExact) return std::max<size_t>(1, bytes);
  if (bytes <= 512) return std::max<size_t>(64, (bytes + 63) & ~size_t{63});
  const size_t step = std::bit_floor(bytes - 1) / 8;
  return (bytes + step - 1) / step * step;
}

static void* acquire(size_t capacity) {
  if (kExact || capacity < kMapped) return ::operator new(capacity, kAlign, std::nothrow);
  void* data = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
  if (capacity >= 2 * kHugePage) madvise(data, capacity, MADV_HUGEPAGE);
#endif
  return data;
}

void release(const std::vector<Block>& blocks) {
  for (const auto& [data, capacity] : blocks) {
    if (kExact || capacity < kMapped) ::operator delete(data, kAlign);
    else munmap(data, capacity);
  }
}

Memory::Memory(size_t limit, std::function<void(std::vector<Block>)> retire) : limit_(limit), retire_(std::move(retire)) {}

Memory::~Memory() {
  std::vector<Block> all;
  for (const auto& slot : slots_) {
    if (slot.block.data) all.push_back(slot.block);
  }
  for (const auto& [capacity, list] : free_) {
    for (const auto& [data, since] : list) all.push_back({data, capacity});
  }
  release(all);
}

size_t Memory::enough(size_t bytes) const {
  const size_t peak = std::max({in_use_ + bytes, peaks_[0], peaks_[1]});
  return std::min(limit_, peak + peak / 2 + kAlwaysKept);
}

int Memory::alloc(size_t bytes, bool scratch) {
  if (bytes > limit_) return -1;
  if (++allocations_ % kStretch == 0) peaks_[1] = std::exchange(peaks_[0], 0);
  const size_t capacity = class_of(bytes);
  // A mapped block up to half larger spares the page faults of a new one.
  const size_t most = kExact || capacity < kMapped ? capacity : scratch ? SIZE_MAX : capacity + capacity / 2;
  Block block{nullptr, capacity};
  const auto found = free_.lower_bound(capacity);
  if (found != free_.end() && found->first <= most) {
    block = {found->second.back().data, found->first};
    found->second.pop_back();
    free_bytes_ -= block.capacity;
    if (found->second.empty()) free_.erase(found);
  } else {
    // Free blocks of other sizes must not pile up beside those in use.
    const size_t used = reserved_ - free_bytes_ + capacity, most_held = enough(bytes);
    if (reserved_ + capacity > most_held) trim(most_held > used ? most_held - used : 0);
    if (reserved_ + capacity > limit_) return -1;
    block.data = acquire(capacity);
    if (!block.data) {
      trim(0);
      return -1;
    }
    reserved_ += capacity;
  }
  int slot;
  if (unused_.empty()) {
    slot = static_cast<int>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = unused_.back();
    unused_.pop_back();
  }
  slots_[slot] = {block, bytes};
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  peaks_[0] = std::max(peaks_[0], in_use_);
  return slot;
}

bool Memory::free(int slot) {
  if (!valid(slot)) return false;
  auto& [block, bytes] = slots_[slot];
  free_[block.capacity].push_back({block.data, allocations_});
  free_bytes_ += block.capacity;
  in_use_ -= bytes;
  slots_[slot] = {};
  unused_.push_back(slot);
  if (kExact) trim(0);
  return true;
}

void Memory::trim(size_t keep) {
  if (free_bytes_ <= keep) return;
  std::vector<std::pair<uint64_t, size_t>> oldest;  // since when, capacity: within a capacity the first has been free longest
  for (const auto& [capacity, list] : free_) {
    for (const auto& [data, since] : list) oldest.emplace_back(since, capacity);
  }
  std::sort(oldest.begin(), oldest.end());
  std::map<size_t, size_t> taken;
  std::vector<Block> retired;
  for (size_t i = 0; free_bytes_ > keep; i++) {
    const size_t capacity = oldest[i].second;
    retired.push_back({free_[capacity][taken[capacity]++].data, capacity});
    free_bytes_ -= capacity;
    reserved_ -= capacity;
  }
  for (const auto& [capacity, count] : taken) {
    auto& list = free_[capacity];
    list.erase(list.begin(), list.begin() + static_cast<ptrdiff_t>(count));
    if (list.empty()) free_.erase(capacity);
  }
  retire_(std::move(retired));
}

}  // namespace steppe
