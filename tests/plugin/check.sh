#!/usr/bin/env bash
# quern plugin check: each thing that a plugin can do wrong is found and named; good ones pass.
. "$(dirname "$0")/../cli/check.sh"
at=$QUERN_BUILD/tests/plugin/test-plugin
export TMPDIR=$work
seconds=$((2 * ${QUERN_SLACK:-1}))
sanitized() { grep -q __asan_init "$QUERN"; } # clang links its runtime statically

# faulty NAME PATTERN ARGUMENTS...: exit 1, one fault (or $faults), which says so; nothing else goes wrong.
faulty() {
    local name=$1 pattern=$2
    shift 2
    run 1 plugin check "$at-$name.so" "$@"
    says out "^FAULT +$pattern\$"
    says out "^.*test-plugin-$name.so: ${faults:-1} faults\$"
    [ ! -s "$work/err" ] || fail "$name: messages"
}
# Descriptors.
faulty short-plugin 'load: its struct quern_plugin has 8 bytes, needs at least 40'
faulty short-pass 'load: a pass of 16 bytes, needs at least 72'
faulty other-abi 'load: built for ABI 2, this quern has ABI 1'
faulty no-name "load: a pass named '', needs small letters, digits, dashes and dots, a letter first"
faulty overlaps "load: pass 'test-pass': row 'count' of its options: its field overlaps that of another row \\('threshold'\\)"
faulty no-symbol 'load: has no symbol quern_plugin_entry: it is no plugin of quern'
faulty declines 'load: plugin says that it cannot serve quern [0-9.]+ \(ABI 1\)'
faulty taken "load: pass 'drop-dead' is there already, from quern itself"
# What passes do to models.
faulty erased "test-pass: goes on after a refused edit on 'rewrites': main: node 'brief' \\(Identity, #[0-9]+\\): edit of a node that was erased"
says out '^skipped  test-pass: its further checks$'
faulty counts "test-pass: is not deterministic: two runs over 'rewrites' write different bytes"
faulty breaks "test-pass: fails on 'rewrites': .*: input 0 is read before it is made, by node 'gemm' \\(Gemm, #[0-9]+\\)"
faulty interface "test-pass: changes the interface of 'rewrites': found input 'x' double\\[7\\], needs input 'x' float\\[N, 2, 4, 4\\]"
faults=2 faulty inexact "test-pass: breaks its contract on 'conv': output 'y'\\[0,[0-9]\\]: .*, was .*"
says out "^FAULT +test-pass: breaks its contract on 'control': output 'y'"
faulty fails "test-pass: fails on 'rewrites': .*found a bad day, needs a good one"
# What they do to the process.
faulty loops "test-pass: does not end within $seconds s, nor when it is cancelled: loops call quern_pass_poll\\(\\)" --time-limit $seconds
faulty waits "test-pass: does not end in time on 'rewrites'; it stops when it is cancelled" --time-limit $seconds
faulty exits 'test-pass: ends the process, exit code 0'
if ! sanitized; then
    faulty random "test-pass: is not deterministic: two (runs over '[a-z]+'|processes) write different bytes"
    faulty leaks 'test-pass: leaks: [0-9]+ bytes more are held after each run over the models'
    faulty frees 'test-pass: frees memory that is not its own: Aborted: free\(\): invalid pointer'
    # The heap breaks at one of the checks, or at several.
    faults='[1-9]' faulty releases 'test-pass: (frees memory that is not its own: Aborted: |crashes: ).*'
    faulty crashes 'test-pass: crashes: Segmentation fault'
    faulty hogs "test-pass: takes more memory than it may on 'rewrites'" --memory-limit 100
fi
faulty signals 'test-pass: sends a signal to the process that runs it: Interrupt'
faulty signals-above 'test-pass: sends a signal to the process that runs it: Terminated'
faulty kills 'test-pass: sends a signal to the process that runs it: Killed'
export QUERN_TEST_HIDDEN=$work/hidden
faulty signals-far 'test-pass: sends a signal to the process that runs it: Interrupt'
# A process that has left group and parent is found, and ended.
run 0 plugin check "$at-hides.so"
says out '^note +test-pass: leaves a process behind, which is ended$'
[ "$(wc -l <"$work/hidden")" -gt 2 ] || fail 'no process has hidden'
while read -r pid; do
    if kill -0 "$pid" 2>/dev/null; then fail "process $pid is left"; kill -KILL "$pid"; fi
