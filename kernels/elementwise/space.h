// The iteration space of a program as few axes as possible, and how it is cut into tasks. Cuts depend on sizes only.
#pragma once
#include <array>

#include "kernels/shared/chain.h"

namespace steppe::STEPPE_NS {

struct Axis {
  int64_t size = 1;
  bool reduced = false;
  int64_t kept = 0;    // stride in the kept elements, 0 if reduced
  int64_t output = 0;  // stride in full outputs
};

constexpr int64_t kTaskElements = 32768;

inline int64_t ceilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

class Space {
 public:
  explicit Space(const ProgramView& program) : inputs_(program.inputs()) {
    for (int axis = 0; axis < program.rank(); axis++) {
      if (program.size(axis) != 1) append(program, axis);
    }
    while (axes.size() < 2) {
      axes.insert(axes.begin(), Axis{});
      strides_.insert(strides_.begin(), inputs_, 0);
    }
    int64_t output = 1;
    for (int axis = rank() - 1; axis >= 0; axis--) {
      Axis& a = axes[axis];
      a.output = output;
      output *= a.size;
      a.kept = a.reduced ? 0 : kept;
      kept *= a.reduced ? 1 : a.size;
    }
    total = output;
  }

  int rank() const { return int(axes.size()); }
  const int64_t* strides(int axis) const { return strides_.data() + axis * inputs_; }
  bool combining(const ProgramView& program) const {
    for (int i = 0; i < program.outputs(); i++) {
      if (program.combine(i) != Combine::none) return true;
    }
    return false;
  }

  // Sums down the columns: several rows are added before their sum is added to the accumulators.
  static constexpr int64_t kDeep = 2;
  bool downColumns() const {
    const Axis &rows = axes[rank() - 2], &columns = axes[rank() - 1];
    return rows.reduced && !columns.reduced && rows.size >= kDeep;
  }
  // Rows and columns of a block of at most `elements`.
  std::array<int64_t, 2> blockShape(int64_t elements) const {
    const Axis &rows = axes[rank() - 2], &columns = axes[rank() - 1];
    if (transposed() && columns.size >= 32 && rows.size >= 8) return {std::min(rows.size, elements / 32), 32};
    if (downColumns()) {
      const int64_t width = std::min(columns.size, elements / kDeep);
      return {std::min(rows.size, elements / width), width};
    }
    const int64_t width = std::clamp<int64_t>(columns.size, 1, elements);
    return {width == columns.size ? std::min(rows.size, elements / width) : 1, width};
  }

  // Whether an input is one contiguous row, the same for all places of the other axes.
  bool isRow(int input) const {
    for (int axis = 0; axis < rank() - 1; axis++) {
      if (strides(axis)[input] != 0) return false;
    }
    return strides(rank() - 1)[input] == 1;
  }

  std::vector<Axis> axes;
  int64_t total = 1, kept = 1;

 private:
  // An axis joins the one before it where every operand goes on in equal steps.
  void append(const ProgramView& program, int axis) {
    const int64_t size = program.size(axis);
    bool joins = !axes.empty() && axes.back().reduced == program.reduced(axis);
    for (int i = 0; joins && i < inputs_; i++) joins = strides_[strides_.size() - inputs_ + i] == size * program.stride(i, axis);
    if (joins) {
      axes.back().size *= size;
      strides_.resize(strides_.size() - inputs_);
    } else {
      axes.push_back({.size = size, .reduced = program.reduced(axis)});
    }
    for (int i = 0; i < inputs_; i++) strides_.push_back(program.stride(i, axis));
  }
  // Whether an input runs along the rows.
  bool transposed() const {
    for (int i = 0; i < inputs_; i++) {
      const int64_t row = strides(rank() - 2)[i], column = strides(rank() - 1)[i];
      if (row == 1 && column >= 16) return true;
    }
    return false;
  }

  int inputs_;
  std::vector<int64_t> strides_;  // [axis][input]
};

// One axis of those that are `reduced` (or kept), cut into pieces.
struct Cut {
  int axis = -1;
  int64_t piece = 0, pieces = 1;

  // Among the first `axes`.
  Cut(const Space& space, int axes, bool reduced, int64_t wanted, int64_t block_columns) {
    int64_t best = 0;
    for (int i = 0; i < axes; i++) {
      const Axis& a = space.axes[i];
      if (a.reduced != reduced) continue;
      // The innermost axis is cut at blocks.
      const int64_t unit = i == space.rank() - 1 ? block_columns : 1, available = ceilDivide(a.size, unit);
      if (available <= best) continue;
      best = available;
      axis = i;
      piece = ceilDivide(available, std::min(wanted, available)) * unit;
      pieces = ceilDivide(a.size, piece);
      if (available >= wanted) break;
    }
  }
};

}  // namespace steppe::STEPPE_NS
