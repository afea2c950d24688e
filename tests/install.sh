#!/usr/bin/env bash
# install.sh BUILD: what `cmake --install` lays down is whole and runs from another place, in a prefix and under DESTDIR.
set -eu
build=$(realpath "$1")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "$*" >&2; exit 1; }

# check PREFIX: the files are there, and the program works with nothing of the source tree at hand.
check() {
  for file in bin/kumiko bin/kumiko-mpirun share/kumiko/examples/quickstart.toml share/doc/kumiko/LICENSE \
    share/doc/kumiko/README.md share/doc/kumiko/docs/training.md; do
    [ -f "$1/$file" ] || fail "$file was not installed in $1"
  done
  mkdir -p "$root/elsewhere"
  (
    cd "$root/elsewhere"
    printf 'kumi\nko\n' >text.txt
    "$1/bin/kumiko" data build --input text.txt --output text --tokenizer bytes >log 2>&1 || { cat log; exit 1; }
    [ -s text.idx ] || fail "the installed program wrote no text.idx"
    "$1/bin/kumiko-mpirun" 1 "$1/bin/kumiko" schedule list >list || fail "the installed kumiko-mpirun does not run it"
    grep -q zb-h1 list
  )
  rm -rf "$root/elsewhere"
}

cmake --install "$build" --prefix "$root/prefix" >/dev/null
check "$root/prefix"
DESTDIR=$root/stage cmake --install "$build" --prefix /usr >/dev/null
check "$root/stage/usr"
[ -z "$(find "$root/prefix" -name '*.cpp' -o -name '*.a')" ] || fail "sources or libraries were installed"
