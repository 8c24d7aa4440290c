// Panels: strips of a factor in the order in which the register tile reads them.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

// Elements of a cache line.
template <class T> constexpr int64_t kLine = 64 / sizeof(T);

// A factor seen along its lanes (rows of a, columns of b) and its depth, the summed axis of outer * inner elements.
template <class T> struct Factor {
  const T* data;
  int64_t lane, depth, outer;  // strides
  int64_t inner;               // length of one run of the depth

  const T* at(int64_t lanes, int64_t l) const { return data + lanes * lane + l / inner * outer + l % inner * depth; }
};

// The transpose of 4 x 4 elements: to[l * width + i] = from[i * lane + l].
template <class T> STEPPE_INLINE void transpose4(T* to, int64_t width, const T* from, int64_t lane) {
  using Four = vecn<T, 4>;
  const Four r0 = loadAs<Four>(from), r1 = loadAs<Four>(from + lane), r2 = loadAs<Four>(from + 2 * lane), r3 = loadAs<Four>(from + 3 * lane);
  const Four a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), b = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
  const Four c = __builtin_shufflevector(r0, r1, 2, 6, 3, 7), d = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
  storeAs(to, __builtin_shufflevector(a, b, 0, 1, 4, 5));
  storeAs(to + width, __builtin_shufflevector(a, b, 2, 3, 6, 7));
  storeAs(to + 2 * width, __builtin_shufflevector(c, d, 0, 1, 4, 5));
  storeAs(to + 3 * width, __builtin_shufflevector(c, d, 2, 3, 6, 7));
}

// to[l * width + i] = from[i * lane + l * depth] for l < length, i < count. What lies `ahead` of it is read soon.
template <class T> void packRun(T* to, int64_t width, int count, const T* from, int64_t lane, int64_t depth, int64_t length, int64_t ahead) {
  if (lane == 1) {
    for (int64_t l = 0; l < length; l++, to += width, from += depth) {
      int i = 0;
      for (; i + 8 <= count; i += 8) storeAs(to + i, loadAs<vecn<T, 8>>(from + i));
      if (i + 4 <= count) storeAs(to + i, loadAs<vecn<T, 4>>(from + i)), i += 4;
      for (; i < count; i++) to[i] = from[i];
    }
    return;
  }
  int64_t done = 0;
  if (depth == 1) {
    done = length & ~int64_t{3};
    const int whole = count & ~3;
    for (int64_t l = 0; l < done; l += 4) {
      if (l % kLine<T> == 0) {
        for (int i = 0; i < count; i++) __builtin_prefetch(from + i * lane + l + ahead);
      }
      for (int i = 0; i < whole; i += 4) transpose4(to + l * width + i, width, from + i * lane + l, lane);
    }
    for (int i = whole; i < count; i++) {
      for (int64_t l = 0; l < done; l++) to[l * width + i] = from[i * lane + l];
    }
  }
  for (int64_t l = done; l < length; l++) {
    for (int i = 0; i < count; i++) to[l * width + i] = from[i * lane + l * depth];
  }
}

// to[l * width + i] = the factor at lane `first + i`, depth `begin + l`; lanes from `count` to `width` are 0.
template <class T> void pack(T* to, int width, const Factor<T>& factor, int64_t first, int count, int64_t begin, int64_t length) {
  if (count < width) std::fill_n(to, width * length, T(0));
  for (int64_t done = 0; done < length;) {
    const int64_t run = std::min(length - done, factor.inner - (begin + done) % factor.inner);
    packRun(to + done * width, width, count, factor.at(first, begin + done), factor.lane, factor.depth, run,
            run < length ? factor.outer : 4 * kLine<T>);
    done += run;
  }
}

// count elements, of which vectors may be copied twice but nothing beyond them.
template <class T> STEPPE_INLINE void copyLanes(T* to, const T* from, int64_t count) {
  constexpr int L = kLanes<T>;
  if (count < 4) {
    for (int64_t i = 0; i < count; i++) to[i] = from[i];
    return;
  }
  const auto ends = [&]<int N>(std::integral_constant<int, N>) {
    int64_t i = 0;
    for (; i + N <= count; i += N) storeAs(to + i, loadAs<vecn<T, N>>(from + i));
    if (i < count) storeAs(to + count - N, loadAs<vecn<T, N>>(from + count - N));
  };
  if (count >= L) ends(std::integral_constant<int, L>{});
  else if (count >= 8) ends(std::integral_constant<int, 8>{});
  else ends(std::integral_constant<int, 4>{});
}

// Of one block: 768 columns of doubles in panels of 4.
constexpr int64_t kMostStrips = 192;

// All strips of a factor whose lane is 1 in one pass along the depth, so that memory is read in order. Strip s holds the lanes from
// edge(s) to edge(s + 1), padded with zeros to width(lanes), and begins at to + edge(s) * length.
template <class T, class E, class W>
void packStrips(T* to, int64_t strips, E&& edge, W&& widthOf, const Factor<T>& factor, int64_t first, int64_t begin, int64_t length) {
  struct Strip {
    int64_t at, count, width;
  };
  std::array<Strip, kMostStrips> all;
  for (int64_t s = 0; s < strips; s++) all[s] = {edge(s), edge(s + 1) - edge(s), widthOf(edge(s + 1) - edge(s))};
  const int64_t lanes = edge(strips);
  for (int64_t done = 0; done < length;) {
    const int64_t run = std::min(length - done, factor.inner - (begin + done) % factor.inner);
    const T* from = factor.at(first, begin + done);
    for (int64_t l = done; l < done + run; l++, from += factor.depth) {
      for (int64_t e = 0; e < lanes; e += kLine<T>) __builtin_prefetch(from + 4 * factor.depth + e);
      for (int64_t s = 0; s < strips; s++) {
        const auto [at, count, width] = all[s];
        T* const strip = to + at * length + l * width;
        copyLanes(strip, from + at, count);
        for (int64_t i = count; i < width; i++) strip[i] = T(0);
      }
    }
    done += run;
  }
}

}  // namespace steppe::STEPPE_NS
