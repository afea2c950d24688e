#!/bin/bash
# Kumiko's training step against PyTorch's at its best, alternately in one run, and the ratio of their medians.
#
#   bench/peers/step_vs_pytorch.sh [ROUNDS]      (default 3)
#
# Set by the environment, with these defaults:
#   KUMIKO=build/kumiko   PYTHON=python3 (one that has torch)
#   MODEL=gpt2-124m   BATCH=4   SEQ=1024   THREADS=2   DTYPE=fp32   STEPS=3 (timed, of a round and side)
#   TWIN=""        options of the twin alone, e.g. --compile
#   PEER_ENV=tuned what is put before the twin: the best found (README.md); as-installed: nothing; or a command
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
kumiko=${KUMIKO:-build/kumiko}
python=${PYTHON:-python3}
threads=${THREADS:-2}
common=(--model "${MODEL:-gpt2-124m}" --micro-batch-size "${BATCH:-4}" --seq-length "${SEQ:-1024}"
        --threads "$threads" --dtype "${DTYPE:-fp32}" --steps "${STEPS:-3}" --json)
source bench/peers/tuned_environment.sh
case ${PEER_ENV:-tuned} in
  tuned) peer=("${tuned_environment[@]}") ;;
  as-installed) peer=(env) ;;
  *) read -ra peer <<<"$PEER_ENV" ;;
esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for round in $(seq "$rounds"); do
  "$kumiko" bench step "${common[@]}" >"$folder/kumiko.$round"
  "${peer[@]}" "$python" bench/peers/pytorch_gpt2_step.py "${common[@]}" ${TWIN:-} >"$folder/pytorch.$round"
  "$python" - "$folder" "$round" <<'EOF'
import json, pathlib, sys
for side in ["kumiko", "pytorch"]:
    text = pathlib.Path(sys.argv[1], f"{side}.{sys.argv[2]}").read_text()
    print(f"round {sys.argv[2]}  {side:8} {json.loads(text)['tokens_per_second']:9.1f} tokens/s", flush=True)
EOF
done
echo "twin: ${peer[*]} $python bench/peers/pytorch_gpt2_step.py ${common[*]} ${TWIN:-}"
"$python" - "$folder" "$rounds" <<'EOF'
import json, pathlib, statistics, sys
folder, rounds = pathlib.Path(sys.argv[1]), int(sys.argv[2])
median = {}
for side in ["kumiko", "pytorch"]:
    runs = [json.loads((folder / f"{side}.{i + 1}").read_text()) for i in range(rounds)]
    rates = [run["tokens_per_second"] for run in runs]
    median[side] = statistics.median(rates)
    print(f"{side:8} median {median[side]:9.1f} tokens/s, {min(rates):.1f} to {max(rates):.1f}")
print(f"kumiko / pytorch = {median['kumiko'] / median['pytorch']:.3f}")
EOF
