#pragma once
#include "kernels/attention/tangents.h"

namespace steppe::STEPPE_NS::attending {

// What one head's forward tangents read.
template <class T> struct TangentInputs {
  Rows<T> q, k, v;
  const T *lse, *mask;
  TangentRows<T> tq, tk, tv;

  void ask(const AttentionTangentParams& p, Ahead& ahead) const {
    for (const Rows<T>& rows : {k, v}) ahead.add(rows, p.keys, p.dim);
    ahead.add(q, p.queries, p.dim);
    for (int64_t t = 0; t < p.tangents; t++) {
      for (const TangentRows<T>& rows : {tk, tv}) askTangent(rows, t, p.keys, p.dim, ahead);
      askTangent(tq, t, p.queries, p.dim, ahead);
    }
  }
};

// One part of the queries of one head: o' = (P * (S' - rowsum(P * S'))) v + P v', all keys at once; P serves all tangents.
template <class T> class Tangent {
 public:
  Tangent(const AttentionTangentParams& p, const Ahead& ahead)
      : p_(p), ahead_(ahead), rows_(rowsOfBlock(p.keys)), width_(padded<T>(p.dim)), panels_(padded<T>(p.keys) * p.dim), stride_(padded<T>(p.keys)) {}

  size_t scratchBytes() const {
    const int64_t elements = (1 + p_.tangents) * (panels_ + p_.keys * width_) + rows_ * (2 * stride_ + width_ + 1);
    return size_t(elements) * sizeof(T) + (2 * p_.tangents + 8) * 64;
  }

  // rowsum(P * S') of tangent t goes to tlse + t * lseTangent.
  void run(const TangentInputs<T>& in, int64_t first, int64_t last, TangentOut<T> out, T* tlse, int64_t lseTangent, void* scratch) {
    Areas<T> areas{static_cast<T*>(scratch)};
    T *keyColumns = areas.take(panels_), *valueRows = areas.take(p_.keys * width_);
    T *tangentColumns = areas.take(p_.tangents * panels_), *tangentRows = areas.take(p_.tangents * p_.keys * width_);
    T *weights = areas.take(rows_ * stride_), *slopes = areas.take(rows_ * stride_), *sums = areas.take(rows_ * width_), *shifts = areas.take(rows_);
    const int64_t keys = p_.keys, dim = p_.dim, packed = keys - dotColumns<T>(keys, dim);
    const bool moves = in.tq || in.tk;
    packColumns(in.k.row(0), in.k.stride, dim, packed, keyColumns);
    const bool finite = packRows(in.v.row(0), in.v.stride, keys, dim, valueRows);
    for (int64_t t = 0; t < p_.tangents; t++) {
      if (in.tk) packColumns(in.tk.at(t).row(0), in.tk.stride, dim, packed, tangentColumns + t * panels_);
    }
    bool tangentsFinite = true;
    for (int64_t t = 0; in.tv && t < p_.tangents; t++) {
      tangentsFinite &= packRows(in.tv.at(t).row(0), in.tv.stride, keys, dim, tangentRows + t * keys * width_);
    }
    const Parts blocks = splitBy(last - first, rows_);
    for (int64_t block = 0; block < blocks.count; block++) {
      const int64_t i0 = first + blocks.edge(block), i1 = first + blocks.edge(block + 1), rows = i1 - i0;
      const Scores<T> scores{p_, in.mask, i0, i1, 0, keys, weights, stride_};
      rowProducts(rows, in.q.row(i0), in.q.stride, in.k.row(0), in.k.stride, keyColumns, dim, keys, weights, stride_, false, ahead_);
      const T factor = scores.finish();
      for (int64_t r = 0; r < rows; r++) weigh(scores.row(r), keys, factor, in.lse[i0 + r]);
      for (int64_t t = 0; t < p_.tangents; t++) {
        const OutRows<T> gather = gathered(out.at(t), i0, dim, sums, width_);
        std::fill_n(shifts, rows, T(0));
        if (moves) {
          if (in.tq)
            rowProducts(rows, in.tq.at(t).row(i0), in.tq.stride, in.k.row(0), in.k.stride, keyColumns, dim, keys, slopes, stride_, false, ahead_);
          if (in.tk) {
            const Rows<T> tk = in.tk.at(t);
            rowProducts(rows, in.q.row(i0), in.q.stride, tk.row(0), tk.stride, tangentColumns + t * panels_, dim, keys, slopes, stride_, bool(in.tq),
                        ahead_);
          }
          for (int64_t r = 0; r < rows; r++) shifts[r] = weighted(scores.row(r), slopes + r * stride_, keys);
          for (int64_t r = 0; r < rows; r++) subtract(scores.row(r), slopes + r * stride_, keys, shifts[r]);
          multiply(finite, rows, slopes, valueRows, gather, false);
        }
        if (in.tv) multiply(tangentsFinite, rows, weights, tangentRows + t * keys * width_, gather, moves);
        if (!moves && !in.tv) clearRows(gather, rows, dim);
        writeRows(gather, rows, dim, out.at(t), i0);
        std::copy_n(shifts, rows, tlse + t * lseTangent + i0);
      }
    }
  }

 private:
  // So many that a block of scores stays in cache.
  static int64_t rowsOfBlock(int64_t keys) { return std::clamp<int64_t>(16384 / std::max<int64_t>(1, keys), kTileRows, 128); }

  void multiply(bool finite, int64_t rows, const T* a, const T* panels, OutRows<T> c, bool add) {
    (finite ? product<T> : carefulProduct<T>)(rows, Strided<T>{a, stride_, 1}, panels, p_.keys, p_.dim, c.data, c.stride, add, ahead_);
  }

  // s' -> scale s'; rowsum(p * scale s'), where a key of weight zero adds nothing.
  T weighted(const T* p, T* s, int64_t columns) const {
    vec<T> sum{};
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> weight = load(p + j), slope = load(s + j) * T(p_.scale);
      store(s + j, slope);
      sum += select(weight == T(0), vec<T>{}, weight * slope);
    }
    return sumLanes(sum);
  }
  static void subtract(const T* p, T* s, int64_t columns, T shift) {
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> weight = load(p + j);
      store(s + j, select(weight == T(0), vec<T>{}, weight * (load(s + j) - shift)));
    }
  }

  const AttentionTangentParams& p_;
  Ahead ahead_;
  int64_t rows_, width_, panels_, stride_;
};

