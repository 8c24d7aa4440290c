// The chains that follow most products, in one pass over each row: v = sum + or * inputs, then any of v, an activation of v and its derivatives;
// or an activation of an input, and its derivative times the sum. They give the bits that Chain gives.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/shared/chain.h"
#include "kernels/shared/math.h"
#include "kernels/shared/opcodes.gen.h"

namespace steppe::STEPPE_NS {

// f(i, j, vector, count) for all vectors of some rows.
template <class F> STEPPE_INLINE void mapRows(int rows, int columns, const float* from, int64_t fromRow, F&& f) {
  constexpr int L = kLanes<float>;
  for (int i = 0; i < rows; i++) {
    int j = 0;
    for (; j + L <= columns; j += L) f(i, j, load(from + i * fromRow + j), L);
    if (j < columns) f(i, j, loadPartial(from + i * fromRow + j, columns - j), columns - j);
  }
}
STEPPE_INLINE void storeSome(float* to, floats v, int count) {
  if (count == kLanes<float>) store(to, v);
  else storePartial(to, v, count);
}
STEPPE_INLINE floats loadSome(const float* from, int count) { return count == kLanes<float> ? load(from) : loadPartial(from, count); }

class FusedChain {
 public:
  static constexpr int kRows = 16;

  // Where the inputs of some rows lie, by row.
  struct Rows {
    int64_t first;  // counted through the batch
    int count;
    const float* inputs[2][kRows];
  };

  FusedChain(const ProgramView& program, void* const* inputs, void* const* outputs) : program_(program), inputs_(inputs), outputs_(outputs) {
    fits_ = recognize();
  }
  // Whether the program is such a chain.
  bool fits() const { return fits_; }

  Rows rowsAt(int64_t first, int count) const {
    Rows rows{first, count, {}};
    for (int s = 0; s < steps_; s++) {
      const float* const data = static_cast<const float*>(inputs_[step_[s].input]) + program_.offset(step_[s].input);
      for (int r = 0; r < count; r++) {
        int64_t place = 0;
        for (int axis = program_.rank() - 2, rest = int(first + r); axis >= 0; axis--) {
          const int size = axis == 0 ? rest + 1 : int(program_.size(axis));
          place += rest % size * program_.stride(step_[s].input, axis);
          rest /= size;
        }
        rows.inputs[s][r] = data + place;
      }
    }
    return rows;
  }

  // sum[i * stride + j] belongs to row i of `rows` and column `column + j`, and may be overwritten.
  void operator()(const Rows& rows, int64_t column, int columns, float* sum, int64_t stride) const {
    const int64_t width = program_.size(program_.rank() - 1), at = rows.first * width + column;
    if (activation_ == Activation::none) return combine_(rows, column, columns, sum, stride, output(0) + at, width);
    float* results[kResults];
    for (int k = 0; k < kResults; k++) results[k] = results_[k] < 0 ? nullptr : output(results_[k]) + at;
    if (ofInput_) {
      if (activation_ == Activation::tanh) scale<true>(rows, column, columns, sum, stride, results, width);
      else scale<false>(rows, column, columns, sum, stride, results, width);
      return;
    }
    if (steps_ > 0) combine_(rows, column, columns, sum, stride, sum, stride);
    if (activation_ == Activation::tanh) activate<true>(rows.count, columns, sum, stride, results, width);
    else activate<false>(rows.count, columns, sum, stride, results, width);
  }

 private:
  enum class Activation { none, tanh, normal };
  static constexpr int kResults = 4, kSum = 3;            // an activation, its derivative, the second one, what is made of the sum
  enum class Step { none, addRow, addColumn, timesRow };  // row: a value a column; column: a value a row
  struct Input {
    int input;
    Step kind;
  };
  using Combine = void (*)(const Rows&, int64_t, int, const float*, int64_t, float*, int64_t);

  const ProgramView program_;
  void* const* inputs_;
  void* const* outputs_;
  bool fits_;
  int steps_ = 0;
  bool ofInput_ = false;                      // the activation is that of the one input, and the derivative multiplies the sum
  int results_[kResults] = {-1, -1, -1, -1};  // the outputs that they go to, or -1
  Input step_[2];
  Activation activation_ = Activation::none;
  Combine combine_ = nullptr;

  float* output(int i) const { return static_cast<float*>(outputs_[i]); }

  template <Step kind> static STEPPE_INLINE floats apply(floats v, const float* row, int64_t at, int count) {
    if constexpr (kind == Step::none) return v;
    else if constexpr (kind == Step::addRow) return v + loadSome(row + at, count);
    else if constexpr (kind == Step::addColumn) return v + splat(*row);
    else return v * loadSome(row + at, count);
  }
  template <Step first, Step second>
  static void combine(const Rows& rows, int64_t column, int columns, const float* sum, int64_t stride, float* to, int64_t toRow) {
    mapRows(rows.count, columns, sum, stride, [&](int i, int j, floats v, int count) {
      v = apply<first>(v, rows.inputs[0][i], column + j, count);
      v = apply<second>(v, rows.inputs[1][i], column + j, count);
      storeSome(to + i * toRow + j, v, count);
    });
  }
  // By the kinds of both steps.
  static Combine combineOf(Step first, Step second) {
    static constexpr Combine table[4][4] = {
        {combine<Step::none, Step::none>},
        {combine<Step::addRow, Step::none>, combine<Step::addRow, Step::addRow>, combine<Step::addRow, Step::addColumn>,
         combine<Step::addRow, Step::timesRow>},
        {combine<Step::addColumn, Step::none>, combine<Step::addColumn, Step::addRow>, combine<Step::addColumn, Step::addColumn>,
         combine<Step::addColumn, Step::timesRow>},
        {combine<Step::timesRow, Step::none>},
    };
    return table[int(first)][int(second)];
  }

