// Values as unsigned keys in the same order, NaN above all others; -0 and 0 are equal.
#pragma once
#include <cstdint>
#include <type_traits>

namespace steppe::STEPPE_NS {

template <class T> using Key = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T> inline Key<T> orderKey(T x) {
  using K = Key<T>;
  constexpr K top = K(1) << (8 * sizeof(K) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return ~K(0);
    const K bits = __builtin_bit_cast(K, x == 0 ? T(0) : x);
    return bits & top ? ~bits : bits | top;
  } else if constexpr (std::is_signed_v<T>) {
    return K(x) ^ top;
  } else {
    return x;
  }
}

// A key and where it stood; of equal keys the one that stood first is less.
template <class T> struct Entry {
  Key<T> key;
  uint32_t index;
  bool operator<(const Entry& other) const { return key < other.key || (key == other.key && index < other.index); }
};

}  // namespace steppe::STEPPE_NS
