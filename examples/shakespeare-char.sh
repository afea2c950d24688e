#!/usr/bin/env bash
# shakespeare-char.sh TEXT: makes the datasets of shakespeare-char.toml from a text: its first nine tenths to train on,
# the rest to validate on, in bytes. TEXT is usually the "tiny Shakespeare" file (1,115,394 bytes).
set -eu
text=$(realpath "$1")
cd "$(dirname "$0")/.."
run=runs/shakespeare-char
mkdir -p $run
size=$(stat -c %s "$text")
head -c $((size * 9 / 10)) "$text" >$run/train.txt
tail -c +$((size * 9 / 10 + 1)) "$text" >$run/valid.txt
for part in train valid; do
  build/kumiko data build --input $run/$part.txt --output $run/$part --tokenizer bytes
done
