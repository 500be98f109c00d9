#!/usr/bin/env bash
# Recipes: what they do, and what is said of bad ones.
. "$(dirname "$0")/check.sh"
model=$work/model.onnx
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 30 "$model" || exit 1

# recipe LINES...: written to $work/r.yaml behind the version.
recipe() {
    printf '%s\n' 'quern: 1' "$@" >"$work/r.yaml"
}

# ------------------------------------------------------------ what they do
recipe 'target: ort-cpu-x64' 'opsets: {com.acme: 1}' \
    'rules:' '  - name: my-silu' '    match: y = Mul(x, Sigmoid(x))' '    replace: y = com.acme.SiLU(x)' \
    'steps:' '  - optimize' '  - rules: [my-silu]' '  - drop-dead'
run 0 apply "$model" -o "$work/out.onnx" --config "$work/r.yaml" -v
says out "^ +rules: SiLU '.*': made by rule 'my-silu'$"
run 0 inspect "$work/out.onnx" 2>/dev/null || true

# The printed recipe does the same, and prints itself.
run 0 apply --config "$work/r.yaml" --print-config
cp "$work/out" "$work/printed.yaml"
says out '^- rules: \[my-silu\]$'
run 0 apply "$model" -o "$work/again.onnx" --config "$work/printed.yaml"
cmp "$work/out.onnx" "$work/again.onnx" || fail 'the printed recipe does something else'
run 0 apply --config "$work/printed.yaml" --print-config
cmp "$work/out" "$work/printed.yaml" || fail 'the printed recipe prints another'
run 0 apply --passes 'raise-opset{opset=17},optimize' --target tensorrt-10 --print-config
says out '^target: tensorrt-10$'
says out '^- raise-opset: \{opset: 17\}$'

# quantize: what it runs, as a recipe that gives the same bytes.
run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --exclude op:Gemm
says out 'Gemm in float'
run 0 quantize --data "$digits/calib.npz" --exclude op:Gemm --print-config
cp "$work/out" "$work/q.yaml"
says out '^- calibrate: \{data: '
says out '^- match: \{op: Gemm\}$'
run 0 apply "$digits/model.onnx" -o "$work/q2.onnx" --config "$work/q.yaml"
cmp "$work/q.onnx" "$work/q2.onnx" || fail 'apply --config gives other bytes than quantize'

# optimize writes what the target runs between codes; recipes, other targets and --keep-qdq leave Q and DQ.
run 0 optimize "$work/q.onnx" -o "$work/ql.onnx"
run 0 inspect "$work/ql.onnx"
says out '^operators +QLinearConv 23,'
for how in --keep-qdq --exact '--target tensorrt-10'; do
    run 0 optimize "$work/q.onnx" -o "$work/kept.onnx" $how
    run 0 inspect "$work/kept.onnx"
    grep -q QLinearConv "$work/out" && fail "$how writes QLinearConv"
done
run 0 optimize "$work/ql.onnx" -o "$work/back.onnx" --target tensorrt-10
run 0 inspect "$work/back.onnx"
grep -q QLinear "$work/out" && fail 'TensorRT has no QLinearConv'
says out '^quantized +24 of 24 '
run 0 optimize --print-config
says out '^- fuse-qlinear$'
run 0 apply --passes optimize --print-config
grep -q qlinear "$work/out" && fail 'the group optimize has fuse-qlinear'
run 0 quantize "$digits/model.onnx" -o "$work/q3.onnx" --config "$work/q.yaml"
cmp "$work/q.onnx" "$work/q3.onnx" || fail 'quantize --config gives other bytes'
# Overrides alone come on top of the default steps.
recipe 'overrides:' '  - match: {op: Gemm}' '    quantize: false' '  - match: {op: Gone}' '    quantize: false'
run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --exclude op:Gemm --no-provenance
run 0 quantize "$digits/model.onnx" -o "$work/q3.onnx" --data "$digits/calib.npz" --config "$work/r.yaml" --no-provenance
cmp "$work/q.onnx" "$work/q3.onnx" || fail '--exclude and overrides differ'
says err "^warning: .*r.yaml:5:5: this override matched no node: op 'Gone', name '\*'$"
# The recipe of the design: the method stands at calibrate.
cp "$digits/calib.npz" "$work/calib.npz"
recipe 'steps:' '  - observe-shapes' '  - raise-opset' '  - optimize' \
    '  - calibrate: {data: calib.npz, method: percentile, percentile: 99.9}' '  - insert-qdq'
run 0 apply "$digits/model.onnx" -o "$work/q.onnx" --config "$work/r.yaml" --no-provenance
run 0 apply "$digits/model.onnx" -o "$work/q2.onnx" --no-provenance --data "$work/calib.npz" \
    --passes 'observe-shapes,raise-opset,optimize,calibrate,insert-qdq{method=percentile,percentile=99.9}'
