#!/bin/bash
# Every header compiles alone: public ones as C11 and C++17, internal ones as
# C17. An experimental header refuses to compile unless asked for.
# shellcheck disable=SC2086 # $cc and $cxx may hold arguments
set -u
cd "$(dirname "$0")/.." || exit 1
cc=${CC:-cc}
cxx=${CXX:-c++}
n_failed=0

# alone HEADER COMPILER...
alone() {
    local header=$1 said
    shift
    if ! said=$("$@" -D_GNU_SOURCE -fsyntax-only -Wall -Isrc/include -include "$header" - </dev/null 2>&1); then
        printf '%s: not alone as %s\n%s\n' "$header" "$*" "$said"
        n_failed=$((n_failed + 1))
    fi
}

have_cxx=1
command -v "$cxx" >/dev/null || { have_cxx=0; echo "no C++ compiler: public headers checked as C only"; }
for header in src/include/quern/*.h; do
    asked=
    if grep -q '^#ifndef QUERN_EXPERIMENTAL' "$header"; then
        asked=-DQUERN_EXPERIMENTAL
        if $cc -x c -std=c11 -fsyntax-only -Isrc/include "$header" 2>/dev/null; then
            echo "$header: experimental, yet compiles without QUERN_EXPERIMENTAL"
            n_failed=$((n_failed + 1))
        fi
    fi
    alone "$header" $cc -x c -std=c11 -pedantic-errors $asked
    [ $have_cxx = 0 ] || alone "$header" $cxx -x c++ -std=c++17 -pedantic-errors $asked
done
alone src/include/quern/quern.h $cc -x c -std=c11 -DQUERN_EXPERIMENTAL
while read -r header; do
    alone "$header" $cc -x c -std=c17 -Isrc -Ipasses -Iproto -I"${QUERN_BUILD:-build}/proto" -DQUERN_EXPERIMENTAL
done < <(find src passes -name '*.h' -not -path 'src/include/*' | LC_ALL=C sort)
[ $n_failed = 0 ]
