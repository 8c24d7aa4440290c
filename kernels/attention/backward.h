#pragma once
#include "kernels/attention/heads.h"

namespace steppe::STEPPE_NS::attending {

// params: attention_backward
struct AttentionBackwardParams : AttentionParams {
  HeadView doView, oView, dqView, dkView, dvView;
  uint32_t joined;  // dq, dk and dv lie in one buffer, that of dq
};

// What one head's backward pass reads.
template <class T> struct HeadInputs {
  Rows<T> q, k, v, o, ct;
  const T *lse, *mask;

  void ask(const AttentionParams& p, Ahead& ahead) const {
    for (const Rows<T>& rows : {k, v}) ahead.add(rows, p.keys, p.dim);
    for (const Rows<T>& rows : {ct, q, o}) ahead.add(rows, p.queries, p.dim);
  }
};

// One part of the keys of one head: gradients of its keys and values, and its share of the queries' gradients.
template <class T> class Backward {
 public:
  static constexpr int64_t kRows = 128, kKeys = 128;

  Backward(const AttentionParams& p, const Ahead& ahead)
      : p_(p), ahead_(ahead), width_(padded<T>(p.dim)), rows_(std::min<int64_t>(p.queries, kRows)), keys_(std::min<int64_t>(p.keys, kKeys)) {}

  size_t scratchBytes() const {
    const int64_t elements = 2 * padded<T>(keys_) * (p_.dim + rows_) + 3 * keys_ * width_ + 2 * rows_ * width_ + p_.queries * (width_ + 1);
    return size_t(elements) * sizeof(T) + 11 * 64;
  }

  void run(const HeadInputs<T>& in, int64_t first, int64_t last, OutRows<T> dq, OutRows<T> dk, OutRows<T> dv, void* scratch) {
    Areas<T> areas{static_cast<T*>(scratch)};
    keyColumns_ = areas.take(padded<T>(keys_) * p_.dim);
    valueColumns_ = areas.take(padded<T>(keys_) * p_.dim);
    keyRows_ = areas.take(keys_ * width_);
    weights_ = areas.take(padded<T>(keys_) * rows_);
    slopes_ = areas.take(padded<T>(keys_) * rows_);
    T *dkArea = areas.take(keys_ * width_), *dvArea = areas.take(keys_ * width_);
    queryRows_ = areas.take(rows_ * width_);
    ctRows_ = areas.take(rows_ * width_);
    dq_ = gathered(dq, 0, p_.dim, areas.take(p_.queries * width_), width_);
    delta_ = areas.take(p_.queries);
    if (p_.causal || first == last) clearRows(dq_, p_.queries, p_.dim);
    for (int64_t i = 0; i < p_.queries; i++) delta_[i] = dot(in.ct.row(i), in.o.row(i), p_.dim);
    const Parts keyBlocks = splitBy(last - first, kKeys), rowBlocks = splitBy(p_.queries, kRows);
    for (int64_t block = 0; block < keyBlocks.count; block++) {
      const int64_t j0 = first + keyBlocks.edge(block), j1 = first + keyBlocks.edge(block + 1);
      const int64_t packed = j1 - j0 - dotColumns<T>(j1 - j0, p_.dim);
      packColumns(in.k.row(j0), in.k.stride, p_.dim, packed, keyColumns_);
      packColumns(in.v.row(j0), in.v.stride, p_.dim, packed, valueColumns_);
      keysFinite_ = packRows(in.k.row(j0), in.k.stride, j1 - j0, p_.dim, keyRows_);
      dk_ = gathered(dk, j0, p_.dim, dkArea, width_);
      dv_ = gathered(dv, j0, p_.dim, dvArea, width_);
      bool begun = false;
      for (int64_t part = 0; part < rowBlocks.count; part++) {
        const int64_t i0 = rowBlocks.edge(part), i1 = rowBlocks.edge(part + 1);
        if (i1 == i0 || j0 >= Scores<T>::limit(p_, i1 - 1)) continue;
        visit(in, i0, i1, j0, j1, begun, p_.causal || block > 0);
        begun = true;
      }
      if (!begun) clearRows(dk_, j1 - j0, p_.dim), clearRows(dv_, j1 - j0, p_.dim);
      writeRows(dk_, j1 - j0, p_.dim, dk, j0);
      writeRows(dv_, j1 - j0, p_.dim, dv, j0);
    }
    writeRows(dq_, p_.queries, p_.dim, dq, 0);
  }

 private:
  void visit(const HeadInputs<T>& in, int64_t i0, int64_t i1, int64_t j0, int64_t j1, bool add, bool addQueries) {
    const int64_t rows = i1 - i0, columns = j1 - j0, stride = padded<T>(columns);
    const Scores<T> scores{p_, in.mask, i0, i1, j0, j1, weights_, stride};
    const bool ctFinite = packRows(in.ct.row(i0), in.ct.stride, rows, p_.dim, ctRows_);
    const bool queriesFinite = packRows(in.q.row(i0), in.q.stride, rows, p_.dim, queryRows_);
    rowProducts(rows, in.q.row(i0), in.q.stride, in.k.row(j0), in.k.stride, keyColumns_, p_.dim, columns, weights_, stride, false, ahead_);
    rowProducts(rows, in.ct.row(i0), in.ct.stride, in.v.row(j0), in.v.stride, valueColumns_, p_.dim, columns, slopes_, stride, false, ahead_);
    const T factor = scores.finish();
    for (int64_t r = 0; r < rows; r++) differentiate(scores.row(r), slopes_ + r * stride, columns, factor, in.lse[i0 + r], delta_[i0 + r]);
    multiply(ctFinite, columns, Strided<T>{weights_, 1, stride}, ctRows_, rows, dv_.row(0), dv_.stride, add);
    multiply(queriesFinite, columns, Strided<T>{slopes_, 1, stride}, queryRows_, rows, dk_.row(0), dk_.stride, add);
    multiply(keysFinite_, rows, Strided<T>{slopes_, stride, 1}, keyRows_, columns, dq_.row(i0), dq_.stride, addQueries);
  }

  void multiply(bool finite, int64_t rows, Strided<T> a, const T* panels, int64_t depth, T* c, int64_t stride, bool add) {
    (finite ? product<T> : carefulProduct<T>)(rows, a, panels, depth, p_.dim, c, stride, add, ahead_);
  }

  // s, dp -> p = exp(s - lse), scale p * (dp - delta); where p is zero, so is that.
  void differentiate(T* s, T* dp, int64_t columns, T factor, T lse, T delta) const {
    const Weigher<T> weigh(factor, lse);
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> p = weigh(load(s + j));
      store(s + j, p);
      store(dp + j, select(p == T(0), vec<T>{}, p * T(p_.scale) * (load(dp + j) - delta)));
    }
  }

