#!/bin/bash
# Runs the PyTorch twin as installed and with each thing that may help it, and prints one line each: the table of
# README.md. Wants a quiet machine; about two minutes a line at the default size.
#
#   bench/peers/tune_pytorch.sh [NAME...]        all lines, or those named
#
# PYTHON=python3   MODEL=gpt2-124m   BATCH=4   SEQ=1024   THREADS=2   DTYPE=fp32   STEPS=2
set -euo pipefail
cd "$(dirname "$0")/../.."
source bench/peers/tuned_environment.sh
threads=${THREADS:-2}
step=("${PYTHON:-python3}" bench/peers/pytorch_gpt2_step.py --model "${MODEL:-gpt2-124m}" --threads "$threads"
      --micro-batch-size "${BATCH:-4}" --seq-length "${SEQ:-1024}" --dtype "${DTYPE:-fp32}" --steps "${STEPS:-2}" --json)
wanted=("$@")

library() { ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }'; }

# line NAME COMMAND...: one run of the twin
line() {
  local name=$1
  shift
  if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then return; fi
  "$@" 2>/dev/null | "${step[0]}" -c '
import json, sys
try:
    run = json.load(sys.stdin)
except ValueError:
    sys.exit(print(f"{sys.argv[1]:24} failed") or 0)
run["gflops"] = 1e3 * run["tflops_per_second_per_device"]
run["gib"] = run["peak_rss_bytes"] / 2**30
print(sys.argv[1].ljust(24), "{step_ms:9.0f} ms  {tokens_per_second:7.1f} tokens/s  {gflops:6.1f} GFLOP/s  "
      "CPU {cpu_ms:7.0f} ms  {page_faults_per_step:9,} faults  {gib:5.2f} GiB".format(**run), flush=True)' "$name"
}

jemalloc=(env "LD_PRELOAD=$(library libjemalloc.so.2)" "$tuned_malloc_conf")
bound=(OMP_PROC_BIND=close OMP_PLACES=cores)
llvm_openmp=$(ls /usr/lib/llvm-*/lib/libomp.so.5 2>/dev/null | tail -1 || true)

line as-installed "${step[@]}"
line threads-bound env "${bound[@]}" "${step[@]}"
line torch-huge-pages env THP_MEM_ALLOC_ENABLE=1 "${step[@]}"
line tcmalloc env "LD_PRELOAD=$(library libtcmalloc_minimal.so.4)" "${step[@]}"
line jemalloc "${jemalloc[@]}" "${step[@]}"
line jemalloc-bound "${jemalloc[@]}" "${bound[@]}" "${step[@]}"
line jemalloc-active "${jemalloc[@]}" "${bound[@]}" OMP_WAIT_POLICY=active "${step[@]}"
if [ -n "$llvm_openmp" ]; then
  line jemalloc-llvm-openmp "${jemalloc[@]}" "LD_PRELOAD=$llvm_openmp:$(library libjemalloc.so.2)" KMP_BLOCKTIME=infinite \
    KMP_AFFINITY=granularity=fine,compact "${step[@]}"
fi
line jemalloc-mkl-avx2 "${jemalloc[@]}" MKL_ENABLE_INSTRUCTIONS=AVX2 "${step[@]}"
line jemalloc-onednn-off "${jemalloc[@]}" "${step[@]}" --onednn off
line jemalloc-transformers "${jemalloc[@]}" "${step[@]}" --implementation transformers
line jemalloc-padded-vocab "${jemalloc[@]}" "${step[@]}" --pad-vocab 64
line jemalloc-keep-grads "${jemalloc[@]}" "${step[@]}" --set-grads zero
line jemalloc-compile "${jemalloc[@]}" "${step[@]}" --compile
line tuned "${tuned_environment[@]}" "${step[@]}"
line tuned-compile "${tuned_environment[@]}" "${step[@]}" --compile
