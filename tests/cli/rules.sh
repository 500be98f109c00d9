#!/usr/bin/env bash
# quern rules check: what is wrong with rules, and what they match.
. "$(dirname "$0")/check.sh"
model=$work/model.onnx
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 30 "$model" || exit 1
r=$work/r.yaml
# rules STEPS RULE...: a recipe; a rule is "NAME MATCH | REPLACE".
rules() {
    local steps=$1 rule text
    shift
    printf 'quern: 1\nopsets: {com.acme: 1}\nsteps: %s\nrules:\n' "$steps" >"$r"
    for rule; do
        text=${rule#* }
        printf "  - name: %s\n    match: '%s'\n    replace: '%s'\n" "${rule%% *}" "${text% | *}" "${text#* | }" >>"$r"
    done
}

# What they match, where they are applied, and where they nearly are.
rules '[rules]' 'silu y = Mul(x, Sigmoid(x)) | y = com.acme.SiLU(x)' 'half y = Mul(x, 0.25) | y = com.acme.Half(x)' \
    'atan y = Atan(x) | y = Tanh(x)' 'later y = Abs(com.acme.SiLU(x)) | y = Abs(x)' 'made y = com.acme.SiLU(x) | y = com.acme.Made(x)'
run 0 rules check "$r"
says out '^silu: y = Mul\(x, Sigmoid\(x\)\)  ->  y = com\.acme\.SiLU\(x\)$'
says out '^.*r\.yaml: 5 rules, well formed$'
run 0 rules check "$r" --model "$model"
says out "^  matches at ([0-9]+) nodes, is applied \1 times: .*'/b0/Mul11' \(Mul\)"
says out "^  nearest miss: '[^']+' \(Mul\): input [01] of '[^']+' \(Mul\): .*needs constant 0\.25$"
says out '^  no node has the operator of its root$'
says out '^  matches nowhere at first, is applied [1-9][0-9]* times$'
run 0 rules check "$r" --model "$model" --json
python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
silu, half, atan, later, made = d["rules"]
assert silu["name"] == "silu" and len(silu["matches"]) == silu["applied"] == made["applied"] > 2, silu
assert half["matches"] == [] and half["nearest_miss"].endswith("needs constant 0.25"), half
assert atan["nearest_miss"] is None, atan' "$work/out" || fail JSON
# Steps in front of the rules are run first: optimize makes HardSwish and leaves no Div.
rules '[optimize, rules]' 'swish y = HardSwish(x) | y = com.acme.Swish(x)' 'div y = Div(a, b) | y = Sub(a, b)'
cp "$model" "$work/as_it_was"
run 0 rules check "$r" --model "$model"
says out "^  matches at 3 nodes, is applied 3 times: "
says out '^  no node has the operator of its root$'
cmp "$model" "$work/as_it_was" || fail 'the model was touched'

# bad RULE PATTERN: exit 2 and what it says, without a model.
bad() {
    rules '[rules]' "$1"
    run 2 rules check "$r"
    says err "^error\[invalid-argument\]: $2"
    [ ! -s "$work/out" ] || fail 'output in spite of an error'
}
bad 'r y = Sigmod(x) | y = Neg(x)' ".*r\.yaml:6:17: rule 'r' matches 'Sigmod', which ONNX does not have, did you mean 'Sigmoid'$"
bad 'r y = Neg(x) | y = Ne(x)' ".*r\.yaml:7:19: rule 'r' makes 'Ne', which ONNX does not have, did you mean"
bad 'r y = Neg(x) | y = Abs(z)' ".*r\.yaml:7:19: rule 'r' reads 'z', which its match does not name$"
bad 'r a = Neg(b); b = Abs(a); y = Relu(b) | y = Relu(b)' ".*r\.yaml:6:25: 'b' stands for another value already: an equation comes before its use$"
bad 'r y = Neg(x) | y = Mul(x)' ".*r\.yaml:7:19: rule 'r' gives Mul 1 inputs, it takes 2$"
bad 'r y = Neg(x) | y = Softmax(x){axis="last"}' ".*r\.yaml:7:19: rule 'r': attribute 'axis' of Softmax is found as a text, needs its type 'int'$"
bad 'r y = Relu(x){slope=0.1} | y = Neg(x)' ".*r\.yaml:6:17: rule 'r': Relu has no attribute 'slope'$"
bad 'r y = Neg(x) | y = org.Neg(x)' ".*r\.yaml:7:19: rule 'r' makes org\.Neg, whose opset the recipe does not tell"
bad 'r y = Neg(x' ".*r\.yaml:6:[0-9]+: found .*, needs ',' or '\)'$"
bad 'r y = Neg(x) | y = Neg(Abs(x))' "pass 'rules': rule 'r' still matches after many rounds: rules that make what they match do not end$"
# The opset of a model may take less than the newest.
rules '[rules]' 'r y = Mul(x, Sigmoid(x)) | y = ReduceMean(x, [0])'
run 0 rules check "$r"
run 2 rules check "$r" --model "$model"
says err "^error\[invalid-argument\]: .*r\.yaml:7:19: rule 'r' gives ReduceMean 2 inputs, it takes 1 at opset [0-9]+$"
rules '[rules]' 'r y = Mul(x, Sigmoid(x)) | y = Swish(x)'
run 4 rules check "$r" --model "$model"
says err "^error\[unsupported\]: .*r\.yaml:7:19: rule 'r' makes Swish, which needs opset 24; the model has [0-9]+ \(see the pass raise-opset\)$"
# Two that undo each other, with and without a model.
rules '[rules]' 'there y = Sigmoid(x) | y = Tanh(x)' 'back y = Tanh(x) | y = Sigmoid(x)' 'other y = Erf(x) | y = Abs(x)'
for with in '' "--model $model"; do
    # shellcheck disable=SC2086
    run 2 rules check "$r" $with
    says err "^error\[invalid-argument\]: pass 'rules': rules 'there' and 'back' undo each other: stopped after many rounds$"
done

# Usage.
printf 'quern: 1\nsteps: [optimize]\n' >"$r"
run 2 rules check "$r"
says err "^error\[invalid-argument\]: '.*r\.yaml' has no rules$"
run 2 rules look "$r"
says err "^error\[invalid-argument\]: rules: unknown word 'look', needs check$"
run 5 rules check "$work/none.yaml"
# Operators whose names have dots are told apart from their domains by quotes.
rules '[rules]' 'dots y = Sigmoid(x) | y = com.acme."Sig.v2"(x)' 'next y = Mul(x, "com.acme"."Sig.v2"(x)) | y = com.acme."Silu.v2"(x)'
run 0 rules check "$r"
says out '^.*r\.yaml: 2 rules, well formed$'
run 0 apply "$model" --config "$r" -o "$work/dots.onnx"
run 0 inspect "$work/dots.onnx"
says out 'com\.acme\.Silu\.v2'
run 0 rules check "$r" --model "$work/dots.onnx"
says out '^  no node has the operator of its root'
finish
