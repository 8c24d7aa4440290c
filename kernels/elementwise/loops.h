// The loops that instructions of a chain run: arithmetic over blocks, and memory to and from blocks.
#pragma once
#include "kernels/elementwise/stream.h"
#include "kernels/shared/chain.h"
#include "kernels/shared/half.h"
#include "kernels/shared/math.h"

namespace steppe::STEPPE_NS {

// d = f(a, b, c), all T. Operands that f does not take are not read.
template <class T, auto f> void map(void* d, const void* a, const void* b, const void* c, int64_t n) {
  using V = vec<T>;
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b), *z = static_cast<const T*>(c);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    if constexpr (std::is_invocable_v<decltype(f), V>) {
      store(static_cast<T*>(d) + i, f(load(x + i)));
    } else if constexpr (std::is_invocable_v<decltype(f), V, V>) {
      store(static_cast<T*>(d) + i, f(load(x + i), load(y + i)));
    } else {
      store(static_cast<T*>(d) + i, f(load(x + i), load(y + i), load(z + i)));
    }
  }
}
// d = 1 where the mask f(a, b) is set, else 0; d is i32.
template <class T, auto f> void test(void* d, const void* a, const void* b, const void*, int64_t n) {
  using V = vec<T>;
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    mask<T> m;
    if constexpr (std::is_invocable_v<decltype(f), V>) {
      m = f(load(x + i));
    } else {
      m = f(load(x + i), load(y + i));
    }
    storeAs(static_cast<int32_t*>(d) + i, convert<int32_t>(m & 1));
  }
}
// d = f(a != 0, b, c); a is i32.
template <class T, auto f> void choose(void* d, const void* a, const void* b, const void* c, int64_t n) {
  using Lane = LaneOf<mask<T>>;
  const T *yes = static_cast<const T*>(b), *no = static_cast<const T*>(c);
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const auto on = convert<Lane>(loadAs<vecn<int32_t, kLanes<T>>>(static_cast<const int32_t*>(a) + i)) != 0;
    store(static_cast<T*>(d) + i, f(on, load(yes + i), load(no + i)));
  }
}

// Numbers to integers: truncated, then modulo 2^32; what is not finite gives 0.
inline int32_t wrapToInteger(double x) {
  if (!(__builtin_fabs(x) < 9223372036854775808.0)) return 0;
  return int32_t(uint32_t(uint64_t(int64_t(x))));
}
template <class T, int N> STEPPE_INLINE vecn<int32_t, N> toInteger(vecn<T, N> x) {
  if constexpr (T(0.5) == T(0)) {
    return __builtin_convertvector(x, vecn<int32_t, N>);
  } else {
    const auto out = !(abs(x) < T(2147483648));
    const auto inside = out ? vecn<T, N>{} : x;
    auto y = __builtin_convertvector(inside, vecn<int32_t, N>);
    if (__builtin_expect(any(out), 0)) {
      for (int i = 0; i < N; i++) y[i] = out[i] ? wrapToInteger(x[i]) : y[i];
    }
    return y;
  }
}

// What a register of T holds after it is rounded to dtype `to`, as a register of that dtype.
template <class T, DType to> STEPPE_INLINE auto castTo(vec<T> x) {
  constexpr int N = kLanes<T>;
  if constexpr (to == DType::f64) {
    return convert<double>(x);
  } else if constexpr (to == DType::f32) {
    return convert<float>(x);
  } else if constexpr (to == DType::f16) {
    return fromHalf<N>(toHalf<N>(convert<float>(x)));
  } else if constexpr (to == DType::bf16) {
    return fromBrain<N>(toBrain<N>(convert<float>(x)));
  } else if constexpr (to == DType::boolean) {
    return convert<int32_t>((x != 0) & 1);
  } else if constexpr (to == DType::u8) {
    return toInteger<T, N>(x) & 255;
  } else if constexpr (to == DType::u32) {
    return bitsAs<vecn<uint32_t, N>>(toInteger<T, N>(x));
  } else {
    return toInteger<T, N>(x);
  }
}
template <class T, DType to> void castLoop(void* d, const void* a, const void*, const void*, int64_t n) {
  for (int64_t i = 0; i < n; i += kLanes<T>) {
    const auto y = castTo<T, to>(load(static_cast<const T*>(a) + i));
    storeAs(static_cast<LaneOf<std::remove_cvref_t<decltype(y)>>*>(d) + i, y);
  }
}
#define STEPPE_CASTS(T)                                                                                                           \
  {                                                                                                                               \
    castLoop<T, DType::f64>, castLoop<T, DType::f32>, castLoop<T, DType::f16>, castLoop<T, DType::bf16>, castLoop<T, DType::i32>, \
        castLoop<T, DType::u32>, castLoop<T, DType::u8>, castLoop<T, DType::boolean>                                              \
  }
const Loop cast_loops[4][8] = {STEPPE_CASTS(float), STEPPE_CASTS(double), STEPPE_CASTS(int32_t), STEPPE_CASTS(uint32_t)};
#undef STEPPE_CASTS

