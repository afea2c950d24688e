#!/usr/bin/env bash
# sanitize.sh address,undefined | thread [TEST ...]: builds the tests with the sanitizer and runs them: all rooms for addresses
# and undefined behaviour; for threads those that start some. With TESTs (names of kumiko_test), those only. Tests that start
# the program and tests on ranks are among them.
set -eu
cd "$(dirname "$0")/.."
kind=$1
shift
all=$(grep -rhoE '^kumiko_test\([a-z0-9_]+' tests --include=CMakeLists.txt | sed 's/kumiko_test(//' | sort)
case $kind in
  # Not the sizes that only take time, and what holds a process to a limit of memory: the sanitizers take their own.
  address,undefined)
    preset=address-undefined
    tests=${*:-$(echo "$all" | grep -vE 'slow')}
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    # Open MPI and hwloc keep what they allocate at their start.
    export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=1:handle_sigbus=0  # a file cut short is ours to name
    ;;
  thread)
    preset=thread
    tests=${*:-base tensor data tokenizer comm_algorithms comm_queue comm_self comm_watchdog comm_emulated_link comm_mpi
      checkpoint checkpoint_mpi train_report}
    export TSAN_OPTIONS=suppressions=$PWD/scripts/thread-sanitizer.supp:halt_on_error=1
    ;;
  *)
    echo "sanitize.sh $kind: expected address,undefined or thread" >&2
    exit 2
    ;;
esac
# One thread of OpenMP: the sanitizers do not know its barriers, and ranks share the cores.
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive
build=build-$preset
[ -f "$build/build.ninja" ] || cmake --preset "$preset" >/dev/null
targets="" pattern=""
for test in $tests; do
  targets="$targets test_$test"
  pattern="$pattern|$test(_[0-9]+)?"
done
ninja -C "$build" $targets
ctest --test-dir "$build" --output-on-failure --no-tests=error --timeout 900 -R "^(${pattern#|})$"
