#!/usr/bin/env bash
# Formats every C++ file, or with --check names those that are not formatted and fails.
set -eu
cd "$(dirname "$0")/.."
format=$(command -v clang-format-14 || command -v clang-format)
arguments=(-i)
[ "${1:-}" = --check ] && arguments=(--dry-run -Werror)
git ls-files '*.h' '*.cpp' | xargs "$format" "${arguments[@]}"