done <"$work/hidden"
# Without /proc it cannot be found, and that is told, not the contrary.
bare() { unshare -rm bash -c 'mount -t tmpfs none /proc && exec "$@"' - "$@"; }
if ! sanitized && bare true 2>/dev/null; then
    : >"$QUERN_TEST_HIDDEN"
    bare "$QUERN" plugin check "$at-hides.so" >"$work/out" 2>"$work/err" || fail 'without /proc'
    says out '^note +test-pass: may leave a process behind that could not be ended$'
    while read -r pid; do kill -KILL "$pid"; done <"$QUERN_TEST_HIDDEN"
fi
unset QUERN_TEST_HIDDEN
# Not those of a shell that became the command: neither what it left, nor what comes of that meanwhile.
bash -c 'sleep 300 & echo $! >"$1"; (sleep 300 & echo $! >>"$1"; sleep 0.2) & (sleep 0.1; setsid sleep 300 & echo $! >>"$1") &
         exec "$QUERN" plugin check "$2"' - "$work/before" "$at-hides.so" >"$work/out" 2>"$work/err" || fail 'exec'
sleep 0.3
[ "$(wc -l <"$work/before")" = 3 ] || fail 'not all were begun'
while read -r pid; do kill "$pid" 2>/dev/null || fail 'a child of before was ended'; done <"$work/before"
# A signal of these is one of the user.
export QUERN_TEST_BEGUN=$work/begun
# shellcheck disable=SC2016 # the inner shell expands these
bash -c '(until [ -e "$QUERN_TEST_BEGUN" ]; do sleep 0.05; done; kill -TERM $$; sleep 1) &
         exec "$QUERN" plugin check "$1"' - "$at-loops.so" >"$work/out" 2>"$work/err"
status=$?
[ $status = 130 ] || fail "a signal of a child of before: exit $status"
unset QUERN_TEST_BEGUN
says err '^error\[cancelled\]: cancelled$'
run 0 plugin check "$at-speaks.so"
says out '^note +test-pass: writes to standard output or error: hello$'

# Good ones: all that was checked is told. Nothing is left behind.
run 0 plugin check "$QUERN_BUILD/tests/plugin/my-pass.so"
says out '^ok +load: com\.acme\.my-pass 1\.0 \(Apache-2\.0\), ABI 1, 1 pass: .*, the same answer twice$'
says out '^ok +my-pass: 6 models stay valid, with the same inputs and outputs: 1 edits$'
says out '^ok +my-pass: the same bytes each time$'
says out '^ok +my-pass: options at their bounds: 2 settings$'
sanitized || says out '^ok +my-pass: holds no memory after its runs: [0-9]+ rounds$'
says out "^note +my-pass: --verify-each would undo it on 'small-slope': output 'y'.*, was .*"
says out 'my-pass.so: 0 faults$'
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 20 "$work/model.onnx" --kind leaky
run 0 plugin check "$QUERN_BUILD/tests/plugin/my-pass.so" --model "$work/model.onnx"
says out '^ok +my-pass: 1 models stay valid, .*: [1-9][0-9]* edits$'
says out '^ok +my-pass: outputs of 1 models agree within its contract \(approximate\)$'
run 0 plugin check "$at-good.so"
says out '^note +test-pass: found nothing to do: give --model with what it rewrites$'
says out '^ok +test-pass: options at their bounds: 6 settings$'
run 0 plugin check "$at-needs.so"
says out '^skipped +test-pass: needs calibration data: give --model and --data$'
run 0 plugin check "$at-needs.so" --model "$digits/model.onnx" --data "$digits/calib.npz"
says out '^ok +test-pass: 1 models stay valid, .*'
run 1 plugin check "$at-crashes.so" --json
python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
assert d["faults"] == 1 and d["passes"] == ["test-pass"], d
assert [c["result"] for c in d["checks"]] == ["ok", "fault", "skipped"], d' "$work/out" || sanitized || fail JSON
if compgen -G "$work/quern-plugin*" >/dev/null; then fail 'a folder is left'; fi

# Usage.
run 2 plugin check "$work/none.so"
says err "^error\[invalid-argument\]: plugin '.*none.so' cannot be opened: No such file or directory\$"
run 2 plugin look "$at-good.so"
says err "^error\[invalid-argument\]: plugin: unknown word 'look', needs check\$"
run 2 plugin check "$at-good.so" --time-limit never
says err "^error\[invalid-argument\]: plugin: --time-limit 'never': needs a number up to 1e\+06\$"
run 2 plugin check "$at-good.so" --data x.npz
says err '^error\[invalid-argument\]: plugin: --data goes with --model$'
run 1 plugin check "$work/model.onnx"
says out '^FAULT +load: .*(invalid ELF header|file too short)'
finish
