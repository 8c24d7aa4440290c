#pragma once
#include "kernels/attention/backward.h"
#include "kernels/attention/tangents.h"

namespace steppe::STEPPE_NS::attending {

// params: attention_backward_tangent
struct AttentionBackwardTangentParams : AttentionTangentParams {
  HeadView doView;
  TangentView tdoView, tdqView, tdkView, tdvView;
  uint32_t joined;  // their tangents lie in one buffer, that of the first
};

// What one head's tangents of the gradients read.
template <class T> struct BackwardTangentInputs {
  HeadInputs<T> primal;
  TangentRows<T> tq, tk, tv, tout, tct;
  const T* tlse;  // null: zero
  int64_t lseTangent;

  void ask(const AttentionTangentParams& p, Ahead& ahead) const {
    primal.ask(p, ahead);
    for (int64_t t = 0; t < p.tangents; t++) {
      for (const TangentRows<T>& rows : {tk, tv}) askTangent(rows, t, p.keys, p.dim, ahead);
      for (const TangentRows<T>& rows : {tct, tq, tout}) askTangent(rows, t, p.queries, p.dim, ahead);
    }
  }
};

// One part of the keys of one head. With P = exp(S - lse), D = rowsum(do * o), dS = P * (do v^T - D), a prime for a tangent:
// P' = P * (S' - lse'); dS' = (S' - lse') * dS + P * (do' v^T + do v'^T - D');
// dv' = P'^T do + P^T do'; dk' = dS'^T q + dS^T q'; dq' = dS' k + dS k'. P and dS serve all tangents.
template <class T> class BackwardTangent {
 public:
  static constexpr int64_t kRows = Backward<T>::kRows, kColumns = Backward<T>::kKeys;

  BackwardTangent(const AttentionBackwardTangentParams& p, const Ahead& ahead)
      : p_(p), ahead_(ahead), width_(padded<T>(p.dim)), rows_(std::min<int64_t>(p.queries, kRows)), keys_(std::min<int64_t>(p.keys, kColumns)) {}

  size_t scratchBytes() const {
    const int64_t perTangent = 2 * keys_ * width_ + p_.queries * (width_ + 1);
    const int64_t elements = padded<T>(keys_) * (4 * p_.dim + 4 * rows_) + 2 * keys_ * width_ + 4 * rows_ * width_ + p_.queries;
    return size_t(elements + p_.tangents * perTangent) * sizeof(T) + 19 * 64;
  }

  void run(const BackwardTangentInputs<T>& in, int64_t first, int64_t last, TangentOut<T> dq, TangentOut<T> dk, TangentOut<T> dv, void* scratch) {
    take(static_cast<T*>(scratch));
    dqOut_ = dq, dkOut_ = dk, dvOut_ = dv;
    const HeadInputs<T>& x = in.primal;
    const int64_t queries = p_.queries, count = p_.tangents;
    for (int64_t i = 0; i < queries; i++) delta_[i] = dot(x.ct.row(i), x.o.row(i), p_.dim);
    for (int64_t t = 0; t < count; t++) {
      if (p_.causal) clearRows(queryTangent(t, 0), queries, p_.dim);
      for (int64_t i = 0; i < queries; i++) {
        const T byCt = in.tct ? dot(in.tct.at(t).row(i), x.o.row(i), p_.dim) : T(0),
                byOut = in.tout ? dot(x.ct.row(i), in.tout.at(t).row(i), p_.dim) : T(0);
        deltaTangents_[t * queries + i] = byCt + byOut;
      }
    }
    const Parts keyBlocks = splitBy(last - first, kColumns), rowBlocks = splitBy(queries, kRows);
    for (int64_t block = 0; block < keyBlocks.count; block++) {
      const int64_t j0 = first + keyBlocks.edge(block), j1 = first + keyBlocks.edge(block + 1), columns = j1 - j0;
      packed_ = columns - dotColumns<T>(columns, p_.dim);
      packColumns(x.k.row(j0), x.k.stride, p_.dim, packed_, keyColumns_);
      packColumns(x.v.row(j0), x.v.stride, p_.dim, packed_, valueColumns_);
      keysFinite_ = packRows(x.k.row(j0), x.k.stride, columns, p_.dim, keyRows_);
      bool begun = false;
      for (int64_t part = 0; part < rowBlocks.count; part++) {
        const int64_t i0 = rowBlocks.edge(part), i1 = rowBlocks.edge(part + 1);
        if (i1 == i0 || j0 >= Scores<T>::limit(p_, i1 - 1)) continue;
        visit(in, i0, i1, j0, j1, begun, p_.causal || block > 0);
        begun = true;
      }
      for (int64_t t = 0; t < count; t++) {
        const OutRows<T> keySums = keyTangent(dkOut_, dk_, t, j0), valueSums = keyTangent(dvOut_, dv_, t, j0);
        if (!begun) clearRows(keySums, columns, p_.dim), clearRows(valueSums, columns, p_.dim);
        writeRows(keySums, columns, p_.dim, dk.at(t), j0);
        writeRows(valueSums, columns, p_.dim, dv.at(t), j0);
      }
    }
    for (int64_t t = 0; t < count; t++) writeRows(queryTangent(t, 0), queries, p_.dim, dq.at(t), 0);
  }

 private:
  void take(T* scratch) {
    Areas<T> areas{scratch};
    for (T** columns : {&keyColumns_, &valueColumns_, &tkColumns_, &tvColumns_}) *columns = areas.take(padded<T>(keys_) * p_.dim);
    for (T** rows : {&keyRows_, &tkRows_}) *rows = areas.take(keys_ * width_);
    for (T** block : {&weights_, &slopes_, &tweights_, &tslopes_}) *block = areas.take(padded<T>(keys_) * rows_);
    for (T** rows : {&queryRows_, &ctRows_, &tqRows_, &tctRows_}) *rows = areas.take(rows_ * width_);
    for (T** sums : {&dk_, &dv_}) *sums = areas.take(p_.tangents * keys_ * width_);
    dq_ = areas.take(p_.tangents * p_.queries * width_);
    delta_ = areas.take(p_.queries);
    deltaTangents_ = areas.take(p_.tangents * p_.queries);
  }

  // Where the sums of tangent t gather, from query i on; from key j on.
  OutRows<T> queryTangent(int64_t t, int64_t i) const { return gathered(dqOut_.at(t), i, p_.dim, dq_ + (t * p_.queries + i) * width_, width_); }
  OutRows<T> keyTangent(TangentOut<T> out, T* area, int64_t t, int64_t j) const {
    return gathered(out.at(t), j, p_.dim, area + t * keys_ * width_, width_);
  }

  void visit(const BackwardTangentInputs<T>& in, int64_t i0, int64_t i1, int64_t j0, int64_t j1, bool add, bool addQueries) {
    const HeadInputs<T>& x = in.primal;
    const int64_t rows = i1 - i0, columns = j1 - j0, stride = padded<T>(columns);
    const Scores<T> scores{p_, x.mask, i0, i1, j0, j1, weights_, stride};
    const bool ctFinite = packRows(x.ct.row(i0), x.ct.stride, rows, p_.dim, ctRows_);
    const bool queriesFinite = packRows(x.q.row(i0), x.q.stride, rows, p_.dim, queryRows_);
    rowProducts(rows, x.q.row(i0), x.q.stride, x.k.row(j0), x.k.stride, keyColumns_, p_.dim, columns, weights_, stride, false, ahead_);
    rowProducts(rows, x.ct.row(i0), x.ct.stride, x.v.row(j0), x.v.stride, valueColumns_, p_.dim, columns, slopes_, stride, false, ahead_);
    const T factor = scores.finish();
    for (int64_t r = 0; r < rows; r++) {
      weigh(scores.row(r), columns, factor, x.lse[i0 + r]);
      differentiate(scores.row(r), slopes_ + r * stride, columns, delta_[i0 + r]);
    }
    for (int64_t t = 0; t < p_.tangents; t++) {
      tangentProducts(in.tq, x.k, in.tk, x.q, keyColumns_, tkColumns_, tweights_, t, i0, i1, j0, j1);
      tangentProducts(in.tct, x.v, in.tv, x.ct, valueColumns_, tvColumns_, tslopes_, t, i0, i1, j0, j1);
      const T* tlse = in.tlse ? in.tlse + t * in.lseTangent + i0 : nullptr;
      const T* tdelta = deltaTangents_ + t * p_.queries + i0;
      for (int64_t r = 0; r < rows; r++) {
        const int64_t at = r * stride;
        differentiateTwice(weights_ + at, slopes_ + at, tweights_ + at, tslopes_ + at, columns, tlse ? tlse[r] : T(0), tdelta[r]);
      }
      const OutRows<T> dk = keyTangent(dkOut_, dk_, t, j0), dv = keyTangent(dvOut_, dv_, t, j0), dq = queryTangent(t, i0);
      multiply(ctFinite, columns, Strided<T>{tweights_, 1, stride}, ctRows_, rows, dv, add);
      multiply(queriesFinite, columns, Strided<T>{tslopes_, 1, stride}, queryRows_, rows, dk, add);
      multiply(keysFinite_, rows, Strided<T>{tslopes_, stride, 1}, keyRows_, columns, dq, addQueries);
      along(in.tct, t, i0, rows, tctRows_, columns, Strided<T>{weights_, 1, stride}, dv);
      along(in.tq, t, i0, rows, tqRows_, columns, Strided<T>{slopes_, 1, stride}, dk);
      along(in.tk, t, j0, columns, tkRows_, rows, Strided<T>{slopes_, stride, 1}, dq);
    }
  }

  // c = a' b^T + a b'^T for tangent t.
  void tangentProducts(TangentRows<T> ta, Rows<T> b, TangentRows<T> tb, Rows<T> a, const T* columns, T* tangentColumns, T* c, int64_t t, int64_t i0,
                       int64_t i1, int64_t j0, int64_t j1) {
    const int64_t count = j1 - j0, stride = padded<T>(count);
    if (ta) rowProducts(i1 - i0, ta.at(t).row(i0), ta.stride, b.row(j0), b.stride, columns, p_.dim, count, c, stride, false, ahead_);
    if (tb) {
      packColumns(tb.at(t).row(j0), tb.stride, p_.dim, packed_, tangentColumns);
      rowProducts(i1 - i0, a.row(i0), a.stride, tb.at(t).row(j0), tb.stride, tangentColumns, p_.dim, count, c, stride, bool(ta), ahead_);
    }
    if (!ta && !tb) std::fill_n(c, (i1 - i0) * stride, T(0));
  }

  // c += a b', where b' is `depth` rows of tangent t from `first` on.
  void along(TangentRows<T> b, int64_t t, int64_t first, int64_t depth, T* panels, int64_t rows, Strided<T> a, OutRows<T> c) {
    if (!b) return;
    const bool finite = packRows(b.at(t).row(first), b.stride, depth, p_.dim, panels);
    multiply(finite, rows, a, panels, depth, c, true);
  }

  void multiply(bool finite, int64_t rows, Strided<T> a, const T* panels, int64_t depth, OutRows<T> c, bool add) {
    (finite ? product<T> : carefulProduct<T>)(rows, a, panels, depth, p_.dim, c.data, c.stride, add, ahead_);
  }

  // dp -> scale p * (dp - delta); where p is zero, so is that.
  void differentiate(const T* p, T* dp, int64_t columns, T delta) const {
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> weight = load(p + j);
      store(dp + j, select(weight == T(0), vec<T>{}, weight * T(p_.scale) * (load(dp + j) - delta)));
    }
  }
  // s', dp' -> p * (scale s' - lse'), (scale s' - lse') * ds + scale p * (dp' - delta').
  void differentiateTwice(const T* p, const T* ds, T* s, T* dp, int64_t columns, T tlse, T tdelta) const {
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> weight = load(p + j), shifted = load(s + j) * T(p_.scale) - tlse;
      const mask<T> hidden = weight == T(0);
      store(s + j, select(hidden, vec<T>{}, weight * shifted));
      store(dp + j, select(hidden, vec<T>{}, shifted * load(ds + j) + weight * T(p_.scale) * (load(dp + j) - tdelta)));
    }
  }

  const AttentionBackwardTangentParams& p_;
  Ahead ahead_;
  int64_t width_, rows_, keys_, packed_ = 0;
  TangentOut<T> dqOut_, dkOut_, dvOut_;
  bool keysFinite_ = true;
  T *keyColumns_, *valueColumns_, *tkColumns_, *tvColumns_, *keyRows_, *tkRows_, *weights_, *slopes_, *tweights_, *tslopes_;
  T *queryRows_, *ctRows_, *tqRows_, *tctRows_, *dk_, *dv_, *dq_, *delta_, *deltaTangents_;
};

