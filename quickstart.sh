#!/usr/bin/env bash
# From a fresh Debian 12 to a model that has learnt from real text: installs what is missing, builds, prepares a corpus
# (the King James Bible, from Debian's package), trains a Llama of one million parameters with two ranks, stops and
# resumes it on the way, and lets it write a paragraph. Run again, it does only what is missing.
set -eu
cd "$(dirname "$0")"
begin=$SECONDS
say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - begin)); }

say "1/6 packages"
scripts/install-packages.sh build quickstart

say "2/6 build"
if [ ! -f build/build.ninja ]; then
  # Several sources at once: a third of the time, for those who build once (-DCMAKE_UNITY_BUILD=OFF for the others).
  cmake -G Ninja -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_UNITY_BUILD=ON >build.log 2>&1 || { tail -n 5 build.log >&2; exit 1; }
  mv build.log build/
fi
ninja -C build kumiko >build/ninja.log || { tail -n 20 build/ninja.log >&2; exit 1; }
tail -n 1 build/ninja.log
kumiko=build/kumiko
run=runs/quickstart
mkdir -p $run

say "3/6 corpus, tokenizer, dataset"
if [ ! -f $run/corpus.txt ]; then
  # One verse a line without its number; an empty line between chapters, which become the documents.
  bible -f gen1:1-rev22:21 | awk '
    match($0, /^[^ ]+:[0-9]+ /) {
      chapter = substr($0, 1, index($0, ":") - 1)
      if (NR > 1 && chapter != last) print ""
      last = chapter
      print substr($0, RLENGTH + 1)
    }' >$run/corpus.tmp
  mv $run/corpus.tmp $run/corpus.txt
fi
[ -f $run/tokenizer.json ] ||
  $kumiko tokenizer train --input $run/corpus.txt --vocab-size 2048 --output $run/tokenizer.json
[ -f $run/corpus.idx ] ||
  $kumiko data build --input $run/corpus.txt --output $run/corpus --tokenizer $run/tokenizer.json \
    --split-on blank-line --append-eod

say "4/6 training on two ranks, first part"
train="scripts/mpirun.sh 2 $kumiko train examples/quickstart.toml"
if [ ! -f $run/checkpoints/latest ]; then
  $train --train.exit_interval 500
fi

say "5/6 resuming from the checkpoint"
$train

say "6/6 generating"
$kumiko generate --load $run/checkpoints --prompt "And it came to pass" --max-new-tokens 150 --temperature 0.7 \
  --top-p 0.9 --quiet
# The text that no step has trained on: its loss in nats a token, and in bits a byte, which knows no tokenizer.
sed -n 's/.*"validation_loss":\([0-9.]*\).*/\1/p' $run/checkpoints/metrics.jsonl | tail -n 1 |
  awk -v tokens=$(($(stat -c %s $run/corpus.bin) / 2)) -v bytes="$(stat -c %s $run/corpus.txt)" \
    '{ printf "\nvalidation loss %.3f a token, %.3f bits a byte\n", $1, $1 / log(2) * tokens / bytes }'

say "done; try: $kumiko generate --load $run/checkpoints --interactive"
