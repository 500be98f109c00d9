#!/bin/bash
# libquern exports quern_* only, and what scripts/exports.txt lists. With
# --update the list is written anew. QUERN_BUILD names the build folder.
set -eu
cd "$(dirname "$0")/.."
lib=${QUERN_BUILD:-build}/src/libquern.so
[ -e "$lib" ] || { echo "no $lib: a static build has no exports"; exit 77; }
now=$(nm -D --defined-only "$lib" | awk '$2 != "A" {sub(/@.*/, "", $3); print $3}' | LC_ALL=C sort -u)
if foreign=$(grep -v '^quern_' <<<"$now"); then
    printf 'exported, yet not quern_*:\n%s\n' "$foreign"
    exit 1
fi
if [ "${1:-}" = --update ]; then
    printf '%s\n' "$now" >scripts/exports.txt
    exit
fi
if ! diff -u --label scripts/exports.txt --label libquern scripts/exports.txt - <<<"$now"; then
    echo "when the change is meant: scripts/check-exports.sh --update"
    exit 1
fi