cmp "$work/q.onnx" "$work/q2.onnx" || fail 'method of calibrate'
run 0 apply "$digits/model.onnx" -o "$work/q2.onnx" --no-provenance --data "$work/calib.npz" --passes 'observe-shapes,raise-opset,optimize,calibrate,insert-qdq'
cmp -s "$work/q.onnx" "$work/q2.onnx" && fail 'the method changes nothing'

# Options of the default steps do not go with a recipe's own.
run 2 quantize "$digits/model.onnx" -o "$work/q2.onnx" --data "$work/calib.npz" --config "$work/r.yaml" --no-refine
says err 'are for the default steps, but .*r.yaml. has its own$'

# Values stay in float, weights get one scale; other types than the target's are refused by name.
recipe 'overrides:' '  - match: {value: /stem/stem.2/Clip_output_0}' '    quantize: false' \
    '  - match: {name: /head/*}' '    per-tensor: true'
run 0 quantize "$digits/model.onnx" -o "$work/q2.onnx" --data "$work/calib.npz" --config "$work/r.yaml" --no-refine
[ -s "$work/err" ] && grep -q 'matched no' "$work/err" && fail 'an override matched nothing'
recipe 'overrides:' '  - match: {name: /head/*}' '    activations: uint16'
run 4 quantize "$digits/model.onnx" -o "$work/q2.onnx" --data "$work/calib.npz" --config "$work/r.yaml" --no-refine
says err "^error\[unsupported\]: pass 'insert-qdq': .*node '/head/.*: an override asks for uint16 activations, insert-qdq writes uint8 for target 'ort-cpu-x64'$"

# ---------------------------------------------------- --stop-after, --explain
run 0 apply "$model" -o "$work/out.onnx" --passes drop-identity,fuse-conv-bn,drop-dead --stop-after 1 -v
says out '^ +drop-identity '
grep -q 'fuse-conv-bn' "$work/out" && fail 'runs behind --stop-after'
run 2 apply "$model" -o "$work/out.onnx" --passes drop-dead --stop-after 0
says err "^error\[invalid-argument\]: --stop-after '0': needs a number of steps from 1 on, and maybe one of rewrites: 3:17$"
printf '%s\n' 'quern: 1' 'opsets: {com.acme: 1}' 'rules:' '  - {name: silu, match: "y = Mul(x, Sigmoid(x))", replace: y = com.acme.S(x)}' \
    'steps: [rules]' >"$work/r.yaml"
run 0 apply "$model" --config "$work/r.yaml" --explain rules --node /b0/Mul3
says out "^explain +silu at '/b0/Mul3' \(Mul\): input [01] of '/b0/Mul3' \(Mul\): .*, needs Sigmoid$"
run 0 apply "$model" --config "$work/r.yaml" --explain rules --node /b0/Sigmoid10
says out "^explain +silu at '/b0/Mul11' \(Mul\): matches$"
run 2 apply "$model" --config "$work/r.yaml" --explain rules --node nobody
says err "no node 'nobody' in front of step 1 \('rules'\)"
run 2 apply "$model" --config "$work/r.yaml" --explain drop-dead --node x
says err "pass 'drop-dead' is to be explained, but is no step of the pipeline"

