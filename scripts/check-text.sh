#!/usr/bin/env bash
# check-text.sh KUMIKO: what the program and its documents say, held to the program itself (a path to it):
#   no merge markers in any file that is tracked;
#   help texts without NUL bytes and other control characters, in at most 80 columns;
#   every option `section.key` and every flag that a message, a document or an example names is one that exists.
set -eu
shopt -s lastpipe  # so that report() counts
kumiko=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
# report TITLE: the lines on standard input, if there are any, are what is wrong.
report() {
  if grep -a . >"$work/wrong"; then
    echo "check-text: $1:"
    sed 's/^/  /' "$work/wrong"
    failed=1
  fi
}

git grep -nIE '^(<<<<<<<|=======|>>>>>>>)( |$)' -- . ':!tests/fuzz/corpus' | report "merge markers"

# help_of COMMAND ...: writes the help of this command and of those below it.
help_of() {
  local file="$work/help/kumiko${*:+ $*}"
  "$kumiko" "$@" --help >"$file" </dev/null || { echo "kumiko $* --help fails" >&2; exit 1; }
  local sub
  for sub in $(tr -d '\0' <"$file" | awk '/^Subcommands:/{inside = 1; next} /^[^ ]/{inside = 0} inside && /^  [a-z]/{print $1}'); do
    help_of "$@" "$sub"
  done
}
mkdir "$work/help"
help_of
(cd "$work/help" && grep -alP '[\x00-\x08\x0b-\x1f\x7f]' -- * || true) | report "help with control characters"
(cd "$work/help" && grep -aHnE '^.{81,}' -- * || true) | report "help wider than 80 columns"

# What there is: "section.key" of train, and "--flag" of all commands.
tr -d '\0' <"$work/help/kumiko train" | awk '
  /^\[[a-z]+\]$/ { section = substr($0, 2, length($0) - 2); next }
  section != "" && /^  [a-z0-9_]+ = / { print section "." $1 }' | sort -u >"$work/options"
[ "$(wc -l <"$work/options")" -gt 50 ] || { echo "check-text: no options found in kumiko train --help" >&2; exit 1; }
cat "$work"/help/* | tr -d '\0' | grep -oE -- '--[a-z][a-z0-9-]*' | sort -u >"$work/flags"
sections=$(cut -d. -f1 "$work/options" | sort -u | paste -sd '|')

# Where they are named: documents whole, sources in their string literals.
documents=$(git ls-files '*.md' 'docs/**.md' examples quickstart.sh | sort -u | grep -v '^CHANGELOG.md$')
sources=$(git ls-files 'src/**.cpp' 'src/**.h')
# literals REGEX: FILE:LINE:MATCH for what string literals of sources hold.
literals() { grep -HnoE '"([^"\\]|\\.)*"' $sources | grep -oE "^[^:]*:[0-9]*:|$1" | awk '/:[0-9]+:$/{place = $0; next} {print place $0}'; }
named() { { grep -HnoE -- "$1" $documents; literals "$1"; } | sort -u; }

# Names that look like options: files, what other formats call their parts, and an optimizer's state.
states='step|first_moment|second_moment|velocity'
extensions='bin|cpp|gguf|h|idx|json|jsonl|md|model|py|safetensors|sh|svg|toml|txt|x|y'
named "(^|[^A-Za-z0-9_./])($sections)\.[a-z][a-z0-9_]*[a-z0-9]([^A-Za-z0-9_./(*-]|[.]?$|[.][^a-z])" |
  sed -E "s/^([^:]*:[0-9]*:).*\b(($sections)\.[a-z0-9_]+).*$/\1\2/" | grep -vE "\.($extensions)$" |
  awk -F: 'NR == FNR {known[$1] = 1; next} !($3 in known)' "$work/options" - |
  grep -vE "^src/kumiko/convert/|^src/kumiko/tokenizer/.*:model\.type$|:optimizer\.($states)$" | report "options that do not exist"

# Flags of other programs that documents show.
cat >"$work/foreign" <<'LIST'
--allow-run-as-root
--bind-to
--build
--check
--compile
--cpu-bind
--entrypoint
--files-from
--gtest_filter
--hostfile
--install
--kumiko
--label-exclude
--list-presets
--load_fast
--logdir
--map-by
--mca
--mpi
--no-deps
--output-on-failure
--oversubscribe
--part
--port
--prefix
--preset
--profile
--random
--rankfile
--section.key
--signal
--test-dir
--time
--variant
--version
LIST
named '(^|[^A-Za-z0-9_-])--[a-z][a-z0-9_-]*[a-z0-9](\.[a-z0-9_]+)?' | sed -E 's/^([^:]*:[0-9]*:).*(--[a-z].*)$/\1\2/' |
  awk -F: -v options="$work/options" -v flags="$work/flags" -v foreign="$work/foreign" '
    BEGIN {
      while ((getline line < options) > 0) known["--" line] = 1
      while ((getline line < flags) > 0) known[line] = 1
      while ((getline line < foreign) > 0) known[line] = 1
    }
    !($3 in known)' | report "flags that do not exist"
[ $failed = 0 ] && echo "check-text: $(wc -l <"$work/options") options, $(wc -l <"$work/flags") flags, $(ls "$work/help" | wc -l) help texts"
exit $failed
