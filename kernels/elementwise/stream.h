// Stores past the caches. What is written so is not read from memory first, and does not push out what is in use.
#pragma once
#include <algorithm>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

constexpr int64_t kLine = 64;

// Whole lines past the caches, what is before and after them as usual; settleStreams() before another thread may read.
inline void streamBytes(char* to, const char* from, int64_t bytes) {
#if defined(__SSE2__)
  const int64_t head = std::min<int64_t>(bytes, -reinterpret_cast<intptr_t>(to) & (kLine - 1)), end = head + (bytes - head) / kLine * kLine;
  std::memcpy(to, from, size_t(head));
  for (int64_t i = head; i < end; i += kLine) {
    for (int64_t k = 0; k < kLine; k += kVectorBytes) {
#if STEPPE_LEVEL == 2
      _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i + k), _mm512_loadu_si512(from + i + k));
#elif STEPPE_LEVEL == 1
      _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i + k), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i + k)));
#else
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + i + k), _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i + k)));
#endif
    }
  }
  std::memcpy(to + end, from + end, size_t(bytes - end));
#else
  std::memcpy(to, from, size_t(bytes));
#endif
}

inline void settleStreams() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace steppe::STEPPE_NS