  const AttentionParams& p_;
  Ahead ahead_;
  int64_t width_, rows_, keys_;
  bool keysFinite_ = true;
  T *keyColumns_, *valueColumns_, *keyRows_, *weights_, *slopes_, *queryRows_, *ctRows_, *delta_;
  OutRows<T> dq_, dk_, dv_;
};

// Shares of dq that parts of the keys gave, `step` elements apart, added in order.
template <class T> void addShares(const T* shares, int64_t step, int64_t parts, int64_t rows, int64_t dim, OutRows<T> to) {
  for (int64_t i = 0; i < rows; i++, shares += dim) {
    T* out = to.row(i);
    for (int64_t d = 0; d < dim; d++) {
      T sum = shares[d];
      for (int64_t part = 1; part < parts; part++) sum += shares[part * step + d];
      out[d] = sum;
    }
  }
}

template <class T> void attentionBackward(const Call& call) {
  const auto& p = call.params<AttentionBackwardParams>();
  const int64_t heads = int64_t(p.batch) * p.heads;
  const int64_t parts = partsOfHead(heads, ceilDiv(p.keys, Backward<T>::kKeys));
  const Parts keys{p.keys, parts};
  const T *q = call.buffer<T>(0), *k = call.buffer<T>(1), *v = call.buffer<T>(2), *o = call.buffer<T>(3), *lse = call.buffer<T>(4);
  const T *ct = call.buffer<T>(5), *mask = call.buffer<T>(6);
  T *dq = call.buffer<T>(7), *dk = p.joined ? dq : call.buffer<T>(8), *dv = p.joined ? dq : call.buffer<T>(9);
  const int64_t share = int64_t(p.queries) * p.dim;
  T* partial = parts > 1 ? static_cast<T*>(call.parallel->shared(size_t(heads * parts * share) * sizeof(T))) : nullptr;
  const auto inputs = [&](int64_t head) {
    const int64_t b = head / p.heads, h = head % p.heads;
    return HeadInputs<T>{rowsOf(q, p.qView, b, h),   rowsOf(k, p.kView, b, h), rowsOf(v, p.vView, b, h), rowsOf(o, p.oView, b, h),
                         rowsOf(ct, p.doView, b, h), lse + head * p.queries,   maskOf(mask, p, b, h)};
  };
  (*call.parallel)(heads * parts, [&](int64_t task, int worker) {
    const int64_t head = task / parts, part = task % parts, b = head / p.heads, h = head % p.heads;
    const OutRows<T> dqRows = partial ? OutRows<T>{partial + task * share, p.dim} : outRows(dq, p.dqView, b, h);
    const OutRows<T> dkRows = outRows(dk, p.dkView, b, h), dvRows = outRows(dv, p.dvView, b, h);
    Ahead ahead;
    if (parts == 1) {
      for (const OutRows<T>& rows : {dkRows, dvRows}) ahead.add(rows, p.keys, p.dim);
      ahead.add(dqRows, p.queries, p.dim);
      if (const int64_t next = head + call.parallel->threads(); next < heads) inputs(next).ask(p, ahead);
    }
    Backward<T> backward(p, ahead);
    void* scratch = call.parallel->scratch(worker, backward.scratchBytes());
    backward.run(inputs(head), keys.edge(part), keys.edge(part + 1), dqRows, dkRows, dvRows, scratch);
  });
  if (!partial) return;
  (*call.parallel)(heads, [&](int64_t head, int) {
    addShares(partial + head * parts * share, share, parts, p.queries, p.dim, outRows(dq, p.dqView, head / p.heads, head % p.heads));
  });
}

}  // namespace steppe::STEPPE_NS::attending
