#!/usr/bin/env bash
# fuzz.sh [SECONDS] [TARGET ...]: mutates inputs of each target (tests/fuzz/targets.cpp), so many seconds (5) each, with the
# sanitizers of addresses and undefined behaviour. A finding ends it with the line that repeats it.
# fuzz.sh repeat TARGET FILE: one input.
#
# Needs clang (`install-packages.sh fuzz`); exits with 77 if it is missing. What is found on the way to more coverage is kept
# in build-fuzz/corpus; what belongs to the project goes into tests/fuzz/corpus/TARGET by hand.
set -eu
cd "$(dirname "$0")/.."
if ! command -v clang++-14 >/dev/null; then
  echo "fuzz.sh: no clang++-14; install it by: scripts/install-packages.sh fuzz" >&2
  exit 77
fi
[ -f build-fuzz/build.ninja ] || cmake --preset fuzz >/dev/null
ninja -C build-fuzz fuzz >build-fuzz/ninja.log || { tail -n 20 build-fuzz/ninja.log >&2; exit 1; }
fuzz=$PWD/build-fuzz/tests/fuzz/fuzz
# MPI and hwloc keep what they allocate at their start.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=0 OMP_NUM_THREADS=1

if [ "${1:-}" = repeat ]; then
  KUMIKO_FUZZ_TARGET=$2 exec "$fuzz" "$3"
fi
seconds=5
if [[ "${1:-}" =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
fi
targets=${*:-$(sed -n 's/^ *Target{"\([a-z0-9_]*\)".*/\1/p' tests/fuzz/targets.cpp)}

# seeds_of TARGET: files of the fixtures that it reads as they are.
seeds_of() {
  local fixtures=tests/fixtures
  case $1 in
    tokenizer_json) ls $fixtures/tokenizer/*/tokenizer.json $fixtures/hf/*/tokenizer.json ;;
    tokenizer_config) ls $fixtures/hf/*/tokenizer_config.json ;;
    sentencepiece) ls $fixtures/tokenizer/*/*.model ;;
    safetensors) ls $fixtures/checkpoint/*.safetensors ;;
    hf_config) ls $fixtures/hf/*/config.json ;;
    configuration) ls examples/*.toml ;;
  esac
}

# Some at once where there are processors: a target is one process.
run() {
  local target=$1 own=build-fuzz/corpus/$1 log=build-fuzz/$1.log file
  mkdir -p "$own" "build-fuzz/seeds/$target" build-fuzz/findings
  for file in $(seeds_of "$target"); do
    [ "$(stat -c %s "$file")" -gt 40000 ] || cp -u "$file" "build-fuzz/seeds/$target/$(echo "$file" | tr / _)"
  done
  if KUMIKO_FUZZ_TARGET=$target "$fuzz" "$own" "tests/fuzz/corpus/$target" "build-fuzz/seeds/$target" \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=1024 -max_len=40000 -print_final_stats=1 \
    -artifact_prefix="build-fuzz/findings/$target-" >"$log" 2>&1; then
    printf '%-18s %s runs\n' "$target" "$(sed -n 's/.*number_of_executed_units: //p' "$log")"
  else
    printf '%s: %s\n  repeat it by: scripts/fuzz.sh repeat %s %s\n' "$target" \
      "$(grep -a -m1 -oE 'FINDING: .*|SUMMARY: .*|runtime error: .*' "$log" || tail -n 1 "$log")" "$target" \
      "$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
    return 1
  fi
}
export -f run seeds_of
export seconds fuzz
printf '%s\n' $targets | xargs -P "${FUZZ_JOBS:-$(nproc)}" -I{} bash -c 'run {}'
