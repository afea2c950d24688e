#!/usr/bin/env bash
# A training step on R ranks of one thread each against one rank of R threads, with the same global batch: runs of both
# alternately, and the ratio of their median rates. Needs an idle machine with R cores.
#
#   bench/ranks_vs_threads.sh [ROUNDS]      (default 3)
#
# Set by the environment, with these defaults:
#   KUMIKO=build/kumiko   MODEL=gpt2-124m   RANKS=2   BATCH=4 (global)   SEQ=1024   DTYPE=fp32
#   STEPS=3 (timed, of a round and side)   BIND=auto (or none)
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
kumiko=${KUMIKO:-build/kumiko}
ranks=${RANKS:-2}
batch=${BATCH:-4}
if [ $((batch % ranks)) != 0 ]; then
  echo "ranks_vs_threads.sh: BATCH=$batch does not divide by RANKS=$ranks" >&2
  exit 2
fi
common=(bench step --model "${MODEL:-gpt2-124m}" --seq-length "${SEQ:-1024}" --dtype "${DTYPE:-fp32}"
        --bind "${BIND:-auto}" --steps "${STEPS:-3}" --json)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# One number of a run's JSON line.
field() { sed -nE "s/.*\"$2\":([-+.eE0-9]+).*/\1/p" "$1"; }
median() { sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

for round in $(seq "$rounds"); do
  "$kumiko" "${common[@]}" --threads "$ranks" --micro-batch-size "$batch" >"$folder/threads.$round"
  scripts/mpirun.sh "$ranks" "$kumiko" "${common[@]}" --threads 1 --micro-batch-size $((batch / ranks)) \
    >"$folder/ranks.$round"
  for side in threads ranks; do
    field "$folder/$side.$round" tokens_per_second >>"$folder/$side.rates"
    printf 'round %d  %-8s %9.1f tokens/s, %s ms of a step waiting for gradients\n' "$round" "$side" \
      "$(tail -n 1 "$folder/$side.rates")" "$(field "$folder/$side.$round" 'gradient all-reduce \(exposed\)')"
  done
done
threads=$(median <"$folder/threads.rates")
several=$(median <"$folder/ranks.rates")
awk -v ranks="$ranks" -v threads="$threads" -v several="$several" 'BEGIN {
  printf "one rank of %d threads %.1f tokens/s, %d ranks of one thread %.1f tokens/s: ratio %.3f\n", \
    ranks, threads, ranks, several, several / threads
}'
