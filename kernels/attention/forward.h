#pragma once
#include "kernels/attention/heads.h"

namespace steppe::STEPPE_NS::attending {

// params: attention
struct AttentionForwardParams : AttentionParams {
  HeadView oView;
};

// One part of the queries of one head: all blocks of keys pass by, with a running maximum and sum for each query.
template <class T> class Forward {
 public:
  static constexpr int64_t kRows = 64, kKeys = 256;

  Forward(const AttentionParams& p, int64_t queries, const Ahead& ahead)
      : p_(p), ahead_(ahead), queries_(queries), width_(padded<T>(p.dim)), keys_(std::min<int64_t>(p.keys, kKeys)) {}

  size_t scratchBytes() const {
    const int64_t elements = padded<T>(keys_) * (p_.dim + kRows) + keys_ * width_ + queries_ * (width_ + 3);
    return size_t(elements) * sizeof(T) + 7 * 64;
  }

  void run(Rows<T> q, Rows<T> k, Rows<T> v, const T* mask, int64_t first, int64_t last, OutRows<T> o, T* lse, void* scratch) {
    Areas<T> areas{static_cast<T*>(scratch)};
    keyPanels_ = areas.take(padded<T>(keys_) * p_.dim);
    valuePanels_ = areas.take(keys_ * width_);
    scores_ = areas.take(padded<T>(keys_) * kRows);
    sums_ = gathered(o, first, p_.dim, areas.take(queries_ * width_), width_);
    top_ = areas.take(queries_);
    total_ = areas.take(queries_);
    const int64_t count = last - first, seen = count > 0 ? Scores<T>::limit(p_, last - 1) : 0;
    std::fill_n(top_, count, kHidden<T>);
    std::fill_n(total_, count, T(0));
    if (seen == 0) clearRows(sums_, count, p_.dim);
    const Parts keyBlocks = splitBy(seen, kKeys), rowBlocks = splitBy(count, kRows);
    for (int64_t block = 0; seen > 0 && block < keyBlocks.count; block++) {
      const int64_t j0 = keyBlocks.edge(block), j1 = keyBlocks.edge(block + 1);
      const int64_t packed = j1 - j0 - dotColumns<T>(j1 - j0, p_.dim);
      packColumns(k.row(j0), k.stride, p_.dim, packed, keyPanels_);
      const bool finite = packRows(v.row(j0), v.stride, j1 - j0, p_.dim, valuePanels_);
      for (int64_t part = 0; part < rowBlocks.count; part++) {
        visit(q, k, mask, first, first + rowBlocks.edge(part), first + rowBlocks.edge(part + 1), j0, j1, finite);
      }
    }
    finish(first, last, o, lse);
  }

 private:
  void visit(Rows<T> q, Rows<T> k, const T* mask, int64_t first, int64_t i0, int64_t i1, int64_t j0, int64_t j1, bool finite) {
    const int64_t columns = j1 - j0, stride = padded<T>(columns);
    const Scores<T> scores{p_, mask, i0, i1, j0, j1, scores_, stride};
    T* sums = sums_.row(i0 - first);
    if (j0 >= Scores<T>::limit(p_, i1 - 1)) {
      if (j0 == 0) clearRows(OutRows<T>{sums, sums_.stride}, i1 - i0, p_.dim);
      return;
    }
    rowProducts(i1 - i0, q.row(i0), q.stride, k.row(j0), k.stride, keyPanels_, p_.dim, columns, scores_, stride, false, ahead_);
    const T factor = scores.finish();
    weighRows(scores, i0 - first, factor, j0 > 0);
    (finite ? product<T> : carefulProduct<T>)(i1 - i0, Strided<T>{scores_, stride, 1}, valuePanels_, columns, p_.dim, sums, sums_.stride, j0 > 0,
                                              ahead_);
  }

  // The highest score of a row so far; what is beyond the last key is hidden, too.
  static T highest(T* s, int64_t columns, T factor, T before) {
    if (const int64_t last = columns / kLanes<T> * kLanes<T>; last < columns) {
      mask<T> lane{};
      for (int i = 0; i < kLanes<T>; i++) lane[i] = i;
      store(s + last, select(lane < int(columns - last), load(s + last), splat(kHidden<T>)));
    }
    vec<T> high = splat(before);
    for (int64_t j = 0; j < columns; j += kLanes<T>) high = fastMaximum(high, load(s + j) * factor);
    return reduce(high, [](auto a, auto b) { return fastMaximum(a, b); });
  }

  // Scores of a row become weights; their sum.
  static T weigh(T* s, int64_t columns, T factor, T shift) {
    vec<T> sum{};
    for (int64_t j = 0; j < columns; j += kLanes<T>) {
      const vec<T> e = powerOf<T>(load(s + j) * factor - shift);
      store(s + j, e);
      sum += e;
    }
    return sumLanes(sum);
  }

  // Two loops, so that the exponentials of several rows are under way at once.
  void weighRows(const Scores<T>& scores, int64_t first, T factor, bool before) {
    factor *= kUnit<T>;
    T tops[kRows] = {}, shifts[kRows];
    for (int64_t r = 0; r < scores.rows(); r++) tops[r] = highest(scores.row(r), scores.columns(), factor, top_[first + r]);
    for (int64_t r = 0; r < scores.rows(); r += kLanes<T>) store(shifts + r, shiftOf<T>(load(tops + r)));
    for (int64_t r = 0; r < scores.rows(); r++) {
      const T shift = shifts[r], now = weigh(scores.row(r), scores.columns(), factor, shift);
      T &top = top_[first + r], &total = total_[first + r];
      total = before ? total * shrink(first + r, tops[r], shift) + now : now;
      top = tops[r];
    }
  }

  // What was summed before is scaled to the new maximum.
  T shrink(int64_t r, T top, T shift) {
    if (top_[r] == top || top_[r] == kHidden<T>) return T(1);
    const T factor = powerOf<T>(shiftOf<T>(splat(top_[r])) - shift)[0];
    scaleRow(sums_.row(r), p_.dim, factor, sums_.row(r));
    return factor;
  }

  void finish(int64_t first, int64_t last, OutRows<T> o, T* lse) {
    for (int64_t r = 0; r < last - first; r++) {
      const T inverse = total_[r] == T(0) ? T(0) : T(1) / total_[r];
      scaleRow(sums_.row(r), p_.dim, inverse, o.row(first + r));
    }
    for (int64_t r = 0; r < last - first; r += kLanes<T>) {
      const int count = int(std::min<int64_t>(kLanes<T>, last - first - r));
      const vec<T> sums = logOfSum<T>(shiftOf<T>(load(top_ + r)), load(total_ + r));  // behind the last row anything
      if (count == kLanes<T>) store(lse + first + r, sums);
      else storePartial(lse + first + r, sums, count);
    }
  }

  const AttentionParams& p_;
  Ahead ahead_;
  int64_t queries_, width_, keys_;
  T *keyPanels_, *valuePanels_, *scores_, *top_, *total_;
  OutRows<T> sums_;
};

template <class T> void attention(const Call& call) {
  const auto& p = call.params<AttentionForwardParams>();
  const int64_t heads = int64_t(p.batch) * p.heads;
  const int64_t parts = partsOfHead(heads, ceilDiv(p.queries, Forward<T>::kRows));
  const Parts queries{p.queries, parts};
  const T *q = call.buffer<T>(0), *k = call.buffer<T>(1), *v = call.buffer<T>(2), *mask = call.buffer<T>(3);
  T *o = call.buffer<T>(4), *lse = call.buffer<T>(5);
  if (p.queries == 0) return;
  (*call.parallel)(heads * parts, [&](int64_t task, int worker) {
    const int64_t head = task / parts, b = head / p.heads, h = head % p.heads;
    const int64_t first = queries.edge(task % parts), last = queries.edge(task % parts + 1);
    const OutRows<T> out = outRows(o, p.oView, b, h);
    Ahead ahead;
    if (parts == 1) {
      ahead.add(out, p.queries, p.dim);
      if (const int64_t next = head + call.parallel->threads(); next < heads) {
        const int64_t nb = next / p.heads, nh = next % p.heads;
        ahead.add(rowsOf(k, p.kView, nb, nh), p.keys, p.dim);
        ahead.add(rowsOf(v, p.vView, nb, nh), p.keys, p.dim);
        ahead.add(rowsOf(q, p.qView, nb, nh), p.queries, p.dim);
      }
    }
    Forward<T> forward(p, last - first, ahead);
    void* scratch = call.parallel->scratch(worker, forward.scratchBytes());
    forward.run(rowsOf(q, p.qView, b, h), rowsOf(k, p.kView, b, h), rowsOf(v, p.vView, b, h), maskOf(mask, p, b, h), first, last, out,
                lse + head * p.queries, scratch);
  });
}

}  // namespace steppe::STEPPE_NS::attending