  // All results come from one exponential.
  template <bool tanh> static void activate(int rows, int columns, const float* sum, int64_t stride, float* const* results, int64_t width) {
    const auto [y, slope, curve, v] = std::array{results[0], results[1], results[2], results[kSum]};
    mapRows(rows, columns, sum, stride, [&](int i, int j, floats x, int count) {
      const GeluPair pair = tanh ? geluTanhPair(x) : geluPair(x);
      if (v) storeSome(v + i * width + j, x, count);
      if (y) storeSome(y + i * width + j, pair.value, count);
      if (slope) storeSome(slope + i * width + j, pair.slope, count);
      if (tanh && curve) storeSome(curve + i * width + j, geluTanhCurve(fastMinimum(splat(15.0f), abs(x)), pair.l), count);
    });
  }

  template <bool tanh>
  static void scale(const Rows& rows, int64_t column, int columns, const float* sum, int64_t stride, float* const* results, int64_t width) {
    const auto [y, product] = std::array{results[0], results[kSum]};
    mapRows(rows.count, columns, sum, stride, [&](int i, int j, floats v, int count) {
      const floats x = loadSome(rows.inputs[0][i] + column + j, count);
      const GeluPair pair = tanh ? geluTanhPair(x) : geluPair(x);
      if (y) storeSome(y + i * width + j, pair.value, count);
      storeSome(product + i * width + j, v * pair.slope, count);
    });
  }

  // An input of which each row is contiguous or one value.
  bool addInput(int input, bool times) {
    const int last = program_.rank() - 1;
    const int64_t step = program_.stride(input, last);
    // v * a + b is left to Chain, which rounds twice.
    if (steps_ == 2 || (steps_ == 1 && step_[0].kind == Step::timesRow) || program_.inputType(input) != DType::f32) return false;
    if (step != 1 && !(step == 0 && !times)) return false;
    step_[steps_++] = {input, times ? Step::timesRow : step == 1 ? Step::addRow : Step::addColumn};
    return true;
  }

  bool recognize() {
    if (program_.rank() < 2) return false;
    // What registers hold: input i, nothing, the value, or result k of its activation as kActivated - k.
    constexpr int kNothing = -1, kValue = -2, kActivated = -3;
    std::vector<int> holds(program_.registers(), kNothing);
    int stored = 0;
    for (int i = 0; i < program_.instructions(); i++) {
      const int32_t* word = program_.instruction(i);
      const int d = word[1], a = word[2], b = word[3];
      if (RegisterType(word[0] >> 16) != RegisterType::f32) return false;
      switch (Opcode(word[0] & 0xffff)) {
        case Opcode::Load:
          holds[d] = a < 0 ? kValue : a;
          break;
        case Opcode::Add:
        case Opcode::Mul: {
          const int other = holds[a] == kValue ? holds[b] : holds[b] == kValue ? holds[a] : kNothing;
          if (ofInput_) {
            if (other != kActivated - 1 || Opcode(word[0] & 0xffff) != Opcode::Mul) return false;
            holds[d] = kActivated - kSum;
            break;
          }
          if (other < 0 || stored > 0 || activation_ != Activation::none) return false;
          if (!addInput(other, Opcode(word[0] & 0xffff) == Opcode::Mul)) return false;
          std::replace(holds.begin(), holds.end(), kValue, kNothing);
          holds[d] = kValue;
          break;
        }
        case Opcode::GeluTanh:
        case Opcode::GeluTanhGrad:
        case Opcode::GeluTanhGrad2:
        case Opcode::Gelu:
        case Opcode::GeluGrad: {
          const Opcode op = Opcode(word[0] & 0xffff);
          const Activation kind = op == Opcode::Gelu || op == Opcode::GeluGrad ? Activation::normal : Activation::tanh;
          if (activation_ == Activation::none) {
            if (holds[a] != kValue && (holds[a] < 0 || steps_ > 0 || !addInput(holds[a], true))) return false;
            ofInput_ = holds[a] >= 0;
            activation_ = kind;
          }
          if (activation_ != kind || holds[a] != (ofInput_ ? step_[0].input : kValue)) return false;
          holds[d] = kActivated - (op == Opcode::GeluTanh || op == Opcode::Gelu ? 0 : op == Opcode::GeluTanhGrad2 ? 2 : 1);
          break;
        }
        case Opcode::Store: {
          if (program_.combine(a) != steppe::STEPPE_NS::Combine::none || program_.outputType(a) != DType::f32) return false;
          stored++;
          const int result = holds[b] == kValue && !ofInput_ ? kSum : kActivated - holds[b];
          if (result < 0 || (ofInput_ && result != 0 && result != kSum) || results_[result] >= 0) return false;
          results_[result] = a;
          break;
        }
        default:
          return false;
      }
    }
    if (stored != program_.outputs() || ((ofInput_ || activation_ == Activation::none) && results_[kSum] < 0)) return false;
    combine_ = combineOf(steps_ > 0 ? step_[0].kind : Step::none, steps_ > 1 ? step_[1].kind : Step::none);
    return true;
  }
};

}  // namespace steppe::STEPPE_NS
