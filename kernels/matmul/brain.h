// A batched matrix product of bf16 factors, summed in f32. The factors are packed: as pairs along the depth for the CPU's own bf16 dot
// products (AVX-512-BF16), else widened to f32. Pairs of a are read in place where its rows are contiguous.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#if STEPPE_LEVEL == 2
#include <immintrin.h>
#endif

#include "kernels/matmul/finish.h"
#include "kernels/matmul/gemm.h"
#include "kernels/shared/half.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {

using Brain = uint16_t;

// Rows of a: element l of row r is at data + r * row + l * step, in bytes.
struct Rows {
  const void* data;
  int64_t row, step;
};

// What a factor is packed into: `kTerms` of its numbers in one element. multiply() is a tile of `rows` by one or two vectors.
struct Widened {
  using Element = float;
  static constexpr int kTerms = 1;
  static Element join(Brain first, Brain) { return __builtin_bit_cast(float, uint32_t{first} << 16); }
  static void multiply(int rows, int vectors, int64_t length, const Rows& a, const Element* b, float* c, int64_t cRow, bool add) {
    const int width = vectors * kLanes<float>;
    Tile<float>(rows, vectors)({1, length, 1, rows, 0, width, 0}, static_cast<const float*>(a.data), b, c, cRow, width, add);
  }
};

#if STEPPE_LEVEL == 2
struct Pairs {
  using Element = uint32_t;
  static constexpr int kTerms = 2;
  static Element join(Brain first, Brain second) { return uint32_t{first} | uint32_t{second} << 16; }

  template <int R, int V>
  __attribute__((target("avx512bf16"))) static void tile(int64_t length, const Rows& a, const Element* b, float* c, int64_t cRow, bool add) {
    __m512 sum[R][V] = {};
    const char* at = static_cast<const char*>(a.data);
    const int64_t row = a.row, step = a.step;
    for (int64_t l = 0; l < length; l++, at += step, b += V * 16) {
      __m512bh right[V];
      for (int v = 0; v < V; v++) right[v] = __m512bh(_mm512_loadu_si512(b + 16 * v));
#pragma GCC unroll 16
      for (int r = 0; r < R; r++) {
        const __m512bh left = __m512bh(_mm512_set1_epi32(loadAs<int32_t>(at + r * row)));
        for (int v = 0; v < V; v++) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], left, right[v]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      for (int v = 0; v < V; v++) {
        float* const to = c + r * cRow + 16 * v;
        _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), sum[r][v]) : sum[r][v]);
      }
    }
  }
  static void multiply(int rows, int vectors, int64_t length, const Rows& a, const Element* b, float* c, int64_t cRow, bool add) {
    using Run = void (*)(int64_t, const Rows&, const Element*, float*, int64_t, bool);
    static constexpr auto table = []<int... I>(std::integer_sequence<int, I...>) {
      return std::array<Run, sizeof...(I)>{tile<I / 2 + 1, I % 2 + 1>...};
    }
    (std::make_integer_sequence<int, 2 * kTileRows>{});
    table[2 * (rows - 1) + vectors - 1](length, a, b, c, cRow, add);
  }
};
#endif

// to[l][i] = the numbers [begin + l * kTerms, ...) of lane first + i, for so many terms; what is missing is 0.
template <class Pack>
void packTerms(typename Pack::Element* to, int width, const Factor<Brain>& factor, int64_t first, int count, int64_t begin, int64_t terms) {
  static constexpr Brain zero[1] = {};
  for (int64_t l = 0; l < terms; l += Pack::kTerms, to += width) {
    const bool both = Pack::kTerms == 2 && l + 1 < terms;
    const Brain *const low = factor.at(first, begin + l), *const high = both ? factor.at(first, begin + l + 1) : zero;
    const int64_t lane = factor.lane, highLane = both ? lane : 0;
    if (lane == 1 && highLane == (Pack::kTerms == 2 ? 1 : 0)) {
      for (int i = 0; i < count; i++) to[i] = Pack::join(low[i], high[Pack::kTerms == 2 ? i : 0]);
    } else {
      for (int i = 0; i < count; i++) to[i] = Pack::join(low[i * lane], high[i * highLane]);
    }
    std::fill_n(to + count, width - count, typename Pack::Element(0));
  }
}

