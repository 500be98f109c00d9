#!/bin/bash
# Files stay within 500 lines and functions within 80 lines and a complexity of
# 20. Generated tables (*_data.c) are excepted, and the functions of tests.
set -eu
cd "$(dirname "$0")/.."
n_failed=0
mapfile -t sources < <(find src passes tests -name '*.[ch]' -not -name '*_data.c' | LC_ALL=C sort)
for file in "${sources[@]}"; do
    n_lines=$(wc -l <"$file")
    if [ "$n_lines" -gt 500 ]; then
        echo "$file: $n_lines lines, at most 500"
        n_failed=$((n_failed + 1))
    fi
done
if ! command -v pmccabe >/dev/null; then
    echo "no pmccabe: functions are not checked"
    [ $n_failed = 0 ] && exit 77
    exit 1
fi
mapfile -t code < <(printf '%s\n' "${sources[@]}" | grep -v '^tests/' | grep '\.c$')
long=$(pmccabe "${code[@]}" | awk -F'\t' '$1 > 20 || $5 > 80 {
    printf "%s: %d lines (at most 80), complexity %d (at most 20)\n", $6, $5, $1 }')
if [ -n "$long" ]; then
    echo "$long"
    n_failed=$((n_failed + 1))
fi
[ $n_failed = 0 ]
