// Runs a Program (kernels/elementwise/program.ts) on rectangles of its iteration space: one instruction at a time over a block of
// elements that stays in L1. The loops themselves are compiled once, in kernels/elementwise/kernel.cpp.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/shared/simd.h"

namespace steppe::STEPPE_NS {

// In the order of src/core/dtype.ts and program.ts.
enum class DType : int32_t { f64, f32, f16, bf16, i32, u32, u8, boolean };
enum class RegisterType : int32_t { f32, f64, i32, u32 };
enum class Combine : int32_t { none, sum, max, min, prod };
enum class Structural : int32_t { load, store, constant, cast, count };
constexpr int kMaxRank = 8;

constexpr int64_t bytesOf(DType t) {
  constexpr int64_t bytes[] = {8, 4, 2, 2, 4, 4, 1, 1};
  return bytes[int(t)];
}
constexpr RegisterType registerOf(DType t) {
  constexpr RegisterType type[] = {RegisterType::f64, RegisterType::f32, RegisterType::f32, RegisterType::f32,
                                   RegisterType::i32, RegisterType::u32, RegisterType::i32, RegisterType::i32};
  return type[int(t)];
}
// Whether registers hold the dtype as memory does.
constexpr bool sameInMemory(DType t) { return t != DType::f16 && t != DType::bf16 && t != DType::u8 && t != DType::boolean; }

// d[i] = f(a[i], b[i], c[i]) for i in [0, n); n is a multiple of kPad.
using Loop = void (*)(void* d, const void* a, const void* b, const void* c, int64_t n);
// A strided rectangle of memory into a dense block, and a dense block into rows of memory.
using Loader = void (*)(void* d, const void* from, int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride);
using Storer = void (*)(void* to, const void* block, int64_t rows, int64_t columns, int64_t row_stride);
extern const Loop scalar_loops[][4];  // by opcode and register type
extern const Loop cast_loops[4][8];   // by register type and dtype
extern const Loader loaders[8];
extern const Storer storers[8];
extern const Storer streamers[8];  // the same, past the caches
constexpr int64_t kPad = 16;

// The words of an encoded program.
struct ProgramView {
  static constexpr int kHeader = 1 + kMaxRank + 5, kInput = 2 + kMaxRank, kOutput = 2, kInstruction = 5;
  const int32_t* words;

  int rank() const { return words[0]; }
  int64_t size(int axis) const { return words[1 + axis]; }
  bool reduced(int axis) const { return words[1 + kMaxRank] >> axis & 1; }
  int inputs() const { return words[2 + kMaxRank]; }
  int outputs() const { return words[3 + kMaxRank]; }
  int registers() const { return words[4 + kMaxRank]; }
  int instructions() const { return words[5 + kMaxRank]; }
  const int32_t* input(int i) const { return words + kHeader + i * kInput; }
  const int32_t* output(int i) const { return words + kHeader + inputs() * kInput + i * kOutput; }
  const int32_t* instruction(int i) const { return output(outputs()) + i * kInstruction; }
  DType inputType(int i) const { return DType(input(i)[0]); }
  int64_t offset(int i) const { return input(i)[1]; }
  int64_t stride(int i, int axis) const { return input(i)[2 + axis]; }
  DType outputType(int i) const { return DType(output(i)[0]); }
  Combine combine(int i) const { return Combine(output(i)[1]); }
};

// A rectangle of the iteration space. Places and strides count elements, one entry an input or one for all (full) outputs.
struct Rectangle {
  int64_t rows, columns;
  const int64_t* inputs;
  const int64_t* row_strides;
  const int64_t* column_strides;
  int64_t output, output_stride;
  const void* accumulator;  // row-major, what `load -1` reads
  int64_t accumulator_stride;
};

class Chain {
 public:
  // An encoded program and its buffers.
  Chain(const int32_t* words, void* const* inputs, void* const* outputs) : program_{words}, inputs_(inputs), outputs_(outputs) { prepare(); }

