// A plan with its buffers bound, as one list of 32-bit words; written by src/backends/tape.ts.
//   version, commands, then for each command:
//   kernel, buffers, words, zero; buffers x (slot, offset low, offset high, zero); words, padded to an even count
// Word counts keep every parameter struct 8-byte aligned. Slot -1 is an absent buffer.
#pragma once
#include <cstdint>

namespace steppe::tape {
constexpr int32_t kVersion = 1;
constexpr int kHeader = 2;
constexpr int kCommandHeader = 4;
constexpr int kBufferWords = 4;
}  // namespace steppe::tape
