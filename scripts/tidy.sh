#!/usr/bin/env bash
# tidy.sh [--part I/N | FILE ...]: clang-tidy 14 with the checks of .clang-tidy over all sources and tests, over one of
# N parts of them, or over the files that are named. Several sources of a room are read at once (CMake's unity build),
# since reading headers is most of the work.
set -eu
cd "$(dirname "$0")/.."
build=build-tidy
tidy=$(command -v clang-tidy-14 || command -v clang-tidy)
cmake -G Ninja -B "$build" -DCMAKE_CXX_COMPILER=clang++-14 -DCMAKE_BUILD_TYPE=Debug -DCMAKE_UNITY_BUILD=ON \
  -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON -DKUMIKO_TESTS=ON >"$build.log" 2>&1 || { tail -n 5 "$build.log" >&2; exit 1; }
rm "$build.log"

part=1 parts=1
if [ "${1:-}" = --part ]; then
  part=${2%/*} parts=${2#*/}
  shift 2
fi
if [ $# -gt 0 ]; then
  units=("$@")
else
  # Sources of one room follow each other; every N-th is a part of like work.
  mapfile -t units < <(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | grep -v '/cmake_pch' |
    sort -u | awk -v part="$part" -v parts="$parts" 'NR % parts == part % parts')
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if printf '%s\0' "${units[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tidy" -p "$build" --quiet >"$log" 2>/dev/null; then
  echo "clang-tidy: ${#units[@]} units are clean"
else
  # A header is read by many sources; each of its findings once.
  awk '/: (error|warning): /{seen[$0]++; show = seen[$0] == 1} show' "$log"
  exit 1
fi