  // Of every worker; begins with a pointer for each register.
  size_t scratchBytes() const { return size_t(pointerBytes() + program_.registers() * registerBytes()); }
  // Elements that a block holds at most.
  int64_t blockSize() const { return block_; }
  const ProgramView& program() const { return program_; }

  // Rows count over all axes of the shape but the last (batch * m + row for a batched matmul), columns over the last.
  // accumulator[i * stride + j] is what `load -1` reads at row `row + i`, column `column + j`.
  void tile(int64_t row, int64_t rows, int64_t column, int64_t columns, const void* accumulator, int64_t stride, void* scratch) const {
    const int rank = program_.rank(), n = program_.inputs();
    const int64_t width = rank > 0 ? program_.size(rank - 1) : 1, height = rank > 1 ? program_.size(rank - 2) : 1;
    std::vector<int64_t> places(3 * n);
    int64_t *at = places.data(), *row_strides = at + n, *column_strides = row_strides + n;
    for (int i = 0; i < n; i++) {
      row_strides[i] = rank > 1 ? program_.stride(i, rank - 2) : 0;
      column_strides[i] = rank > 0 ? program_.stride(i, rank - 1) : 0;
    }
    begin(scratch);
    const int64_t step = std::min(columns, block_), deep = step == columns ? std::max<int64_t>(1, block_ / std::max<int64_t>(columns, 1)) : 1;
    const int64_t element = accumulatorBytes_;
    for (int64_t done = 0, take; done < rows; done += take) {
      // A block does not cross the end of the last axis of rows: its rows have one stride.
      const int64_t first = row + done;
      take = std::min({deep, rows - done, height - first % height});
      for (int64_t c = 0; c < columns; c += step) {
        const int64_t many = std::min(step, columns - c);
        for (int i = 0; i < n; i++) {
          int64_t place = program_.offset(i) + (column + c) * column_strides[i];
          for (int64_t axis = rank - 2, rest = first; axis >= 0; axis--) {
            place += rest % program_.size(axis) * program_.stride(i, axis);
            rest /= program_.size(axis);
          }
          at[i] = place;
        }
        const void* from = static_cast<const char*>(accumulator) + (done * stride + c) * element;
        block({take, many, at, row_strides, column_strides, first * width + column + c, width, from, stride}, scratch, [](auto&&...) {});
      }
    }
  }

  // Makes blocks of at least so many elements possible.
  void enlarge(int64_t elements) { block_ = std::max(block_, (elements + kPad - 1) / kPad * kPad); }
  // Tells that all results are stored past the caches.
  void bypass() {
    for (Step& s : steps_) {
      if (s.kind == Kind::compute) s.output = -1;
    }
    storers_ = streamers;
  }
  // Tells that an input is one contiguous row of `columns`, the width of every block: it is then loaded once.
  void repeats(int input, int64_t columns) {
    for (Step& s : steps_) {
      if (s.kind != Kind::load || s.a != input || s.writers != 1 || s.hoisted) continue;
      s.hoisted = true;
      s.columns = columns;
    }
  }

  // Fills what is the same in every block. Before the first block that uses `scratch`.
  void begin(void* scratch) const {
    void** at = static_cast<void**>(scratch);
    for (int r = 0; r < program_.registers(); r++) at[r] = own(scratch, r);
    for (const Step& s : steps_) {
      if (!s.hoisted) continue;
      if (s.kind == Kind::constant) {
        fill(s, at[s.d]);
      } else {
        const int64_t columns = s.columns > 0 ? s.columns : block_;
        loaders[int(program_.inputType(s.a))](at[s.d], element(s.a, program_.offset(s.a)), block_ / columns, columns, 0, s.columns > 0 ? 1 : 0);
      }
    }
  }

