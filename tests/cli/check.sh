# Sourced by the tests of the command: what they share.
# shellcheck shell=bash disable=SC2034 # variables are for who sources it
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
digits=$QUERN_TESTDATA/digits-mobilenet
n_failed=0

# run STATUS ARGUMENTS...: the command ends with that status; its output is in
# $work/out, its messages are in $work/err.
run() {
    local wanted=$1 status
    shift
    "$QUERN" "$@" >"$work/out" 2>"$work/err"
    status=$?
    [ $status = "$wanted" ] || fail "quern $*: exit $status, wanted $wanted"
}

fail() {
    echo "FAILED: $*"
    head -5 "$work/err"
    n_failed=$((n_failed + 1))
}

# says FILE PATTERN: a line of $work/FILE matches.
says() {
    grep -qE -- "$2" "$work/$1" || { fail "no /$2/ in $1"; head -20 "$work/$1"; }
}

finish() {
    [ $n_failed = 0 ] || { echo "$n_failed checks failed"; exit 1; }
    exit 0
}
