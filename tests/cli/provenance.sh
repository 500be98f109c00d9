#!/usr/bin/env bash
# What was done stands in the metadata of models that were changed, of no others; the same bytes each time and everywhere.
. "$(dirname "$0")/check.sh"
model=$digits/model.onnx
says_model() { # FILE TEXT
    grep -qaF -- "$2" "$work/$1" || fail "no '$2' in $1"
}

run 0 quantize "$model" -o "$work/q.onnx" --data "$digits/calib.npz" --exclude 'op:Gemm'
run 0 --version
says_model q.onnx quern.version
says_model q.onnx "$(sed 's/quern //' "$work/out")"
says_model q.onnx ort-cpu-x64
says_model q.onnx '- insert-qdq: {method: msef, per-tensor: false, keep-floats: true}'
says_model q.onnx 'op: Gemm'
grep -aoE 'quern\.source.{0,4}[0-9a-f]{16}' "$work/q.onnx" >/dev/null || fail 'no fingerprint'
grep -qaF "${digits%/*}" "$work/q.onnx" && fail 'a path of the machine'

# From another place, to another name: the same bytes.
mkdir "$work/else"
cp "$model" "$work/else/m.onnx"
cp "$digits/calib.npz" "$work/else/d.npz"
run 0 quantize "$work/else/m.onnx" -o "$work/else/o.onnx" --data "$work/else/d.npz" --exclude 'op:Gemm'
cmp "$work/q.onnx" "$work/else/o.onnx" || fail 'other bytes from another folder'

# A recipe with a path in it, and a target file.
printf 'target: 1\nname: board\nlike: ort-cpu-x64\n' >"$work/else/board.yaml"
cat >"$work/else/r.yaml" <<'R'
quern: 1
steps:
- freeze-weights
- calibrate: {data: ./sub/../d.npz}
- insert-qdq
R
mkdir "$work/else/sub"
run 0 apply "$model" -o "$work/r.onnx" --config "$work/else/r.yaml" --target "$work/else/board.yaml"
says_model r.onnx 'board.yaml'
says_model r.onnx '- calibrate'
grep -qaE 'data|d\.npz' "$work/r.onnx" && fail 'the data is told'
grep -qaE "else|sub/" "$work/r.onnx" && fail 'a path of the recipe'

# Off, and nothing to tell.
run 0 quantize "$model" -o "$work/n.onnx" --data "$digits/calib.npz" --no-provenance
grep -qa 'quern\.' "$work/n.onnx" && fail '--no-provenance tells'
run 0 apply "$model" -o "$work/same.onnx" --passes drop-dead
cmp "$model" "$work/same.onnx" || fail 'a model that nothing changed has other bytes'
run 0 optimize "$model" -o "$work/o.onnx"
run 0 optimize "$work/o.onnx" -o "$work/oo.onnx"
cmp "$work/o.onnx" "$work/oo.onnx" || fail 'optimizing twice changes something'
# Another model, another fingerprint.
source_of() { grep -aoE 'quern\.source.{0,4}[0-9a-f]{16}' "$1" | grep -aoE '[0-9a-f]{16}$'; }
run 0 optimize "$work/n.onnx" -o "$work/no.onnx"
run 0 apply "$work/q.onnx" -o "$work/qq.onnx" --passes 'raise-opset{opset=21}'
[ "$(source_of "$work/q.onnx")" != "$(source_of "$work/qq.onnx")" ] || fail 'the same fingerprint for two models'
[ "$(source_of "$work/q.onnx")" = "$(source_of "$work/o.onnx")" ] || fail 'other fingerprints for one model'

# optimize --exact and --opset.
run 0 optimize "$model" -o "$work/e.onnx" --exact
run 0 compare "$model" "$work/e.onnx" --data "$digits/calib.npz" --json
grep -q '"equal": false' "$work/out" && fail '--exact changes bits'
run 0 optimize "$model" -o "$work/e.onnx" --opset 20
run 0 inspect "$work/e.onnx"
says out '^opsets +ai.onnx 20$'
run 0 optimize "$work/e.onnx" -o "$work/f.onnx" --opset 23 --exact --print-config
grep -q blocks "$work/out" && fail '--exact recognises blocks'
run 0 optimize "$work/e.onnx" -o "$work/f.onnx" --opset 23 --print-config
says out 'blocks'
run 2 optimize "$model" -o "$work/e.onnx" --opset 6
says err "--opset '6': needs 7 to 26"
finish
