#!/usr/bin/env bash
# The account of quantize and optimize: for people, as JSON, as a report.
. "$(dirname "$0")/check.sh"

run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --report "$work/report.json"
says out '^.*model.onnx -> .*q.onnx, target ort-cpu-x64$'
says out '^integer +24 of 24 Conv, Gemm and MatMul: 23 Conv, '
says out '^float '
says out '^error +logits: SQNR [34][0-9.]+ dB, cosine 0.99'
says out 'on 16 of 128 samples, which calibration did not see'
says out 'estimate-speed: integers save about'
says out '^size +349.8 kB -> 1[0-9]+.[0-9] kB'
says out '^took +[0-9.]+ s, [0-9.]+ .B of memory'
[ -s "$work/err" ] && fail 'a word too many'

# The same job, told by --json; nothing else on stdout.
run 0 quantize "$digits/model.onnx" -o "$work/q2.onnx" --data "$digits/calib.npz" --json
cmp "$work/q.onnx" "$work/q2.onnx" || fail 'other bytes'
python3 - "$work/out" "$work/report.json" "$digits/model.onnx" "$work/q.onnx" <<'P' || fail 'JSON'
import json, os, sys
told, saved = (json.load(open(p)) for p in sys.argv[1:3])
for o in told, saved:
    assert o["verb"] == "quantize" and o["target"] == "ort-cpu-x64"
    assert o["bytes"] == {"before": os.path.getsize(sys.argv[3]), "after": os.path.getsize(sys.argv[4])}
    ops = {r["operator"]: r for r in o["operators"]}
    assert ops["Conv"] == {"operator": "Conv", "integer": 23, "float": 0} and ops["Gemm"]["integer"] == 1
    assert o["stays_in_float"] == [] and o["warnings"] == []
    logits, = o["error"]["outputs"]
    assert logits["sqnr_db"] > 34 and o["error"]["samples"] == 16 and o["error"]["kept_apart"]
    steps = {s["pass"]: s for s in o["steps"]}
    assert steps["fuse-conv-bn"]["edits"] > 0 and steps["insert-qdq"]["lines"]
    folded = steps["fuse-conv-bn"]["lines"][0]
    assert folded["operator"] == "BatchNormalization" and folded["node"] and folded["text"].startswith("folded")
    assert 0 < o["seconds"] < 600 and o["peak_memory"] > 1e6
assert told["output"].endswith("q2.onnx")
P

# -q says nothing, -v names each step.
run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" -q
[ -s "$work/out" ] && fail '-q talks'
run 0 optimize "$digits/model.onnx" -o "$work/o.onnx" -v
says out '^nodes +101 -> [4-6][0-9]$'
says out "^ +fuse-conv-bn: BatchNormalization '/stem/stem.1/BatchNormalization': folded into"
says out '^ +fuse-conv-bn +[0-9]+ edits in [0-9]+ rewrites +[0-9.]+ ms'

# A large error is a warning, in JSON too.
run 0 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --no-refine --method min-max --report "$work/report.json"
says err "^warning.*'logits'.*the error of this output is large: [0-9.]+ dB"
grep -q 'is large' "$work/report.json" || fail 'no warning in the report'

# The output may be the input.
cp "$digits/model.onnx" "$work/m.onnx"
run 0 quantize "$work/m.onnx" -o "$work/m.onnx" --data "$digits/calib.npz"
says out '^error +logits: SQNR [34]'
run 5 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --report "$work/none/report.json"
says err "report '.*' cannot be written"
finish
