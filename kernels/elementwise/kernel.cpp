#include "kernels/shared/kernel.h"
#include "kernels/elementwise/reduce.h"
#include "kernels/elementwise/scalar.gen.h"
#include "kernels/elementwise/space.h"

namespace steppe::STEPPE_NS {
namespace {

// From so many bytes on results are stored past the caches (README.md).
constexpr int64_t kStreamed = int64_t{1} << 23;

struct Range {
  int64_t begin, end;
};

// A run of a program: its space, its cuts, the accumulators of its combining outputs.
class Run {
 public:
  explicit Run(const Call& call)
      : call_(call), chain_(call.words, call.buffers, call.buffers + ProgramView{call.words}.inputs()), program_(chain_.program()), space_(program_) {
    combining_ = space_.combining(program_);
    if (combining_ && space_.downColumns()) chain_.enlarge(std::min<int64_t>(8192, Space::kDeep * space_.axes.back().size));
    const auto shape = space_.blockShape(chain_.blockSize());
    block_rows_ = shape[0];
    block_columns_ = shape[1];
    if (block_rows_ > 1 && block_columns_ == space_.axes.back().size) {
      for (int i = 0; i < program_.inputs(); i++) {
        if (space_.isRow(i)) chain_.repeats(i, block_columns_);
      }
    }
    streams_ = streams();
    if (streams_) chain_.bypass();
  }

  void operator()() {
    if (combining_) return reduce();
    if (space_.total == 0) return;
    // Without a combining output all axes are alike.
    for (Axis& a : space_.axes) a.reduced = false;
    const Cut cut(space_, space_.rank(), false, wanted(), block_columns_);
    (*call_.parallel)(cut.pieces, [&](int64_t task, int worker) { part(cut, task, nullptr, 0, 0, worker); });
  }

 private:
  // Whether full outputs are many bytes in new memory, and blocks write long pieces of them.
  bool streams() const {
    if (block_columns_ < std::min<int64_t>(256, space_.axes.back().size)) return false;
    int64_t bytes = 0;
    for (int y = 0; y < program_.outputs(); y++) {
      if (combines(y)) continue;
      bytes += space_.total * bytesOf(program_.outputType(y));
      for (int x = 0; x < program_.inputs(); x++) {
        if (call_.buffers[x] == call_.buffers[program_.inputs() + y]) return false;
      }
    }
    return bytes >= kStreamed;
  }
  int64_t wanted() const { return std::clamp<int64_t>(ceilDivide(space_.total, kTaskElements), 1, 1024); }

  void reduce() {
    const int outputs = program_.outputs();
    // Rows stay whole as long as there are other axes to cut; partial results must stay few beside what they are made of.
    const int64_t most = std::max<int64_t>(1, space_.total / std::max<int64_t>(1, space_.kept) / 16);
    Cut cut(space_, space_.rank() - 1, false, wanted(), block_columns_);
    if (2 * cut.pieces * most < wanted()) cut = Cut(space_, space_.rank(), false, wanted(), block_columns_);
    const Cut split(space_, space_.rank(), true, std::min(most, ceilDivide(wanted(), cut.pieces)), block_columns_);
    partials_ = split.axis < 0 ? 1 : split.pieces;
    const int64_t each = space_.kept * kAccumulatorBytes;
    accumulators_ = static_cast<char*>(call_.parallel->shared(size_t(std::max<int64_t>(each * partials_ * outputs, 64))));
    const int64_t chunk = 4096, chunks = ceilDivide(space_.kept, chunk);
    types_.assign(outputs, RegisterType::f32);
    for (int i = 0; i < program_.instructions(); i++) {
      const int32_t* word = program_.instruction(i);
      if ((word[0] & 0xffff) == int(Structural::store)) types_[word[2]] = RegisterType(word[0] >> 16);
    }
    (*call_.parallel)(chunks, [&](int64_t task, int) {
      const int64_t first = task * chunk, many = std::min(chunk, space_.kept - first);
      for (int y = 0; y < outputs; y++) {
        if (!combines(y)) continue;
        for (int64_t p = 0; p < partials_; p++) reductionOf(y).begin(accumulator(y, p, first), many);
      }
    });
    if (space_.total > 0) {
      (*call_.parallel)(cut.pieces * partials_,
                        [&](int64_t task, int worker) { part(cut, task / partials_, &split, task % partials_, task % partials_, worker); });
    }
    (*call_.parallel)(chunks, [&](int64_t task, int worker) {
      const int64_t first = task * chunk, many = std::min(chunk, space_.kept - first);
      void* registers = call_.parallel->scratch(worker, size_t(chunk * 8));
      for (int y = 0; y < outputs; y++) {
        if (!combines(y)) continue;
        reductionOf(y).finish(registers, accumulator(y, 0, first), many, partials_, space_.kept);
        const DType type = program_.outputType(y);
        storers[int(type)](static_cast<char*>(call_.buffers[program_.inputs() + y]) + first * bytesOf(type), registers, 1, many, many);
      }
    });
  }
  bool combines(int output) const { return program_.combine(output) != Combine::none; }
  const Reduction& reductionOf(int output) const { return reductions[int(program_.combine(output))][int(types_[output])]; }
  // Accumulators are laid out [output][partial][kept].
  void* accumulator(int output, int64_t partial, int64_t at) const {
    using Slot = char[kAccumulatorBytes];
    const int64_t wide = types_[output] == RegisterType::f32 || types_[output] == RegisterType::f64 ? 8 : 4;
    return accumulators_ + (output * partials_ * space_.kept) * int64_t(sizeof(Slot)) + (partial * space_.kept + at) * wide;
  }

