#!/usr/bin/env bash
# quern compare: figures, bounds, labels, JSON, messages.
. "$(dirname "$0")/check.sh"

# A model is equal to itself.
run 0 compare "$digits/model.onnx" "$digits/model.onnx" --data "$digits/eval.npz" --labels "$digits/labels.npy" --threads 1
says out '^400 samples, embedded'
says out '^logits: SQNR equal, cosine 1.000000, largest error 0 of .*, same largest in 100.00 %'
says out '^right: 98.75 % and 98.75 %'

# Plain 8 bits without corrections hurt this model; threads do not show.
run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --method min-max --no-refine
run 0 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --threads 1 --json
cp "$work/out" "$work/one"
run 0 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --threads 3 --json
cmp "$work/one" "$work/out" || fail 'other figures with 3 threads'
python3 - "$work/out" <<'P' || fail 'JSON'
import json, sys
o = json.load(open(sys.argv[1]))
logits, = o["outputs"]
assert o["samples"] == 128 and logits["name"] == "logits" and logits["operator"] == "Gemm"
assert 3 < logits["sqnr_db"] < 30 and .5 < logits["cosine"] < 1 and logits["agreement"] < 1
assert not logits["equal"] and not logits["softmax"] and "layers" not in o
P

# Bounds.
run 1 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --min-sqnr 35
says err '^no: logits: [0-9.]+ dB, wanted 35'
run 1 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --min-agreement 1
says err '^no: logits: agreement 0.[0-9]+, wanted 1'
run 0 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --min-sqnr 1 --min-agreement .1

# Inside: worst first, and no layer is better than equal.
run 0 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --per-layer
says out '^inside, worst first'
sed -n 's/^ *\(-*[0-9.]*\) dB  [A-Z].*/\1/p' "$work/out" >"$work/list"
sort -g "$work/list" | cmp - "$work/list" || fail 'layers are not in order'
[ "$(wc -l <"$work/list")" -gt 20 ] || fail 'few layers'

# Bad input.
run 2 compare "$digits/model.onnx" "$work/q.onnx"
says err 'no samples given, needs --data'
run 2 compare "$digits/model.onnx" --data x
says err '1 arguments given, needs A B'
run 3 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/eval.npz" --labels "$digits/calib.npz"
says err "no readable numpy header"
run 2 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --labels "$digits/labels.npy"
says err 'hold 400 numbers, needs 1 for each of 128 samples'
run 2 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --min-sqnr loud
says err "min-sqnr 'loud': needs a number"
run 2 compare "$digits/model.onnx" "$work/q.onnx" --data "$digits/calib.npz" --engine gpu
says err "engine 'gpu': needs auto, cpu or ort"
finish
