#!/usr/bin/env bash
# --plugin and plugins:, good ones and all that can be wrong with one.
. "$(dirname "$0")/../cli/check.sh"

at=$QUERN_BUILD/tests/plugin/test-plugin
model=$work/model.onnx
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 3 "$model" --kind leaky || exit 1

# A good one, on every verb that knows passes; loading it twice does nothing.
run 0 apply "$model" -o "$work/out.onnx" --plugin "$at-good.so" --plugin "$at-good.so" --passes test-pass
cmp "$model" "$work/out.onnx" || fail 'a pass that does nothing changes bytes'
run 0 passes test-pass --plugin "$at-good.so"
says out '^test-pass: a pass of the tests$'
says out "^from +.*test-plugin-good.so$"
run 0 passes --plugin "$at-good.so"
says out '^test-pass +bit-exact +a pass of the tests$'
run 0 passes --plugin "$at-good.so" --json
python3 -c '
import json, sys
p = {p["name"]: p for p in json.load(open(sys.argv[1]))["passes"]}
assert p["test-pass"]["plugin"].endswith("good.so") and p["insert-qdq"]["plugin"] is None
assert {o["name"] for o in p["insert-qdq"]["options"]} > {"method", "percentile"}' "$work/out" || fail JSON
run 2 passes test-pass
says err "^error\[not-found\]: unknown pass 'test-pass'"

# In a recipe: relative to its folder, whatever the current one is.
cp "$at-good.so" "$work/mine.so"
printf 'quern: 1\nplugins: [./mine.so]\nsteps: [test-pass]\n' >"$work/recipe.yaml"
(cd / && run 0 apply "$model" -o "$work/out.onnx" --config "$work/recipe.yaml"; exit $n_failed) || fail 'relative plugin'
printf 'quern: 1\nplugins:\n  - ./none.so\nsteps: [test-pass]\n' >"$work/recipe.yaml"
run 2 apply "$model" -o "$work/out.onnx" --config "$work/recipe.yaml"
says err '^error\[invalid-argument\]: .*/none.so: plugin cannot be opened: No such file or directory$'
says err "^note: .*recipe.yaml:3:3: plugin '.*none.so' is asked for here$"

# wrong PLUGIN PATTERN: exit 2, one line that says what, nothing written.
wrong() {
    rm -f "$work/out.onnx"
    run 2 apply "$model" -o "$work/out.onnx" --plugin "$1" --passes drop-dead
    says err "^error\[invalid-argument\]: .*$2"
    [ ! -e "$work/out.onnx" ] || fail 'output written'
}
wrong "$at-other-abi.so" 'other-abi.so: built for ABI 2, this quern has ABI 1$'
wrong "$at-no-symbol.so" 'no-symbol.so: has no symbol quern_plugin_entry: it is no plugin of quern$'
wrong "$at-declines.so" 'declines.so: plugin says that it cannot serve quern [0-9.]+ \(ABI 1\)$'
wrong "$at-short-plugin.so" 'its struct quern_plugin has 8 bytes, needs at least 40$'
wrong "$at-short-pass.so" 'a pass of 16 bytes, needs at least [0-9]+$'
wrong "$at-taken.so" "taken.so: pass 'drop-dead' is there already, from quern itself$"
wrong "$work/none.so" 'none.so: plugin cannot be opened: No such file or directory$'
wrong "$model" 'model.onnx: .*(invalid ELF header|file too short)'
head -c 3000 "$at-good.so" >"$work/short.so"
wrong "$work/short.so" 'short.so: is cut short: 3000 bytes are there, its header needs [0-9]+$'
wrong "$work" 'is no regular file, needs a shared object$'
mkfifo "$work/fifo"
wrong "$work/fifo" 'fifo: is no regular file, needs a shared object$'
run 2 apply "$model" -o "$work/out.onnx" --plugin "$at-good.so" --plugin "$at-twin.so" --passes test-pass
says err "twin.so: pass 'test-pass' is there already, from .*good.so$"
# A name without a slash is a file here, not one of the system's folders.
wrong libm.so.6 'libm.so.6: plugin cannot be opened: No such file or directory$'

# Passes that fail: undone, named, exit 7, nothing written.
run 7 apply "$model" -o "$work/out.onnx" --plugin "$at-fails.so" --passes test-pass
says err "^error\[internal\]: pass 'test-pass': .*main: node 'leaky0' \(LeakyRelu, #0\): found a bad day, needs a good one$"
says err "^note: the changes of pass 'test-pass' are undone$"
says err "^note: pass 'test-pass' is from .*fails.so$"
run 7 apply "$model" -o "$work/out.onnx" --plugin "$at-breaks.so" --passes test-pass
says err "^error\[internal\]: pass 'test-pass': .*leaky0"
says err "^note: the changes of pass 'test-pass' are undone$"
[ ! -e "$work/out.onnx" ] || fail 'output written'

# An old binary of the example, built against the first header of ABI 1.
old=$QUERN_TESTDATA/plugins/my-pass-abi1-x86_64.so
if [ "$(uname -m)" = x86_64 ]; then
    run 0 apply "$model" -o "$work/out.onnx" --plugin "$old" --passes 'my-pass{threshold=0.025}' -v
    says out "my-pass: Relu 'leaky1': slope 0.02 left out$"
    says out '^ +my-pass +4 edits'
    run 0 apply "$model" --plugin "$old" --passes my-pass --explain my-pass --node leaky0
    says out "^explain +small-slope at 'leaky0' \(LeakyRelu\): matches$"
    says out '^explain +slope 0.01 left out$'
    run 0 apply "$model" --plugin "$old" --passes 'my-pass{threshold=0}' --explain my-pass --node leaky0
    says out '^explain +left as it is: slope 0.01, threshold 0$'
    run 2 apply "$model" -o "$work/out.onnx" --plugin "$old" --passes 'my-pass{treshold=0.1}'
    says err "^error\[invalid-argument\]: --passes:1:9: pass 'my-pass' has no option 'treshold', did you mean 'threshold'$"
    run 2 apply "$model" -o "$work/out.onnx" --plugin "$old" --passes 'my-pass{threshold=2}'
    says err "'threshold': found '2', need a number from 0 to 1$"
fi
finish
