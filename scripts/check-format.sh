#!/bin/bash
# Compares the sources with .clang-format; --fix [FILES] rewrites them.
set -eu
cd "$(dirname "$0")/.."
format=${CLANG_FORMAT:-clang-format}
command -v "$format" >/dev/null || { echo "no clang-format: nothing checked"; exit 77; }
mode=(--dry-run --Werror)
if [ "${1:-}" = --fix ]; then
    mode=(-i)
    shift
fi
if [ $# = 0 ]; then
    mapfile -t files < <(find src passes tests -name '*.[ch]' -not -name '*_data.c' | LC_ALL=C sort)
    set -- "${files[@]}"
fi
n_bad=0
for file; do
    if ! "$format" "${mode[@]}" "$file" >/dev/null 2>&1; then
        echo "$file: not formatted"
        n_bad=$((n_bad + 1))
    fi
done
[ $n_bad = 0 ] || { echo "$n_bad files; scripts/check-format.sh --fix FILES"; exit 1; }