template <class T> void attentionTangent(const Call& call) {
  const auto& p = call.params<AttentionTangentParams>();
  const int64_t heads = int64_t(p.batch) * p.heads;
  const int64_t parts = partsOfHead(heads, ceilDiv(p.queries, 64));
  const Parts queries{p.queries, parts};
  const T *q = call.buffer<T>(0), *k = call.buffer<T>(1), *v = call.buffer<T>(2), *lse = call.buffer<T>(3);
  const T *tq = call.buffer<T>(4), *tk = call.buffer<T>(5), *tv = call.buffer<T>(6), *mask = call.buffer<T>(7);
  T *out = call.buffer<T>(8), *tlse = call.buffer<T>(9);
  if (p.queries == 0 || p.tangents == 0) return;
  const auto inputs = [&](int64_t head) {
    const int64_t b = head / p.heads, h = head % p.heads;
    return TangentInputs<T>{rowsOf(q, p.qView, b, h),
                            rowsOf(k, p.kView, b, h),
                            rowsOf(v, p.vView, b, h),
                            lse + head * p.queries,
                            maskOf(mask, p, b, h),
                            tangentRows(tq, p, kQueries, p.tqView, b, h),
                            tangentRows(tk, p, kKeys, p.tkView, b, h),
                            tangentRows(tv, p, kValues, p.tvView, b, h)};
  };
  (*call.parallel)(heads * parts, [&](int64_t task, int worker) {
    const int64_t head = task / parts, first = queries.edge(task % parts), last = queries.edge(task % parts + 1);
    const TangentOut<T> rows{outRows(out, p, p.queries, head / p.heads, head % p.heads), heads * p.queries * p.dim};
    Ahead ahead;
    if (parts == 1) {
      for (int64_t t = 0; t < p.tangents; t++) ahead.add(rows.at(t), p.queries, p.dim);
      if (const int64_t next = head + call.parallel->threads(); next < heads) inputs(next).ask(p, ahead);
    }
    Tangent<T> tangent(p, ahead);
    void* scratch = call.parallel->scratch(worker, tangent.scratchBytes());
    tangent.run(inputs(head), first, last, rows, tlse + head * p.queries, heads * p.queries, scratch);
  });
}

}  // namespace steppe::STEPPE_NS::attending
