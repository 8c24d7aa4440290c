#include "kernels/shared/copy.h"

namespace steppe::STEPPE_NS {
namespace {

// params: argreduce
struct Argreduce {
  uint32_t outer, n, inner, mode;
};

// Whether x takes the place of best, which comes first.
template <class T, bool smallest> inline bool better(T x, T best) { return (smallest ? x < best : x > best) || (x != x && best == best); }

constexpr int64_t kColumns = 64;

// x is [n, inner] at some columns of it.
template <class T, bool smallest> void columns(const T* x, int32_t* index, int64_t n, int64_t inner, int64_t many) {
  T best[kColumns];
  int32_t at[kColumns];
  for (int64_t j = 0; j < many; j++) {
    best[j] = x[j];
    at[j] = 0;
  }
  for (int64_t k = 1; k < n; k++) {
    const T* row = x + k * inner;
    for (int64_t j = 0; j < many; j++) {
      const bool wins = better<T, smallest>(row[j], best[j]);
      best[j] = wins ? row[j] : best[j];
      at[j] = wins ? int32_t(k) : at[j];
    }
  }
  for (int64_t j = 0; j < many; j++) index[j] = at[j];
}

// A row of n in kColumns interleaved strands; among strands with equal values the lowest index counts.
template <class T, bool smallest> int32_t row(const T* x, int64_t n) {
  const int64_t strands = std::min(n, kColumns), steps = n / strands;
  int32_t index[kColumns];
  columns<T, smallest>(x, index, steps, strands, strands);
  int64_t at = index[0] * strands;
  for (int64_t j = 1; j < strands; j++) {
    const int64_t other = index[j] * strands + j;
    const bool same = x[other] == x[at] || (x[other] != x[other] && x[at] != x[at]);
    if (better<T, smallest>(x[other], x[at]) || (same && other < at)) at = other;
  }
  for (int64_t k = steps * strands; k < n; k++) {
    if (better<T, smallest>(x[k], x[at])) at = k;
  }
  return int32_t(at);
}

template <class T, bool smallest> void search(const Call& call, const Argreduce& p) {
  const int64_t outer = p.outer, n = p.n, inner = p.inner;
  const T* x = call.buffer<const T>(0);
  int32_t* index = call.buffer<int32_t>(1);
  if (inner == 1) {
    forRanges(call, outer, n, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; i++) index[i] = row<T, smallest>(x + i * n, n);
    });
    return;
  }
  const int64_t stretches = (inner + kColumns - 1) / kColumns;
  forRanges(call, outer * stretches, n * kColumns, [&](int64_t begin, int64_t end, int) {
    for (int64_t task = begin; task < end; task++) {
      const int64_t i = task / stretches, first = task % stretches * kColumns;
      columns<T, smallest>(x + i * n * inner + first, index + i * inner + first, n, inner, std::min(kColumns, inner - first));
    }
  });
}

template <class T> void argreduce(const Call& call) {
  const Argreduce& p = call.params<Argreduce>();
  if (p.mode == 0) {
    search<T, false>(call, p);
  } else {
    search<T, true>(call, p);
  }
}

STEPPE_KERNEL("argreduce_f32", argreduce<float>);
STEPPE_KERNEL("argreduce_f64", argreduce<double>);
STEPPE_KERNEL("argreduce_i32", argreduce<int32_t>);
STEPPE_KERNEL("argreduce_u32", argreduce<uint32_t>);
STEPPE_KERNEL("argreduce_u8", argreduce<uint8_t>);
STEPPE_KERNEL("argreduce_bool", argreduce<uint8_t>);

}  // namespace
}  // namespace steppe::STEPPE_NS