  // Runs the program on a rectangle of at most blockSize() elements. combine(output, type, block) gets what a combining store stores:
  // rows x columns, dense.
  template <class F> void block(const Rectangle& where, void* scratch, F&& combine) const {
    void** at = static_cast<void**>(scratch);
    const int64_t n = where.rows * where.columns, padded = (n + kPad - 1) / kPad * kPad;
    const bool whole = n == padded, dense = where.rows == 1 || where.columns == where.output_stride;
    for (const Step& s : steps_) {
      switch (s.kind) {
        case Kind::load: {
          if (s.hoisted) break;
          const int64_t row_stride = where.row_strides[s.a], column_stride = where.column_strides[s.a];
          const void* from = element(s.a, where.inputs[s.a]);
          if (s.direct && whole && (column_stride == 1 || where.columns == 1) && (where.rows == 1 || row_stride == where.columns)) {
            at[s.d] = const_cast<void*>(from);
          } else {
            loaders[int(program_.inputType(s.a))](at[s.d] = own(scratch, s.d), from, where.rows, where.columns, row_stride, column_stride);
          }
          break;
        }
        case Kind::accumulator:
          at[s.d] = own(scratch, s.d);
          loaders[int(s.type == RegisterType::f64 ? DType::f64 : DType::f32)](at[s.d], where.accumulator, where.rows, where.columns,
                                                                              where.accumulator_stride, 1);
          break;
        case Kind::constant:
          if (!s.hoisted) fill(s, at[s.d] = own(scratch, s.d));
          break;
        case Kind::compute: {
          const void *a = at[s.a], *b = at[s.b], *c = at[s.c];
          at[s.d] = s.output >= 0 && whole && dense ? place(s.output, where.output) : own(scratch, s.d);
          s.loop(at[s.d], a, b, c, padded);
          break;
        }
        case Kind::store: {
          void* to = place(s.a, where.output);
          if (at[s.b] != to) storers_[int(program_.outputType(s.a))](to, at[s.b], where.rows, where.columns, where.output_stride);
          break;
        }
        case Kind::combine:
          combine(s.a, s.type, static_cast<const void*>(at[s.b]));
          break;
      }
    }
  }

 private:
  enum class Kind : uint8_t { load, accumulator, constant, compute, store, combine };
  struct Step {
    Kind kind;
    RegisterType type;
    bool hoisted = false;  // load, constant: the same in every block
    bool direct = false;   // load: the input's memory may serve as the register
    int output = -1;       // compute: the output whose memory may serve as the register
    int writers = 0;       // steps that write register d
    int64_t columns = 0;   // hoisted load: the row that repeats; 0 for a single element
    int d = 0, a = 0, b = 0, c = 0;
    Loop loop = nullptr;
  };

  int64_t pointerBytes() const { return (program_.registers() * int64_t(sizeof(void*)) + 63) / 64 * 64; }
  int64_t registerBytes() const { return block_ * 8; }
  void* own(void* scratch, int r) const { return static_cast<char*>(scratch) + pointerBytes() + r * registerBytes(); }
  const void* element(int input, int64_t at) const { return static_cast<const char*>(inputs_[input]) + at * bytesOf(program_.inputType(input)); }
  void* place(int output, int64_t at) const { return static_cast<char*>(outputs_[output]) + at * bytesOf(program_.outputType(output)); }

  template <class T> static void fillWith(void* d, double value, int64_t n) { std::fill_n(static_cast<T*>(d), n, T(value)); }
  void fill(const Step& s, void* d) const {
    const int32_t halves[2] = {s.a, s.b};
    double value;
    std::memcpy(&value, halves, sizeof value);
    switch (s.type) {
      case RegisterType::f32:
        return fillWith<float>(d, value, block_);
      case RegisterType::f64:
        return fillWith<double>(d, value, block_);
      case RegisterType::i32:
        return fillWith<int32_t>(d, value, block_);
      case RegisterType::u32:
        return fillWith<uint32_t>(d, value, block_);
    }
  }