  // The part of the space where `cut` and `split` are at their given pieces.
  void part(const Cut& cut, int64_t piece, const Cut* split, int64_t split_piece, int64_t partial, int worker) const {
    void* scratch = call_.parallel->scratch(worker, chain_.scratchBytes());
    const int rank = space_.rank(), inputs = program_.inputs(), row_axis = rank - 2, column_axis = rank - 1;
    std::vector<Range> range(rank);
    for (int i = 0; i < rank; i++) range[i] = {0, space_.axes[i].size};
    const auto restrict = [&](const Cut& c, int64_t k) {
      if (c.axis >= 0) range[c.axis] = {k * c.piece, std::min((k + 1) * c.piece, space_.axes[c.axis].size)};
    };
    restrict(cut, piece);
    if (split != nullptr) restrict(*split, split_piece);

    chain_.begin(scratch);
    std::vector<int64_t> index(rank), places(inputs);
    for (int i = 0; i < rank; i++) index[i] = range[i].begin;
    while (true) {
      for (int64_t r = range[row_axis].begin; r < range[row_axis].end; r += block_rows_) {
        for (int64_t c = range[column_axis].begin; c < range[column_axis].end; c += block_columns_) {
          index[row_axis] = r;
          index[column_axis] = c;
          const int64_t rows = std::min(block_rows_, range[row_axis].end - r), columns = std::min(block_columns_, range[column_axis].end - c);
          block(index.data(), places.data(), rows, columns, partial, scratch);
        }
      }
      int axis = rank - 3;
      while (axis >= 0 && ++index[axis] == range[axis].end) {
        index[axis] = range[axis].begin;
        axis--;
      }
      if (axis < 0) break;
    }
    if (streams_) settleStreams();
  }

  void block(const int64_t* index, int64_t* places, int64_t rows, int64_t columns, int64_t partial, void* scratch) const {
    const int rank = space_.rank(), inputs = program_.inputs();
    const Axis &row = space_.axes[rank - 2], &column = space_.axes[rank - 1];
    int64_t output = 0, kept = 0;
    for (int i = 0; i < inputs; i++) places[i] = program_.offset(i);
    for (int axis = 0; axis < rank; axis++) {
      output += index[axis] * space_.axes[axis].output;
      kept += index[axis] * space_.axes[axis].kept;
      for (int i = 0; i < inputs; i++) places[i] += index[axis] * space_.strides(axis)[i];
    }
    const Rectangle where{rows, columns, places, space_.strides(rank - 2), space_.strides(rank - 1), output, row.output, nullptr, 0};
    chain_.block(where, scratch, [&](int y, RegisterType, const void* from) {
      reductionOf(y).block(accumulator(y, partial, kept), from, rows, columns, row.kept, column.kept);
    });
  }

  const Call& call_;
  Chain chain_;
  ProgramView program_;
  Space space_;
  bool combining_, streams_ = false;
  int64_t block_rows_ = 1, block_columns_ = 1, partials_ = 1;
  char* accumulators_ = nullptr;
  std::vector<RegisterType> types_;
};

void elementwise(const Call& call) {
  Run run(call);
  run();
}

STEPPE_KERNEL("elementwise_f32", elementwise);

}  // namespace
}  // namespace steppe::STEPPE_NS
