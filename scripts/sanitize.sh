#!/bin/sh
# Runs the native code under sanitizers: pool, stream and memory alone under TSan and ASan; all kernels and the backend in
# Node under ASan and UBSan. KERNEL=matmul runs one kernel only. Needs g++ with libasan, libubsan and libtsan.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)
# Kernels that are asked for too much memory get null, as from the system; Node itself frees nothing at its end.
export ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=0
export TSAN_OPTIONS=allocator_may_return_null=1
export UBSAN_OPTIONS=print_stacktrace=1

build() { # folder, sanitizers, target
  cmake -S native -B "build/$1" -DCMAKE_BUILD_TYPE=Debug -DSTEPPE_SANITIZE="$2" -DSTEPPE_TESTS=ON --log-level=WARNING
  cmake --build "build/$1" --target "$3" --parallel "$jobs"
}

build tsan thread runtime_test
build/tsan/runtime_test
build asan address,undefined runtime_test
ASAN_OPTIONS=allocator_may_return_null=1 build/asan/runtime_test

build asan address,undefined steppe
export STEPPE_ADDON="$PWD/build/asan/steppe.node" STEPPE_TEST_ADDON="$PWD/build/asan/steppe.node"
LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
  npx vitest run tests/kernels/kernels.test.ts tests/backends --testTimeout 300000
