#!/usr/bin/env bash
# install-packages.sh PURPOSE ...: installs the Debian packages (Ubuntu's names are the same) that each purpose needs, those
# only that are missing: build, quickstart, test, cross, cblas, mpich, fuzz, tidy, avx512, namespaces. Needs root or sudo for
# that; says in one line what it cannot get.
set -eu

build="g++ cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libdnnl-dev libhwy-dev libcli11-dev
  libtomlplusplus-dev nlohmann-json3-dev libfmt-dev libonig-dev libxxhash-dev libhwloc-dev
  libsentencepiece-dev libutf8proc-dev libarchive-dev"
quickstart="bible-kjv"
test="libgtest-dev ccache clang-format-14 git procps util-linux"
cross="g++-aarch64-linux-gnu qemu-user cmake ninja-build pkg-config"
cblas="libopenblas-openmp-dev"
mpich="libmpich-dev mpich"
fuzz="clang-14 libclang-rt-14-dev libomp-14-dev ninja-build cmake"
tidy="clang-tidy-14 clang-14 libomp-14-dev"
avx512="bochs bochs-term bochsbios vgabios isolinux syslinux-common xorriso cpio busybox-static bsdutils"
namespaces="iproute2 openmpi-bin"

missing=""
for purpose in "$@"; do
  for package in ${!purpose}; do
    state=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [ "$state" = "install ok installed" ] || missing="$missing $package"
  done
done
[ -n "$missing" ] || exit 0

become=""
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "needs these packages, and you are not root: apt-get install$missing" >&2
    exit 1
  fi
  become="sudo"
fi
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { $become apt-get update && $become apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
  echo "cannot install$missing: $(grep -m1 -E '^(E:|W:)' "$log" || tail -n 1 "$log")" >&2
  exit 1
fi
rm -f "$log"