// Memory of M as registers of R hold it: N at a time, and one.
template <DType type, int N, class R, class M> STEPPE_INLINE vecn<R, N> widen(const M* from) {
  const auto x = loadAs<vecn<M, N>>(from);
  if constexpr (type == DType::f16) {
    return fromHalf<N>(x);
  } else if constexpr (type == DType::bf16) {
    return fromBrain<N>(x);
  } else {
    return __builtin_convertvector(x, vecn<R, N>);
  }
}
template <DType type, class R, class M> void widenRow(R* d, const M* from, int64_t n) {
  constexpr int N = kLanes<R>;
  int64_t i = 0;
  for (; i + N <= n; i += N) storeAs(d + i, widen<type, N, R>(from + i));
  if (i == n) return;
  M rest[N] = {};
  __builtin_memcpy(rest, from + i, size_t(n - i) * sizeof(M));
  const auto x = widen<type, N, R>(rest);
  __builtin_memcpy(d + i, &x, size_t(n - i) * sizeof(R));
}
template <DType type, class R, class M>
void loader(void* d, const void* memory, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  R* to = static_cast<R*>(d);
  const M* from = static_cast<const M*>(memory);
  if (column_stride == 1 && (row_stride == columns || rows == 1)) return widenRow<type>(to, from, rows * columns);
  if (column_stride == 1 && row_stride == 0) {
    widenRow<type>(to, from, columns);
    // What is there is repeated, twice as much each time.
    for (int64_t done = columns, all = rows * columns; done < all; done *= 2) {
      __builtin_memcpy(to + done, to, size_t(std::min(done, all - done)) * sizeof(R));
    }
  } else if (column_stride == 1) {
    for (int64_t r = 0; r < rows; r++) widenRow<type>(to + r * columns, from + r * row_stride, columns);
  } else if (column_stride == 0) {
    for (int64_t r = 0; r < rows; r++) std::fill_n(to + r * columns, columns, widen<type, 1, R>(from + r * row_stride)[0]);
  } else if (row_stride == 1 && rows > 1) {
    for (int64_t c = 0; c < columns; c++) {
      for (int64_t r = 0; r < rows; r++) to[r * columns + c] = widen<type, 1, R>(from + r + c * column_stride)[0];
    }
  } else {
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t c = 0; c < columns; c++) to[r * columns + c] = widen<type, 1, R>(from + r * row_stride + c * column_stride)[0];
    }
  }
}
const Loader loaders[8] = {loader<DType::f64, double, double>,   loader<DType::f32, float, float>,        loader<DType::f16, float, uint16_t>,
                           loader<DType::bf16, float, uint16_t>, loader<DType::i32, int32_t, int32_t>,    loader<DType::u32, uint32_t, uint32_t>,
                           loader<DType::u8, int32_t, uint8_t>,  loader<DType::boolean, int32_t, uint8_t>};

template <DType type, int N, class R> STEPPE_INLINE auto narrow(vecn<R, N> x) {
  if constexpr (type == DType::f16) {
    return toHalf<N>(x);
  } else if constexpr (type == DType::bf16) {
    return toBrain<N>(x);
  } else if constexpr (type == DType::u8) {
    return __builtin_convertvector(x, vecn<uint8_t, N>);
  } else if constexpr (type == DType::boolean) {
    return __builtin_convertvector((x != 0) & 1, vecn<uint8_t, N>);
  } else {
    return x;
  }
}
template <DType type, class R, class M> void narrowRow(M* to, const R* from, int64_t n) {
  constexpr int N = kLanes<R>;
  int64_t i = 0;
  for (; i + N <= n; i += N) storeAs(to + i, narrow<type, N, R>(load(from + i)));
  if (i == n) return;
  const auto x = narrow<type, N, R>(loadPartial(from + i, int(n - i)));
  __builtin_memcpy(to + i, &x, size_t(n - i) * sizeof(M));
}
template <DType type, class R, class M> void storer(void* memory, const void* block, int64_t rows, int64_t columns, int64_t row_stride) {
  M* to = static_cast<M*>(memory);
  const R* from = static_cast<const R*>(block);
  if (rows == 1 || row_stride == columns) return narrowRow<type>(to, from, rows * columns);
  for (int64_t r = 0; r < rows; r++) narrowRow<type>(to + r * row_stride, from + r * columns, columns);
}
const Storer storers[8] = {storer<DType::f64, double, double>,   storer<DType::f32, float, float>,        storer<DType::f16, float, uint16_t>,
                           storer<DType::bf16, float, uint16_t>, storer<DType::i32, int32_t, int32_t>,    storer<DType::u32, uint32_t, uint32_t>,
                           storer<DType::u8, int32_t, uint8_t>,  storer<DType::boolean, int32_t, uint8_t>};

// Of 4 bytes an element.
inline void streamer(void* memory, const void* block, int64_t rows, int64_t columns, int64_t row_stride) {
  char* to = static_cast<char*>(memory);
  const char* from = static_cast<const char*>(block);
  if (rows == 1 || row_stride == columns) return streamBytes(to, from, 4 * rows * columns);
  for (int64_t r = 0; r < rows; r++) streamBytes(to + 4 * r * row_stride, from + 4 * r * columns, 4 * columns);
}
const Storer streamers[8] = {storer<DType::f64, double, double>,
                             streamer,
                             storer<DType::f16, float, uint16_t>,
                             storer<DType::bf16, float, uint16_t>,
                             streamer,
                             streamer,
                             storer<DType::u8, int32_t, uint8_t>,
                             storer<DType::boolean, int32_t, uint8_t>};

}  // namespace steppe::STEPPE_NS