template <class Pack> class BrainGemm {
 public:
  // `y` may be null.
  BrainGemm(const Product<Brain>& product, Brain* y, Parallel& parallel, const Finish<float>& finish)
      : p(product), y(y), parallel(parallel), finish(finish) {}

  void run() {
    const int64_t rowBlocks = ceilDiv(p.m, rows), columnBlocks = ceilDiv(p.n, columns);
    if (isShared) packShared();
    parallel(p.batches * rowBlocks * columnBlocks, [&](int64_t task, int worker) {
      const int64_t i = task % rowBlocks * rows, j = task / rowBlocks % columnBlocks * columns;
      block(task / (rowBlocks * columnBlocks), i, std::min(rows, p.m - i), j, std::min(columns, p.n - j), worker);
    });
  }

 private:
  using Element = typename Pack::Element;
  static constexpr int64_t L = kLanes<float>, panel = kTileColumns<float>, kDeep = 512 * Pack::kTerms;

  const Product<Brain>& p;
  Brain* const y;
  Parallel& parallel;
  const Finish<float>& finish;
  const int64_t rows = evenPart(p.m, 96, 1), columns = evenPart(p.n, 384, panel);  // of a block
  const bool isShared = p.batches == 1 && p.m > rows;
  Element* panels = nullptr;  // all of b: for each block of depth, its panels one after the other

  static int64_t steps(int64_t terms) { return ceilDiv(terms, Pack::kTerms); }
  static int vectors(int64_t width) { return int(ceilDiv(std::min(width, panel), L)); }
  static int64_t whole(int64_t width) { return ceilDiv(width, L) * L; }

  void packPanel(Element* to, const Factor<Brain>& b, int64_t j, int64_t width, int64_t k, int64_t terms) const {
    packTerms<Pack>(to, vectors(width) * int(L), b, j, int(std::min(width, panel)), k, terms);
  }
  void packShared() {
    const int64_t count = ceilDiv(p.n, panel);
    panels = static_cast<Element*>(parallel.shared(size_t(whole(p.n) * steps(p.depth)) * sizeof(Element)));
    parallel(ceilDiv(p.depth, kDeep) * count, [&](int64_t task, int) {
      const int64_t k = task / count * kDeep, j = task % count * panel, terms = std::min(kDeep, p.depth - k);
      packPanel(panels + steps(k) * whole(p.n) + j * steps(terms), p.b, j, p.n - j, k, terms);
    });
  }

  // Rows [i, i + height), columns [j, j + width) of one entry of the batch.
  void block(int64_t entry, int64_t i, int64_t height, int64_t j, int64_t width, int worker) const {
    const auto [a, b] = p.entry(entry);
    const int64_t longest = steps(std::min(kDeep, p.depth)), wide = whole(width), strips = ceilDiv(height, kTileRows);
    const bool direct = Pack::kTerms == 2 && a.depth == 1 && a.inner == p.depth && p.depth % 2 == 0;
    const int64_t elements = kTileRows * longest + (isShared ? 0 : wide * longest);
    char* const scratch = static_cast<char*>(parallel.scratch(worker, finish.scratchBytes() + size_t(elements + height * wide) * sizeof(float)));
    Element* const packedA = reinterpret_cast<Element*>(scratch + finish.scratchBytes());
    Element* const packedB = packedA + kTileRows * longest;
    float* const c = reinterpret_cast<float*>(packedA + elements);
    for (int64_t k = 0; k < p.depth || k == 0; k += kDeep) {
      const int64_t terms = std::min(kDeep, p.depth - k), length = steps(terms);
      const Element* const right = isShared ? panels + steps(k) * whole(p.n) + j * length : packedB;
      for (int64_t at = 0; at < width && !isShared; at += panel) packPanel(packedB + at * length, b, j + at, width - at, k, terms);
      for (int64_t s = 0; s < strips; s++) {
        const int64_t first = height * s / strips;
        const int count = int(height * (s + 1) / strips - first);
        const Rows left = direct ? Rows{a.at(i + first, k), a.lane * int64_t(sizeof(Brain)), sizeof(Element)}
                                 : Rows{packedA, sizeof(Element), count * int64_t(sizeof(Element))};
        if (!direct) packTerms<Pack>(packedA, count, a, i + first, count, k, terms);
        for (int64_t at = 0; at < width; at += panel)
          Pack::multiply(count, vectors(width - at), length, left, right + at * length, c + first * wide + at, wide, k > 0);
      }
    }
    const int64_t row = entry * p.m + i;
    for (int64_t r = 0; r < height && y; r++) round(c + r * wide, y + (row + r) * p.n + j, width);
    finish(row, height, j, width, c, wide, scratch);
  }

  static void round(const float* from, Brain* to, int64_t count) {
    constexpr int N = kLanes<float>;
    int64_t i = 0;
    for (; i + N <= count; i += N) storeAs(to + i, toBrain<N>(loadAs<vecn<float, N>>(from + i)));
    for (; i < count; i++) to[i] = toBrain<1>(vecn<float, 1>{from[i]})[0];
  }
};

inline void multiplyBrain(const Product<Brain>& p, Brain* y, Parallel& parallel, const Finish<float>& finish) {
#if STEPPE_LEVEL == 2
  if (__builtin_cpu_supports("avx512bf16")) return BrainGemm<Pairs>(p, y, parallel, finish).run();
#endif
  BrainGemm<Widened>(p, y, parallel, finish).run();
}

}  // namespace steppe::STEPPE_NS