  static bool writes(const Step& s) { return s.kind != Kind::store && s.kind != Kind::combine; }
  static bool reads(const Step& s, int r) {
    if (s.kind == Kind::compute) return s.a == r || s.b == r || s.c == r;
    return !writes(s) && s.b == r;
  }

  void prepare() {
    const int count = program_.instructions(), registers = program_.registers();
    block_ = registers <= 4 ? 1024 : registers <= 10 ? 512 : 256;
    std::vector<int> written(registers, 0);
    for (int i = 0; i < count; i++) {
      const int32_t* word = program_.instruction(i);
      const int op = word[0] & 0xffff;
      Step s{.kind = Kind::compute, .type = RegisterType(word[0] >> 16), .d = word[1], .a = word[2], .b = word[3], .c = word[4]};
      if (op == int(Structural::load)) {
        s.kind = s.a < 0 ? Kind::accumulator : Kind::load;
        if (s.type == RegisterType::f64) accumulatorBytes_ = s.a < 0 ? 8 : accumulatorBytes_;
      } else if (op == int(Structural::store)) {
        s.kind = program_.combine(s.a) == Combine::none ? Kind::store : Kind::combine;
      } else if (op == int(Structural::constant)) {
        s.kind = Kind::constant;
      } else if (op == int(Structural::cast)) {
        s.loop = cast_loops[int(s.type)][s.b];
        s.b = s.c = s.a;
      } else {
        s.loop = scalar_loops[op][int(s.type)];
      }
      if (writes(s)) written[s.d]++;
      steps_.push_back(s);
    }
    for (int i = 0; i < count; i++) {
      Step& s = steps_[i];
      if (writes(s)) s.writers = written[s.d];
      if (s.kind == Kind::constant) s.hoisted = s.writers == 1;
      if (s.kind == Kind::load) {
        s.hoisted = s.writers == 1 && isScalar(s.a);
        s.direct = sameInMemory(program_.inputType(s.a)) && !usedAfterStore(i);
      }
      if (s.kind == Kind::store && sameInMemory(program_.outputType(s.a)) && registerOf(program_.outputType(s.a)) == s.type) serve(i);
    }
  }
  bool isScalar(int input) const {
    for (int axis = 0; axis < program_.rank(); axis++) {
      if (program_.stride(input, axis) != 0) return false;
    }
    return true;
  }
  // An output may lie where an input did: what was loaded must not be read from there once something is stored.
  bool usedAfterStore(int load) const {
    bool stored = false;
    for (size_t i = load + 1; i < steps_.size(); i++) {
      const Step& s = steps_[i];
      if (stored && reads(s, steps_[load].d)) return true;
      if (writes(s) && s.d == steps_[load].d) return false;
      stored |= s.kind == Kind::store;
    }
    return false;
  }
  // Lets the step that computes what step `store` stores write it there, if from then on nothing reads an input's memory.
  void serve(int store) {
    int producer = store - 1;
    while (producer >= 0 && !(writes(steps_[producer]) && steps_[producer].d == steps_[store].b)) producer--;
    if (producer < 0 || steps_[producer].kind != Kind::compute || steps_[producer].output >= 0) return;
    std::vector<bool> loaded(program_.registers(), false);
    for (size_t i = 0; i < steps_.size(); i++) {
      const Step& s = steps_[i];
      if (int(i) > producer) {
        if (s.kind == Kind::load && !s.hoisted) return;
        for (int r = 0; r < program_.registers(); r++) {
          if (loaded[r] && reads(s, r)) return;
        }
      }
      if (writes(s)) loaded[s.d] = s.kind == Kind::load;
    }
    steps_[producer].output = steps_[store].a;
  }

  ProgramView program_;
  void* const* inputs_;
  void* const* outputs_;
  int64_t block_ = 0, accumulatorBytes_ = 4;
  const Storer* storers_ = storers;
  std::vector<Step> steps_;
};

}  // namespace steppe::STEPPE_NS
