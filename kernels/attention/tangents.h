// What the tangents of forward and backward share: K directions at once, of which some operands may not move.
#pragma once
#include "kernels/attention/heads.h"

namespace steppe::STEPPE_NS::attending {

// [tangents, batch, heads, tokens, dim].
struct TangentView {
  int32_t offset, tangent, batch, head, token;
};
// params: attention_tangent
struct AttentionTangentParams : AttentionParams {
  uint32_t tangents, given;
  TangentView tqView, tkView, tvView;
};
// Bits of `given`: which tangents are there; the others are zero, and their buffers are not read.
constexpr uint32_t kQueries = 1, kKeys = 2, kValues = 4, kOutputs = 8, kLse = 16, kCotangents = 32;

// One operand's tangents for one head.
template <class T> struct TangentRows {
  const T* data;  // null: zero
  int64_t tangent, stride;
  explicit operator bool() const { return data != nullptr; }
  Rows<T> at(int64_t t) const { return {data + t * tangent, stride}; }
};
template <class T>
TangentRows<T> tangentRows(const T* data, const AttentionTangentParams& p, uint32_t bit, const TangentView& view, int64_t b, int64_t h) {
  if (!(p.given & bit)) return {nullptr, 0, 0};
  return {data + view.offset + b * view.batch + h * view.head, view.tangent, view.token};
}
template <class T> void askTangent(TangentRows<T> rows, int64_t t, int64_t count, int64_t dim, Ahead& ahead) {
  if (rows) ahead.add(rows.at(t), count, dim);
}
// The same of a contiguous [tangents, batch, tokens, heads, dim].
template <class T> TangentRows<T> outTangentRows(const T* data, const AttentionTangentParams& p, uint32_t bit, int64_t tokens, int64_t b, int64_t h) {
  const int64_t token = int64_t(p.heads) * p.dim, batch = tokens * token;
  if (!(p.given & bit)) return {nullptr, 0, 0};
  return {data + b * batch + h * p.dim, p.batch * batch, token};
}

// Where one head's results go; tangent t of each is `tangent` further.
template <class T> struct TangentOut {
  OutRows<T> rows;
  int64_t tangent;
  OutRows<T> at(int64_t t) const { return {rows.data + t * tangent, rows.stride}; }
};
template <class T> TangentOut<T> tangentOut(T* data, const TangentView& view, int64_t b, int64_t h) {
  return {{data + view.offset + b * view.batch + h * view.head, view.token}, view.tangent};
}

// The lanes of the vector at j that hold one of `columns` numbers.
template <class T> STEPPE_INLINE mask<T> within(int64_t j, int64_t columns) {
  mask<T> lane{};
  for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
  return lane < int(std::min<int64_t>(columns - j, kLanes<T>));
}

// s -> p = exp(s * factor - lse) in a row that is zero behind its columns.
template <class T> STEPPE_INLINE void weigh(T* s, int64_t columns, T factor, T lse) {
  const Weigher<T> weigher(factor, lse);
  int64_t j = 0;
  for (; j + kLanes<T> <= columns; j += kLanes<T>) store(s + j, weigher(load(s + j)));
  if (j < columns) store(s + j, select(within<T>(j, columns), weigher(load(s + j)), vec<T>{}));
}

}  // namespace steppe::STEPPE_NS::attending
