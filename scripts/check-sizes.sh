#!/bin/bash
# Files over 700 lines need a reason in their first comment ("Over 700 lines:
# because …"); functions stay under 81 lines and a complexity of 26. Generated
# tables (*_data.c) are excepted, and the functions of tests.
set -eu
cd "$(dirname "$0")/.."
n_failed=0
mapfile -t sources < <(find src passes tests -name '*.[ch]' -not -name '*_data.c' | LC_ALL=C sort)
for file in "${sources[@]}"; do
    n_lines=$(wc -l <"$file")
    if [ "$n_lines" -gt 700 ] && ! awk '{print} /\*\//{exit}' "$file" | grep -q 'Over 700 lines:'; then
        echo "$file: $n_lines lines, at most 700 without a reason in the first comment"
        n_failed=$((n_failed + 1))
    fi
done
if ! command -v pmccabe >/dev/null; then
    echo "no pmccabe: functions are not checked"
    [ $n_failed = 0 ] && exit 77
    exit 1
fi
mapfile -t code < <(printf '%s\n' "${sources[@]}" | grep -v '^tests/' | grep '\.c$')
long=$(pmccabe "${code[@]}" | awk -F'\t' '$1 > 25 || $5 > 80 {
    printf "%s: %d lines (at most 80), complexity %d (at most 25)\n", $6, $5, $1 }')
if [ -n "$long" ]; then
    echo "$long"
    n_failed=$((n_failed + 1))
fi
[ $n_failed = 0 ]
