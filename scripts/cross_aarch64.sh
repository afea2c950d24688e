#!/usr/bin/env bash
# cross_aarch64.sh [TARGET ...]: builds for 64-bit Arm in build-aarch64/. With targets, only that (kumiko, test_model,
# ...). Without, the tests of base, tensor and kernels, and runs them under qemu-user as four processors: A64FX (SVE at
# 512 bits), SVE2 at 256 and at 128 bits, and NEON alone. See docs/portability.md.
#
# Needs the packages of `install-packages.sh cross`; exits with 77 if they are missing. The libraries are arm64 packages
# of this system's own release, fetched by an apt with a state of its own and unpacked in build-aarch64/stage: the
# system gains no foreign architecture.
set -eu
cd "$(dirname "$0")/.."
build=$PWD/build-aarch64
stage=$build/stage
libraries="libhwy-dev libhwy1 libfmt-dev libfmt9 libgtest-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
  libtomlplusplus3 libonig-dev libonig5 libxxhash-dev libxxhash0"

# Everything but the sizes that take emulation more than some seconds, the machine's rates, and the test of Highway's
# fallback, which here is NEON.
filter='-*Ceilings*:*KernelTargets*:*K_3072*:*K_4200*:*T_4500*:*N_515*:*K_530*:*N_2304*:*T_300_N_768*:*T_1_N_768*:*T_3000*:*1000003*:*D_128*:*D_256*:*D_80*:*V_5003*'
# What the width of vectors does not change runs with NEON alone, which is emulated fastest.
once=':*SameBits*:*Gradient*'

fetch_libraries() {
  local state=$build/apt package
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/packages"
  local options="-o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Sandbox::User=root
    -o Dir::State::lists=$state/lists -o Dir::State::status=/dev/null -o Dir::Cache=$state/cache"
  if ! apt-get $options update >"$state/log" 2>&1 ||
    ! (cd "$state/packages" && apt-get $options download $libraries) >>"$state/log" 2>&1; then
    echo "cannot fetch arm64 packages: $(grep -m1 '^E:' "$state/log" || tail -n 1 "$state/log");" \
      "expected apt sources that carry arm64 (Debian's do; on Ubuntu that is ports.ubuntu.com)" >&2
    exit 1
  fi
  for package in "$state"/packages/*.deb; do dpkg-deb -x "$package" "$stage.partial"; done
  mv "$stage.partial" "$stage"
  rm -rf "$state"
}

# run_as PROCESSOR FILTER WHAT: the tests as that processor of qemu's.
run_as() {
  printf '\n== %s: %s\n' "$1" "$3"
  # Threads that wait must sleep: the tests use more of them than there may be cores.
  QEMU_CPU=$1 GTEST_FILTER=$2 OMP_WAIT_POLICY=passive \
    ctest --test-dir "$build" --output-on-failure --no-tests=error -R '^(base|tensor|kernels)$'
}

for tool in aarch64-linux-gnu-g++ qemu-aarch64 apt-get; do
  if ! command -v $tool >/dev/null; then
    echo "cross_aarch64.sh: no $tool; install it by: scripts/install-packages.sh cross" >&2
    exit 77
  fi
done
[ -d "$stage" ] || fetch_libraries
[ -f "$build/build.ninja" ] ||
  cmake -G Ninja -B "$build" -DCMAKE_TOOLCHAIN_FILE="$PWD/cmake/aarch64-linux-gnu.cmake" -DKUMIKO_STAGE="$stage" \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON -DKUMIKO_TESTS=ON -DKUMIKO_DEVELOPER=ON -DKUMIKO_MPI=OFF
if [ $# -gt 0 ]; then
  exec cmake --build "$build" --target "$@"
fi
cmake --build "$build" --target test_base test_tensor test_kernels
run_as cortex-a72 "$filter" "NEON"
run_as a64fx "$filter$once" "SVE at 512 bits"
run_as max,sve-max-vq=2 "$filter$once" "SVE2 at 256 bits"
run_as max,sve-max-vq=1 "$filter$once" "SVE2 at 128 bits"
