#!/usr/bin/env bash
# Installs what the tests need, builds, and runs the whole fast tier, the distributed tests included.
# Arguments go to ctest, as in: ./test.sh -R comm
set -eu
cd "$(dirname "$0")"
scripts/install-packages.sh build test
[ -f build/build.ninja ] && grep -q "KUMIKO_TESTS:BOOL=ON" build/CMakeCache.txt ||
  cmake --preset developer
ninja -C build
ctest --test-dir build --output-on-failure -L fast "$@"
