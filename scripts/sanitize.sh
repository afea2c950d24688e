#!/usr/bin/env bash
# sanitize.sh address,undefined | thread: builds the tests of the rooms that the sanitizer is for, and runs them.
set -eu
cd "$(dirname "$0")/.."
kind=$1
build=build-${kind//,/-}
case $kind in
thread) tests="base tensor data comm" ;;
*) tests="base tensor mesh kernels model optim data checkpoint" ;;
esac
[ -f "$build/build.ninja" ] ||
  cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DKUMIKO_TESTS=ON -DKUMIKO_SANITIZE="$kind"
targets=""
for test in $tests; do targets="$targets test_$test"; done
ninja -C "$build" $targets
# Open MPI and the OpenMP runtime are not built with the sanitizers: what they keep or synchronise is not ours.
export ASAN_OPTIONS=detect_leaks=1:protect_shadow_gap=0 LSAN_OPTIONS=suppressions=$PWD/scripts/sanitizer-suppressions.txt
export TSAN_OPTIONS=suppressions=$PWD/scripts/sanitizer-suppressions.txt
ctest --test-dir "$build" --output-on-failure --no-tests=error -R "^($(echo "$tests" | tr ' ' '|'))$"
