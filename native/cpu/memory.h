// The memory of tensors: slots from size classes. Used by one thread; since all work runs in the order of the calls, a
// block that was freed is handed out again at once: whoever gets it only touches it after all earlier work.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace steppe {

struct Block {
  void* data;  // aligned to 64 bytes
  size_t capacity;
};

// Gives blocks back to the system.
void release(const std::vector<Block>& blocks);

class Memory {
 public:
  // `retire` gets blocks that earlier work may still touch: it must release them after that work.
  Memory(size_t limit, std::function<void(std::vector<Block>)> retire);
  ~Memory();

  // A slot, or -1 when the limit is reached or the system has no more. `scratch`: it is freed before anything else is allocated for long, so a
  // block of any size will do.
  int alloc(size_t bytes, bool scratch = false);
  // False when there is no such slot.
  bool free(int slot);
  bool valid(int slot) const { return slot >= 0 && slot < static_cast<int>(slots_.size()) && slots_[slot].block.data; }
  std::byte* address(int slot) const { return static_cast<std::byte*>(slots_[slot].block.data); }
  size_t bytes(int slot) const { return slots_[slot].bytes; }

  // Retires free blocks, those longest unused first, until at most `keep` bytes of them are left.
  void trim(size_t keep);

  size_t in_use() const { return in_use_; }
  size_t reserved() const { return reserved_; }
  size_t peak() const { return peak_; }

 private:
  struct Slot {
    Block block{};
    size_t bytes = 0;
  };
  struct Free {
    void* data;
    uint64_t since;  // by the count of allocations
  };

  // What may be held from the system once `bytes` more are in use: half more than was in use of late.
  size_t enough(size_t bytes) const;

  const size_t limit_;
  const std::function<void(std::vector<Block>)> retire_;
  std::vector<Slot> slots_;
  std::vector<int> unused_;                      // slots without a block
  std::map<size_t, std::vector<Free>> free_;     // by capacity
  size_t in_use_ = 0, reserved_ = 0, peak_ = 0;  // reserved: held from the system, in use or free
  size_t free_bytes_ = 0;
  uint64_t allocations_ = 0;
  size_t peaks_[2] = {};  // of the bytes in use, in this stretch of allocations and the one before
};

}  // namespace steppe