# ------------------------------------------------------------- bad recipes
# bad PATTERN LINES...: exit 2, the message names the place, nothing is written.
bad() {
    local pattern=$1
    shift
    recipe "$@"
    rm -f "$work/bad.onnx"
    run 2 apply "$model" -o "$work/bad.onnx" --config "$work/r.yaml"
    says err "^error\[(invalid-argument|not-found)\]: .*r.yaml:$pattern"
    [ "$(grep -c '^error' "$work/err")" = 1 ] || fail 'not one error'
    [ ! -e "$work/bad.onnx" ] || fail 'output written'
}
bad '3:1: .*tab' 'steps:' $'\t- optimize'
bad "3:1: .*'steps'.*second time|3:1: .*steps.*twice|3:1: .*duplicate.*" 'steps: [optimize]' 'steps: [drop-dead]'
bad '2:8: .*anchor' 'steps: &a [optimize]'
bad '2:.*(alias|anchor)' 'steps: [*a]'
bad '2:.*tag' 'steps: !list [optimize]'
bad "2:8: found text 'optimize', need a list|2:8: .*optimize.*list" 'steps: optimize'
bad "2:1: .*'step'.*did you mean 'steps'" 'step: [optimize]'
bad "3:5: unknown pass 'optimise', did you mean 'optimize'$" 'steps:' '  - optimise'
bad "3:19: pass 'raise-opset' has no option 'opst', did you mean 'opset'$" 'steps:' '  - raise-opset: {opst: 18}'
bad "3:26: 'opset': found 'x', need a whole number" 'steps:' '  - raise-opset: {opset: x}'
bad "3:25: 'method': found 'msf', need .*did you mean 'msef'|3:26: .*msef" 'steps:' '  - insert-qdq: {method: msf}'
bad "3:5: group 'optimize' takes no options" 'steps:' '  - optimize: {a: 1}'
bad "4:5: 'insert-qdq' \(step [0-9]+\) needs ranges: put the step 'calibrate' before it$" 'steps:' '  - optimize' '  - insert-qdq'
bad "2:19: 'calibrate' \(step [0-9]+\) needs calibration data: give --data, or the option data of the step$" 'steps: [optimize, calibrate]' 'overrides: []'
bad "2:9: .*unknown target 'ort-cpu-x65'.*ort-cpu-x64" 'target: ort-cpu-x65' 'steps: [optimize]'
bad "3:5: rule 'a' is run by no step" 'rules:' '  - {name: a, match: y = Neg(x), replace: y = Abs(x)}' 'steps: [optimize]'
bad "4:16: no rule is named .*'b'|4:17: .*'b'" 'rules:' '  - {name: a, match: y = Neg(x), replace: y = Abs(x)}' 'steps: [rules: [b]]'
bad "3:[0-9]+: found .*needs ',' or '\)'" 'rules:' '  - {name: a, match: "y = Neg(x", replace: y = Abs(x)}' 'steps: [rules]'
bad "4:5: .*quantise.*did you mean 'quantize'" 'overrides:' '  - match: {op: Relu}' '    quantise: false' 'steps: [optimize]'
bad "4:[0-9]+: .*maybe.*true or false|4:[0-9]+: .*maybe" 'overrides:' '  - match: {op: Relu}' '    quantize: maybe' 'steps: [optimize]'
bad "3:14: .*opp.*did you mean 'op'|3:13: .*opp" 'overrides:' '  - match: {opp: Relu}' 'steps: [optimize]'

printf 'quern: 2\nsteps: [optimize]\n' >"$work/r.yaml"
run 2 apply "$model" -o "$work/bad.onnx" --config "$work/r.yaml"
says err 'r.yaml:1:8: recipe of version 2, this quern reads 1$'
printf 'steps: [optimize]\n' >"$work/r.yaml"
run 2 apply "$model" -o "$work/bad.onnx" --config "$work/r.yaml"
says err "r.yaml:1:1: .*'quern'"
: >"$work/r.yaml"
run 2 apply "$model" -o "$work/bad.onnx" --config "$work/r.yaml"
recipe 'target: ort-cpu-x64'
run 2 apply "$model" -o "$work/bad.onnx" --config "$work/r.yaml"
says err 'no steps to run'
run 5 apply "$model" -o "$work/bad.onnx" --config "$work/none.yaml"
says err 'none.yaml: .*No such file'

# ------------------------------------------------------------------- usage
run 2 apply "$model" -o "$work/bad.onnx"
says err 'neither given, needs one of --config and --passes'
run 2 apply "$model" -o "$work/bad.onnx" --config r --passes p
says err 'both given, needs one of --config and --passes'
run 2 apply "$model" --passes drop-dead
says err 'no output given, needs -o FILE'
run 2 apply "$model" --passes drop-dead --explain drop-dead
says err -- '--explain PASS and --node N go together'
run 2 apply "$model" -o "$work/bad.onnx" --passes 'drop-dead,'
says err '^error\[invalid-argument\]: --passes:1:11: found the end of the text'
run 2 optimize "$model" -o "$work/bad.onnx" --passes drop-dead
says err "unknown option '--passes'"

# ------------------------------------------------------------------ passes
run 0 passes
says out '^insert-qdq +changes-precision +'
says out '^optimize +group +'
run 0 passes norms
says out 'fuse-layer-norm,fuse-rms-norm'
for group in clean fold shapes layout arith activations norms attention blocks optimize-exact; do
    run 0 apply "$model" -o "$work/out.onnx" --passes "$group"
done
run 0 passes insert-qdq
says out '^contract +changes precision$'
says out '^needs +ranges'
says out 'min-max \| percentile'
run 0 passes optimize
says out 'fuse-conv-bn,'
run 2 passes insert-qdx
says err "unknown pass 'insert-qdx', did you mean 'insert-qdq'$"
run 0 passes insert-qdq --json
python3 -c '
import json, sys
p = json.load(open(sys.argv[1]))
o = {o["name"]: o for o in p["options"]}
assert p["contract"] == "changes-precision" and p["needs"] == ["ranges"], p
assert o["percentile"]["minimum"] == 50 and o["percentile"]["maximum"] == 100 and "msef" in o["method"]["choices"]
' "$work/out" || fail 'JSON of a pass'
[ ! -e "$work/bad.onnx" ] || fail 'output written'
finish
