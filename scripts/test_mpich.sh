#!/usr/bin/env bash
# test_mpich.sh: builds against MPICH, beside Open MPI on the same machine, with OpenBLAS for linear layers; runs tests of
# communication and of two tensor ranks under it (MPICH's ranks wait busily: eight of them on two cores take minutes), the tests of the CBLAS backend, and a training run.
set -eu
cd "$(dirname "$0")/.."
[ -f build-mpich/build.ninja ] || cmake --preset mpich >/dev/null
ninja -C build-mpich --quiet kumiko test_kernels test_comm_mpi test_tensor_axis
libraries=$(ldd build-mpich/kumiko)
case $libraries in
  *libmpich*) ;;
  *) echo "build-mpich/kumiko is not linked with MPICH: $(grep libmpi <<<"$libraries")" >&2; exit 1 ;;
esac
export MPIEXEC=mpiexec.mpich
build-mpich/tests/kernels/test_kernels --gtest_brief=1 --gtest_filter='*LinearBackends*'
ctest --test-dir build-mpich --output-on-failure --no-tests=error -R '^(comm_mpi_[23]|tensor_axis_2)$'

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
seq 20000 >"$run/text.txt"
build-mpich/kumiko data build --input "$run/text.txt" --output "$run/text" --tokenizer bytes >/dev/null
cat >"$run/run.toml" <<TOML
[model]
num_layers = 4
hidden_size = 32
num_attention_heads = 4
[data]
tokenizer = "bytes"
data_path = ["$run/text"]
[train]
seq_length = 32
micro_batch_size = 2
global_batch_size = 8
train_iters = 6
[optimizer]
lr = 1e-3
TOML
train() {
  scripts/mpirun.sh "$1" build-mpich/kumiko train "$run/run.toml" --logging.run_dir "$run/$1" "${@:2}" >"$run/log" 2>&1 ||
    { cat "$run/log"; exit 1; }
  grep -o '"loss": *[0-9.]*' "$run/$1/metrics.jsonl" | grep -o '[0-9.]*$' >"$run/losses$1"
}
train 1
train 4 --parallel.pipeline_model_parallel_size 2 --parallel.pipeline_schedule zb-h1 --parallel.tensor_model_parallel_size 2 \
  --parallel.sequence_parallel true
[ "$(wc -l <"$run/losses1")" = 6 ] || { echo "no losses were logged"; exit 1; }
paste "$run/losses1" "$run/losses4" | awk '{d = $1 - $2; if (d < 0) d = -d; if (d > 1e-5 * $1) exit 1}' ||
  { echo "MPICH: four ranks have other losses than one:"; paste "$run/losses1" "$run/losses4"; exit 1; }
echo "MPICH: a loss of $(tail -n 1 "$run/losses4") on one rank and on four"
