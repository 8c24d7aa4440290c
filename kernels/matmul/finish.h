// The chain that runs on finished blocks of a product, if there is one.
#pragma once
#include <algorithm>
#include <cstdint>
#include <optional>

#include "kernels/matmul/fusedChain.h"
#include "kernels/shared/chain.h"
#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

template <class T> class Finish {
 public:
  // `words`: an encoded program, or none of them.
  Finish(const int32_t* words, int count, void* const* inputs, void* const* outputs) {
    if (count == 0) return;
    if constexpr (sizeof(T) == 4) {
      fused_.emplace(ProgramView{words}, inputs, outputs);
      if (!fused_->fits()) fused_.reset();
    }
    chain_.emplace(words, inputs, outputs);
    const ProgramView& program = chain_->program();
    for (int i = 0; i < program.instructions(); i++) {
      const int32_t* instruction = program.instruction(i);
      if ((instruction[0] & 0xffff) == int(Structural::load) && instruction[2] < 0) type_ = RegisterType(instruction[0] >> 16);
    }
  }

  // The chain as one on tiles, or null.
  const FusedChain* fused() const { return fused_ ? &*fused_ : nullptr; }

  // Of every worker, a multiple of 64.
  size_t scratchBytes() const { return chain_ ? (chain_->scratchBytes() + kStretch * sizeof(double) + 63) / 64 * 64 : 0; }

  // Rows count through the batch.
  void operator()(int64_t row, int64_t rows, int64_t column, int64_t columns, const T* block, int64_t stride, void* scratch) const {
    if (!chain_) return;
    if (type_ == (sizeof(T) == 4 ? RegisterType::f32 : RegisterType::f64)) {
      chain_->tile(row, rows, column, columns, block, stride, scratch);
    } else if constexpr (sizeof(T) == 4) {
      convert<double>(row, rows, column, columns, block, stride, scratch);
    } else {
      convert<float>(row, rows, column, columns, block, stride, scratch);
    }
  }

 private:
  static constexpr int64_t kStretch = 512;
  std::optional<Chain> chain_;
  std::optional<FusedChain> fused_;
  RegisterType type_ = sizeof(T) == 4 ? RegisterType::f32 : RegisterType::f64;

  // The same for a chain that wants another type of float.
  template <class To> void convert(int64_t row, int64_t rows, int64_t column, int64_t columns, const T* block, int64_t stride, void* scratch) const {
    To* const converted = static_cast<To*>(scratch);
    void* const rest = static_cast<char*>(scratch) + kStretch * sizeof(double);
    for (int64_t i = 0; i < rows; i++) {
      for (int64_t j = 0; j < columns; j += kStretch) {
        const int64_t count = std::min(kStretch, columns - j);
        std::copy_n(block + i * stride + j, count, converted);
        chain_->tile(row + i, 1, column + j, count, converted, count, rest);
      }
    }
  }
};

}  // namespace steppe::STEPPE_NS
