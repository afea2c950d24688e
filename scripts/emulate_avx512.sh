#!/usr/bin/env bash
# emulate_avx512.sh [GTEST-FILTER]: runs the kernels' tests on an emulated CPU that has AVX-512, on a machine whose own
# has not: Debian's Bochs as an Intel Skylake-X, which boots Debian's cloud kernel and, from an initial RAM disk, the
# test program that ./test.sh has built. Some 20 million instructions a second: minutes to half an hour, so this is no
# part of CI. See docs/portability.md.
#
# Needs the packages of `install-packages.sh avx512`; the kernel is fetched and unpacked, not installed.
# KUMIKO_EMULATION_MINUTES (60) ends a run that hangs. Everything lies in build/avx512/.
set -eu
cd "$(dirname "$0")/.."
program=$PWD/build/tests/kernels/test_kernels
# Sizes that take more than some seconds natively would take hours here.
filter=${1:-'-*Ceilings*:*KernelTargets*:*SameBits*:*Gradient*:*K_3072*:*K_4200*:*T_4500*:*N_515*:*K_530*:*N_2304*:*T_300_N_768*:*T_1_N_768*:*T_3000*:*1000003*:*D_128*:*D_256*:*D_80*:*V_5003*'}
work=$PWD/build/avx512
kernel_package=linux-image-cloud-amd64

for tool in bochs xorriso cpio busybox apt-get script; do
  if ! command -v $tool >/dev/null; then
    echo "emulate_avx512.sh: no $tool; install it by: scripts/install-packages.sh avx512" >&2
    exit 77
  fi
done
if [ ! -x "$program" ]; then
  echo "emulate_avx512.sh: no $program; build it by: ninja -C build test_kernels" >&2
  exit 2
fi
mkdir -p "$work/image/isolinux" "$work/packages"

# The newest kernel image that the meta-package depends on.
if [ ! -f "$work/image/vmlinuz" ]; then
  image=$(apt-cache depends $kernel_package | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p' | head -n 1)
  (cd "$work/packages" && apt-get download "${image:?no $kernel_package in the apt sources}" >/dev/null 2>&1)
  dpkg-deb -x "$work/packages/$image"_*.deb "$work/packages/root"
  cp "$work/packages/root"/boot/vmlinuz-* "$work/image/vmlinuz"
  rm -rf "$work/packages"
fi

# The RAM disk: busybox, the test program, and the shared libraries that it names.
rm -rf "$work/root"
mkdir -p "$work/root/proc" "$work/root/tmp" "$work/root/bin"
cp "$(command -v busybox)" "$work/root/bin/busybox"
cp "$program" "$work/root/test"
strip "$work/root/test"
for library in $(ldd "$program" | grep -o '/[^ ]*'); do cp --parents -L "$library" "$work/root"; done
cat >"$work/root/init" <<INIT
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox grep -o -m1 'avx512[a-z ]*avx512[a-z0-9_ ]*' /proc/cpuinfo
OMP_NUM_THREADS=1 KUMIKO_CACHE_DIR=/tmp /test --gtest_color=no '--gtest_filter=$filter'
echo "emulation: exit status \$?"
/bin/busybox poweroff -f
INIT
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio --quiet -o -H newc | gzip -1) >"$work/image/initrd.gz"

cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/image/isolinux"
cat >"$work/image/isolinux/isolinux.cfg" <<'CONFIGURATION'
default kernel
label kernel
 kernel /vmlinuz
 append initrd=/initrd.gz console=ttyS0,115200 quiet clearcpuid=xsavec,xsaves nokaslr tsc=reliable lpj=1000000 mitigations=off
CONFIGURATION
xorriso -as mkisofs -quiet -o "$work/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
  -boot-load-size 4 -boot-info-table "$work/image"

cat >"$work/bochsrc" <<CONFIGURATION
display_library: term
megs: 1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model=corei7_skylake_x, count=1, ips=20000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/console.txt
speaker: enabled=0
log: $work/bochs.log
panic: action=fatal
error: action=report
info: action=report
debug: action=ignore
CONFIGURATION
echo continue >"$work/commands"  # Debian's Bochs has a debugger, which waits for it
: >"$work/console.txt"
echo "booting; the console is $work/console.txt"
TERM=xterm timeout "${KUMIKO_EMULATION_MINUTES:-60}m" \
  script -qfc "bochs -q -f $work/bochsrc -rc $work/commands" /dev/null </dev/null >"$work/screen.txt" 2>&1 || true
cat "$work/console.txt"
grep -q 'emulation: exit status 0' "$work/console.txt"
