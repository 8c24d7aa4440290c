// The instruction set levels that kernels are compiled for.
#pragma once
#include <vector>

#include "kernels/shared/kernel.h"

namespace steppe {

constexpr const char* kLevelNames[3] = {"baseline", "avx2", "avx512"};

// The highest level that this CPU runs; asked once.
int best_level();

// The kernels of a level, sorted by name: a kernel has the same index at every level.
std::vector<const KernelEntry*> kernel_table(int level);

}  // namespace steppe
