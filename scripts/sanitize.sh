#!/usr/bin/env bash
# sanitize.sh address,undefined | thread: builds the tests of the rooms that the sanitizer is for, and runs them. Tests
# under mpiexec are left out: Open MPI is not built for it.
set -eu
cd "$(dirname "$0")/.."
kind=$1
build=build-${kind//,/-}
case $kind in
thread) tests="base tensor data tokenizer comm_algorithms comm_queue comm_self" ;;
*) tests="base tensor mesh schedule comm_algorithms comm_queue model" ;;
esac
[ -f "$build/build.ninja" ] ||
  cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DCMAKE_UNITY_BUILD=ON \
    -DKUMIKO_TESTS=ON -DKUMIKO_SANITIZE="$kind"
targets=""
for test in $tests; do targets="$targets test_$test"; done
ninja -C "$build" $targets
ctest --test-dir "$build" --output-on-failure --no-tests=error -R "^($(echo "$tests" | tr ' ' '|'))$"