template <class T> void attentionBackwardTangent(const Call& call) {
  const auto& p = call.params<AttentionBackwardTangentParams>();
  const int64_t heads = int64_t(p.batch) * p.heads;
  const int64_t parts = partsOfHead(heads, ceilDiv(p.keys, BackwardTangent<T>::kColumns));
  const Parts keys{p.keys, parts};
  const T *q = call.buffer<T>(0), *k = call.buffer<T>(1), *v = call.buffer<T>(2), *o = call.buffer<T>(3), *lse = call.buffer<T>(4);
  const T *ct = call.buffer<T>(5), *tq = call.buffer<T>(6), *tk = call.buffer<T>(7), *tv = call.buffer<T>(8), *tout = call.buffer<T>(9);
  const T *tlse = call.buffer<T>(10), *tct = call.buffer<T>(11), *mask = call.buffer<T>(12);
  T *dq = call.buffer<T>(13), *dk = p.joined ? dq : call.buffer<T>(14), *dv = p.joined ? dq : call.buffer<T>(15);
  if (p.tangents == 0) return;
  const int64_t share = int64_t(p.queries) * p.dim, perTask = share * p.tangents;
  T* partial = parts > 1 ? static_cast<T*>(call.parallel->shared(size_t(heads * parts * perTask) * sizeof(T))) : nullptr;
  const auto inputs = [&](int64_t head) {
    const int64_t b = head / p.heads, h = head % p.heads;
    const OutRows<const T> out = outRows(o, p, p.queries, b, h);
    return BackwardTangentInputs<T>{{rowsOf(q, p.qView, b, h),
                                     rowsOf(k, p.kView, b, h),
                                     rowsOf(v, p.vView, b, h),
                                     {out.data, out.stride},
                                     rowsOf(ct, p.doView, b, h),
                                     lse + head * p.queries,
                                     maskOf(mask, p, b, h)},
                                    tangentRows(tq, p, kQueries, p.tqView, b, h),
                                    tangentRows(tk, p, kKeys, p.tkView, b, h),
                                    tangentRows(tv, p, kValues, p.tvView, b, h),
                                    outTangentRows(tout, p, kOutputs, p.queries, b, h),
                                    tangentRows(tct, p, kCotangents, p.tdoView, b, h),
                                    p.given & kLse ? tlse + head * p.queries : nullptr,
                                    heads * p.queries};
  };
  (*call.parallel)(heads * parts, [&](int64_t task, int worker) {
    const int64_t head = task / parts, part = task % parts, b = head / p.heads, h = head % p.heads;
    TangentOut<T> dqRows = tangentOut(dq, p.tdqView, b, h);
    const TangentOut<T> dkRows = tangentOut(dk, p.tdkView, b, h), dvRows = tangentOut(dv, p.tdvView, b, h);
    if (partial) dqRows = {{partial + task * perTask, p.dim}, share};
    Ahead ahead;
    if (parts == 1) {
      for (int64_t t = 0; t < p.tangents; t++) {
        for (const TangentOut<T>& rows : {dkRows, dvRows}) ahead.add(rows.at(t), p.keys, p.dim);
        ahead.add(dqRows.at(t), p.queries, p.dim);
      }
      if (const int64_t next = head + call.parallel->threads(); next < heads) inputs(next).ask(p, ahead);
    }
    BackwardTangent<T> backward(p, ahead);
    void* scratch = call.parallel->scratch(worker, backward.scratchBytes());
    backward.run(inputs(head), keys.edge(part), keys.edge(part + 1), dqRows, dkRows, dvRows, scratch);
  });
  if (!partial) return;
  (*call.parallel)(heads * p.tangents, [&](int64_t task, int) {
    const int64_t head = task / p.tangents, t = task % p.tangents;
    const OutRows<T> out = tangentOut(dq, p.tdqView, head / p.heads, head % p.heads).at(t);
    addShares(partial + head * parts * perTask + t * share, perTask, parts, p.queries, p.dim, out);
  });
}

}  // namespace steppe::STEPPE_NS::attending
