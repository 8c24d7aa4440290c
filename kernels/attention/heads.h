// What forward and backward share: the parameters, the rows of one head, and the scores of a block.
#pragma once
#include <algorithm>

#include "kernels/attention/tile.h"
#include "kernels/attention/weights.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS::attending {

struct HeadView {
  int32_t offset, batch, head, token;
};
struct MaskView {
  int32_t offset, batch, head, query, key;
};
struct AttentionParams {
  double scale;
  uint32_t batch, heads, queries, keys, dim, causal, masked;
  HeadView qView, kView, vView;
  MaskView maskView;
};

// The rows of one head.
template <class T> struct Rows {
  const T* data;
  int64_t stride;
  const T* row(int64_t i) const { return data + i * stride; }
};
template <class T> Rows<T> rowsOf(const T* data, const HeadView& view, int64_t b, int64_t h) {
  return {data + view.offset + b * view.batch + h * view.head, view.token};
}

// Where a head's rows go.
template <class T> struct OutRows {
  T* data;
  int64_t stride;
  T* row(int64_t i) const { return data + i * stride; }
};
template <class T> OutRows<T> outRows(T* data, const HeadView& view, int64_t b, int64_t h) {
  return {data + view.offset + b * view.batch + h * view.head, view.token};
}
// The same of a contiguous [batch, tokens, heads, dim].
template <class T> OutRows<T> outRows(T* data, const AttentionParams& p, int64_t tokens, int64_t b, int64_t h) {
  const int64_t stride = int64_t(p.heads) * p.dim;
  return {data + b * tokens * stride + h * p.dim, stride};
}

// `count` nearly equal parts of n; part i is [edge(i), edge(i + 1)).
struct Parts {
  int64_t n, count;
  int64_t edge(int64_t i) const { return n * i / count; }
};
inline Parts splitBy(int64_t n, int64_t largest) { return {n, std::max<int64_t>(1, ceilDiv(n, largest))}; }

// Work of one head is cut into this many parts when there are few heads, whatever the number of threads.
inline int64_t partsOfHead(int64_t heads, int64_t blocks) {
  constexpr int64_t enough = 16;
  return std::clamp<int64_t>(ceilDiv(enough, std::max<int64_t>(1, heads)), 1, std::max<int64_t>(1, blocks));
}

// Scores of queries [i0, i1) and keys [j0, j1), in rows of `stride`, a multiple of a vector.
template <class T> struct Scores {
  const AttentionParams& p;
  const T* mask;  // of this head, or null
  int64_t i0, i1, j0, j1;
  T* data;
  int64_t stride;

  int64_t rows() const { return i1 - i0; }
  int64_t columns() const { return j1 - j0; }
  T* row(int64_t r) const { return data + r * stride; }
  // One past the last key that query i sees.
  static int64_t limit(const AttentionParams& p, int64_t i) {
    const int64_t keys = p.keys, queries = p.queries;
    return p.causal ? std::clamp<int64_t>(i + keys - queries + 1, 0, keys) : keys;
  }

  // Turns q k^T into scale q k^T + mask, -inf where a key is hidden; returns the factor that is still to be applied.
  T finish() const {
    const T scale = T(p.scale);
    if (!mask && !p.causal) return scale;
    for (int64_t r = 0; r < rows(); r++) {
      const int64_t i = i0 + r, seen = std::clamp<int64_t>(limit(p, i) - j0, 0, columns());
      T* s = row(r);
      const T* m = mask ? mask + i * p.maskView.query + j0 * p.maskView.key : nullptr;
      for (int64_t j = 0; j < seen; j++) {
        const T added = m ? m[j * p.maskView.key] : T(0);
        s[j] = added == kHidden<T> ? kHidden<T> : scale * s[j] + added;
      }
      std::fill(s + seen, s + columns(), kHidden<T>);
    }
    return T(1);
  }
};

template <class T> const T* maskOf(const T* data, const AttentionParams& p, int64_t b, int64_t h) {
  return p.masked ? data + p.maskView.offset + b * p.maskView.batch + h * p.maskView.head : nullptr;
}

// Where sums of products gather: in rows of a tensor if whole vectors fill them, else in scratch, `width` a row.
template <class T> OutRows<T> gathered(OutRows<T> rows, int64_t first, int64_t dim, T* scratch, int64_t width) {
  if (dim % kLanes<T> == 0) return {rows.row(first), rows.stride};
  return {scratch, width};
}
template <class T> void clearRows(OutRows<T> rows, int64_t count, int64_t dim) {
  for (int64_t r = 0; r < count; r++) std::fill_n(rows.row(r), dim, T(0));
}

template <class T> void scaleRow(const T* from, int64_t dim, T factor, T* to) {
  int64_t d = 0;
  for (; d + kLanes<T> <= dim; d += kLanes<T>) store(to + d, load(from + d) * factor);
  for (; d < dim; d++) to[d] = from[d] * factor;
}
template <class T> void writeRows(OutRows<T> from, int64_t rows, int64_t dim, OutRows<T> to, int64_t first) {
  if (from.data == to.row(first)) return;
  for (int64_t r = 0; r < rows; r++) std::copy_n(from.row(r), dim, to.row(first + r));
}

// Rows of scratch memory, cut from one area.
template <class T> struct Areas {
  T* next;
  T* take(int64_t elements) {
    T* area = next;
    next += ceilDiv(elements * int64_t(sizeof(T)), 64) * 64 / int64_t(sizeof(T));
    return area;
  }
};

}  // namespace steppe::STEPPE_NS::attending
