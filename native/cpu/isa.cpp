#include "native/cpu/isa.h"

#include <algorithm>
#include <cstring>

namespace steppe {

KernelEntry* kernel_tables[3] = {};

static int detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  return avx2 ? (avx512 ? 2 : 1) : 0;
#else
  return 0;
#endif
}

int best_level() {
  static const int level = detect();
  return level;
}

std::vector<const KernelEntry*> kernel_table(int level) {
  std::vector<const KernelEntry*> table;
  for (const KernelEntry* entry = kernel_tables[level]; entry; entry = entry->next) table.push_back(entry);
  std::sort(table.begin(), table.end(), [](auto* a, auto* b) { return std::strcmp(a->name, b->name) < 0; });
  return table;
}

}  // namespace steppe
