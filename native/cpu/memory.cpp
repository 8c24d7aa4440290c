#include "native/cpu/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <new>

namespace steppe {

constexpr std::align_val_t kAlign{64};
constexpr size_t kMapped = size_t{1} << 20;  // from here on blocks are mapped one by one, and truly given back
constexpr size_t kHugePage = size_t{1} << 21;
constexpr size_t kAlwaysKept = size_t{64} << 20;  // free bytes that are never worth giving back

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
    for (void* data : list) all.push_back({data, capacity});
  }
  release(all);
}

int Memory::alloc(size_t bytes) {
  if (bytes > limit_) return -1;
  const size_t capacity = class_of(bytes);
  // A mapped block up to half larger spares the page faults of a new one: plans whose arenas differ take turns on it.
  const size_t most = !kExact && capacity >= kMapped ? capacity + capacity / 2 : capacity;
  Block block{nullptr, capacity};
  const auto found = free_.lower_bound(capacity);
  if (found != free_.end() && found->first <= most) {
    block = {found->second.back(), found->first};
    found->second.pop_back();
    free_bytes_ -= block.capacity;
    if (found->second.empty()) free_.erase(found);
  } else {
    // Free blocks of other sizes must not pile up beside those in use.
    if (free_bytes_ > std::max(kAlwaysKept, reserved_ - free_bytes_)) trim(free_bytes_ / 2);
    if (reserved_ + capacity > limit_) trim(limit_ > reserved_ - free_bytes_ + capacity ? limit_ - (reserved_ - free_bytes_) - capacity : 0);
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
  return slot;
}

bool Memory::free(int slot) {
  if (!valid(slot)) return false;
  auto& [block, bytes] = slots_[slot];
  free_[block.capacity].push_back(block.data);
  free_bytes_ += block.capacity;
  in_use_ -= bytes;
  slots_[slot] = {};
  unused_.push_back(slot);
  if (kExact) trim(0);
  return true;
}

void Memory::trim(size_t keep) {
  std::vector<Block> retired;
  while (free_bytes_ > keep) {
    auto largest = std::prev(free_.end());
    for (; !largest->second.empty() && free_bytes_ > keep; largest->second.pop_back()) {
      retired.push_back({largest->second.back(), largest->first});
      free_bytes_ -= largest->first;
      reserved_ -= largest->first;
    }
    if (largest->second.empty()) free_.erase(largest);
  }
  if (!retired.empty()) retire_(std::move(retired));
}

}  // namespace steppe
