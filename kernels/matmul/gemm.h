// A batched matrix product in blocks: strips of a against packed panels of b, in the register tile.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>

#include "kernels/matmul/dots.h"
#include "kernels/matmul/finish.h"
#include "kernels/matmul/pack.h"
#include "kernels/matmul/tile.h"
#include "kernels/shared/kernel.h"

namespace steppe::STEPPE_NS {

constexpr int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
// The size of equal parts, multiples of `unit`, of which none exceeds `most` (itself a multiple of the unit).
inline int64_t evenPart(int64_t size, int64_t most, int64_t unit) {
  const int64_t parts = std::max<int64_t>(1, ceilDiv(size, most));
  return std::max(unit, ceilDiv(ceilDiv(size, parts), unit) * unit);
}

template <class T> struct Product {
  const int32_t *batch, *aBatch, *bBatch;  // four sizes and strides
  int64_t batches, m, n, depth;
  Factor<T> a, b;

  // The factors of one entry of the batch.
  std::pair<Factor<T>, Factor<T>> entry(int64_t index) const {
    Factor<T> left = a, right = b;
    for (int axis = 3; axis >= 0; axis--) {
      const int64_t at = index % batch[axis];
      index /= batch[axis];
      left.data += at * aBatch[axis];
      right.data += at * bBatch[axis];
    }
    return {left, right};
  }
};

// How a product is cut into tasks: by its size alone, so that sums are the same for any number of threads.
struct Cut {
  bool sharedPanels;             // b is packed once for all tasks
  int64_t rows, columns, depth;  // of a block
  int64_t splits;                // of the summed axis, whose sums are added in the end
  int64_t group;                 // entries of the batch in a task
  int64_t run;                   // blocks and splits of the depth begin at multiples of it
};

template <class T> Cut cutOf(const Product<T>& p) {
  constexpr int64_t panel = kTileColumns<T>, fewRows = 48, manyRows = 240, manyColumns = 768, fewColumns = 320, deep = 2048 / sizeof(T);
  constexpr int64_t taskWork = 200'000, enoughTasks = 16, blockOfB = (512 << 10) / sizeof(T);
  const int64_t perEntry = p.m * p.n * p.depth;
  // A tile of few rows reads b so often that the block of b must stay in L2.
  constexpr bool lowTiles = kTileRows < 12;
  const int64_t mostColumns = lowTiles && p.depth > deep / 2 ? manyColumns * 2 / 3 : manyColumns;
  Cut cut{false, evenPart(p.m, manyRows, 1), evenPart(p.n, mostColumns, panel), 0, 1, 1, 1};
  const int64_t tasks = p.batches * ceilDiv(p.m, fewRows) * ceilDiv(p.n, manyColumns);
  if (p.depth >= 1024 && tasks < enoughTasks) {
    cut.columns = evenPart(p.n, fewColumns, panel);
    // Factors that are read in place may be read by more tasks: longer sums in fewer parts.
    if (!lowTiles) cut.rows = evenPart(p.m, manyRows / 2, 1);
    const int64_t blocks = p.batches * ceilDiv(p.m, cut.rows) * ceilDiv(p.n, cut.columns);
    const int64_t fitting = std::max<int64_t>(1, (int64_t{16} << 20) / int64_t(p.batches * p.m * p.n * sizeof(T)));
    cut.splits = std::min({ceilDiv(enoughTasks, blocks), p.depth / 256, fitting});
  } else if (p.batches == 1 && p.m > manyRows) {
    cut.sharedPanels = true;
    cut.rows = evenPart(p.m, fewRows, 1);
  } else {
    const int64_t wanted = std::clamp<int64_t>(p.batches * perEntry / taskWork, 1, 64);
    const int64_t blocks = p.batches * ceilDiv(p.m, cut.rows);
    if (blocks < wanted) cut.columns = std::min(cut.columns, evenPart(p.n, std::max(panel, p.n / ceilDiv(wanted, blocks) / panel * panel), panel));
    else cut.group = std::clamp<int64_t>(taskWork / std::max<int64_t>(1, perEntry), 1, p.batches);
  }
  const int64_t deepest = lowTiles && cut.splits == 1 && cut.columns * deep > blockOfB ? deep / 2 : deep;
  // Runs of the depth stay whole where they are short.
  if (p.a.inner < p.depth && p.a.inner <= deepest && p.depth / p.a.inner >= cut.splits) cut.run = p.a.inner;
  cut.depth = evenPart(ceilDiv(p.depth, cut.splits), deepest / cut.run * cut.run, cut.run);
  return cut;
}

// Runs the product, and `finish` on every finished block. `y` may be null.
template <class T> class Gemm {
 public:
  Gemm(const Product<T>& product, T* y, Parallel& parallel, const Finish<T>& finish)
      : p(product), cut(cutOf(product)), y(y), parallel(parallel), finish(finish) {}

  void run() {
    const int64_t rowBlocks = ceilDiv(p.m, cut.rows), columnBlocks = ceilDiv(p.n, cut.columns), groups = ceilDiv(p.batches, cut.group);
    if (cut.sharedPanels) packShared();
    if (cut.splits > 1) sums = static_cast<T*>(parallel.shared(size_t(cut.splits * p.batches * p.m * p.n) * sizeof(T)));
    parallel(groups * cut.splits * rowBlocks * columnBlocks, [&](int64_t task, int worker) {
      const int64_t i = task % rowBlocks * cut.rows;
      const int64_t j = task / rowBlocks % columnBlocks * cut.columns;
      const int64_t split = task / (rowBlocks * columnBlocks) % cut.splits;
      const int64_t group = task / (rowBlocks * columnBlocks * cut.splits);
      for (int64_t entry = group * cut.group; entry < std::min((group + 1) * cut.group, p.batches); entry++) {
        block(entry, split, i, std::min(cut.rows, p.m - i), j, std::min(cut.columns, p.n - j), worker);
      }
    });
    if (cut.splits > 1) addSums();
  }

 private:
  static constexpr int L = kLanes<T>;
  static constexpr int64_t panel = kTileColumns<T>, kDirect = 65536 / sizeof(T);

  const Product<T>& p;
  const Cut cut;
  T* const y;
  Parallel& parallel;
  const Finish<T>& finish;
  T* panels = nullptr;  // all of b: for each block of depth, its panels one after the other
  T* sums = nullptr;    // [splits, batches * m, n]

  static int64_t whole(int64_t columns) { return ceilDiv(columns, L) * L; }

  void packShared() {
    const int64_t width = whole(p.n), count = ceilDiv(p.n, panel), blocks = ceilDiv(p.depth, cut.depth);
    panels = static_cast<T*>(parallel.shared(size_t(width * p.depth) * sizeof(T)));
    parallel(blocks * count, [&](int64_t task, int) {
      const int64_t k = task / count * cut.depth, j = task % count * panel, length = std::min(cut.depth, p.depth - k);
      const int columns = int(std::min(panel, p.n - j));
      pack(panels + k * width + j * length, widthFor<T>(columns), p.b, j, columns, k, length);
    });
  }

  // Rows [i, i + rows), columns [j, j + columns) of one entry and split: every panel against every strip of rows, and the chain on
  // each strip as soon as it is summed.
  void block(int64_t entry, int64_t split, int64_t i, int64_t rows, int64_t j, int64_t columns, int worker) {
    const auto [a, b] = p.entry(entry);
    const int64_t runs = p.depth / cut.run, begin = runs * split / cut.splits * cut.run, end = runs * (split + 1) / cut.splits * cut.run;
    const int64_t longest = std::min(cut.depth, end - begin);
    // What lies apart by a power of two would share few cache sets.
    const auto scattered = [](int64_t stride, int64_t bytes = 2048) { return stride * int64_t(sizeof(T)) % bytes != 0; };
    const bool rowMajor = a.depth == 1 && (a.inner == p.depth || cut.run > 1) && scattered(a.lane, 4096);
    // Few rows of a deep transposed factor are little of each cache line.
    const bool directA = rowMajor || (a.lane == 1 && a.inner == p.depth && scattered(a.depth) && (kTileRows >= 12 || p.depth <= 128));
    const bool directB = !cut.sharedPanels && b.lane == 1 && b.inner == p.depth &&
                         (rows <= 2 * kTileRows || (scattered(b.depth) && (cut.splits > 1 || columns * p.depth <= kDirect)));
    // A single last column would take the time of half a vector.
    const bool byDots = !cut.sharedPanels && rowMajor && a.inner == p.depth && columns % panel == 1;
    const auto widthOf = [&](int64_t count) { return byDots && count == 1 ? 1 : widthFor<T>(count); };
    const bool apart = cut.splits == 1 && !y, alone = longest == end - begin;  // alone: a strip is summed in one go
    const FusedChain* const fused = apart ? finish.fused() : nullptr;
    const int64_t sizeA = directA ? 0 : whole(rows * longest), sizeB = cut.sharedPanels ? 0 : whole(columns) * longest;
    const int64_t sizeC = apart ? columns * (alone ? kTileRows : rows) : 0;
    char* const scratch = static_cast<char*>(parallel.scratch(worker, finish.scratchBytes() + size_t(sizeA + sizeB + sizeC) * sizeof(T)));
    T* const packedA = reinterpret_cast<T*>(scratch + finish.scratchBytes());
    T* const packedB = packedA + sizeA;
    T* const c = apart ? packedB + sizeB : (cut.splits > 1 ? sums + (split * p.batches + entry) * p.m * p.n : y + entry * p.m * p.n) + i * p.n + j;
    const int64_t cRow = apart ? columns : p.n, strips = ceilDiv(rows, kTileRows);

    for (int64_t k = begin; k < end || k == begin; k += cut.depth) {
      const int64_t length = std::min(cut.depth, end - k);
      const auto isDirect = [&](int64_t width) { return directB && width % L == 0; };
      const bool bInOrder = !cut.sharedPanels && !directB && b.lane == 1, aInOrder = !directA && a.lane == 1;
      if (bInOrder)
        packStrips(
            packedB, ceilDiv(columns, panel), [&](int64_t s) { return std::min(s * panel, columns); }, widthOf, b, j, k, length);
      if (aInOrder)
        packStrips(
            packedA, strips, [&](int64_t s) { return rows * s / strips; }, std::identity{}, a, i, k, length);
      for (int64_t at = 0; at < columns && !cut.sharedPanels && !bInOrder; at += panel) {
        const int64_t width = std::min(panel, columns - at);
        if (!isDirect(width)) pack(packedB + at * length, widthOf(width), b, j + at, int(width), k, length);
      }
      for (int64_t s = 0; s < strips; s++) {
        const int64_t first = rows * s / strips;
        const int height = int(rows * (s + 1) / strips - first);
        T* const to = apart && alone ? c : c + first * cRow;
        const T* left = packedA + first * length;
        if (directA) left = a.at(i + first, k);
        else if (!aInOrder) pack(packedA + first * length, height, a, i + first, height, k, length);
        for (int64_t at = 0; at < columns; at += panel) {
          const int64_t width = std::min(panel, columns - at);
          if (byDots && width == 1) {
            dotColumn(left, a.lane, height, packedB + at * length, length, to + at, cRow, k > begin);
            continue;
          }
          const T* right = cut.sharedPanels ? panels + k * whole(p.n) + (j + at) * length : isDirect(width) ? b.at(j + at, k) : packedB + at * length;
          const int64_t bStep = isDirect(width) ? b.depth : widthFor<T>(width), segments = rowMajor && cut.run > 1 ? length / cut.run : 1,
                        run = segments > 1 ? cut.run : length;
          const Walk walk{segments, run, directA ? a.lane : 1, directA ? a.depth : height, a.outer, bStep, isDirect(width) ? b.outer : run * bStep};
          if (rowMajor && s + 1 < strips) prefetchRows(a, i + rows * (s + 1) / strips, i + rows * (s + 2) / strips, k, length, at, columns);
          Tile<T>(height, isDirect(width) ? int(width / L) : vectorsFor<T>(width))(walk, left, right, to + at, cRow, int(width), k > begin);
        }
        if (cut.splits == 1 && k + length == end) finishStrip(fused, entry * p.m + i + first, height, j, columns, to, cRow, scratch);
      }
    }
  }

  void finishStrip(const FusedChain* fused, int64_t row, int height, int64_t column, int64_t columns, T* sums, int64_t stride, void* scratch) const {
    if constexpr (sizeof(T) == 4) {
      if (fused) return (*fused)(fused->rowsAt(row, height), column, int(columns), sums, stride);
    }
    finish(row, height, column, columns, sums, stride, scratch);
  }

  // Asks for the part of some rows of a that the panel at `at` has to fetch for the next strip.
  void prefetchRows(const Factor<T>& a, int64_t first, int64_t end, int64_t k, int64_t length, int64_t at, int64_t columns) const {
    const int64_t all = end - first, until = first + all * std::min(at + panel, columns) / columns;
    for (int64_t row = first + all * at / columns; row < until; row++) {
      for (int64_t l = 0; l < length; l += kLine<T>) __builtin_prefetch(a.at(row, k + l));
    }
  }

  // y = sums[0] + sums[1] + ..., in this order.
  void addSums() {
    const int64_t all = p.batches * p.m, rows = std::max<int64_t>(1, 16384 / p.n);
    parallel(ceilDiv(all, rows), [&](int64_t task, int worker) {
      const int64_t first = task * rows, count = std::min(rows, all - first), size = count * p.n;
      char* const scratch = static_cast<char*>(parallel.scratch(worker, finish.scratchBytes() + (y ? 0 : size_t(size) * sizeof(T))));
      T* const to = y ? y + first * p.n : reinterpret_cast<T*>(scratch + finish.scratchBytes());
      std::copy_n(sums + first * p.n, size, to);
      for (int64_t split = 1; split < cut.splits; split++) {
        const T* from = sums + (split * all + first) * p.n;
        for (int64_t e = 0; e < size; e++) to[e] += from[e];
      }
      finish(first, count, 0, p.n, to, p.n, scratch);
    });
  }
};

}  // namespace steppe::STEPPE_NS
