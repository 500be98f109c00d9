#!/usr/bin/env bash
# quern run writes what it computed; times by node; bad arguments. quern inspect
# and check on the model of testdata.
. "$(dirname "$0")/check.sh"
model=$digits/model.onnx

run 0 run "$model" --data "$digits/eval.npz" -o "$work/out.npz"
says out '^400 samples, embedded'
python3 - "$work/out.npz" "$digits/labels.npy" <<'P' || fail 'outputs'
import ast, struct, sys, zipfile

def read(b):
    assert b[:6] == b"\x93NUMPY"
    n = struct.unpack("<H", b[8:10])[0]
    head = ast.literal_eval(b[10:10 + n].decode())
    kind = {"<f4": "f", "<i8": "q"}[head["descr"]]
    return head["shape"], struct.unpack("<" + kind * ((len(b) - 10 - n) // struct.calcsize(kind)), b[10 + n:])

archive = zipfile.ZipFile(sys.argv[1])
assert archive.namelist() == ["logits.npy"] and archive.testzip() is None
shape, logits = read(archive.read("logits.npy"))
assert shape == (400, 10)
_, labels = read(open(sys.argv[2], "rb").read())
rows = [logits[10 * i:10 * i + 10] for i in range(400)]
right = sum(row.index(max(row)) == label for row, label in zip(rows, labels))
assert right == 395, right
P
run 0 run "$model" --data "$digits/calib.npz" --backend plain --profile
says out 'Conv'
run 0 run "$model" --data "$digits/calib.npz" --json
python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); assert o["samples"] == 128 and o["output"] is None' "$work/out" || fail JSON
run 2 run "$model"
says err 'needs --data or --check, not both'
run 2 run "$model" --check --tol zero x
says err "needs a positive number"
run 2 run "$model" --check
says err '--check needs folders of test sets'
run 2 run "$model" --check --rule ours x
says err "--rule 'ours': needs output or onnx"

# --check: tolerances, rules, sets with too many outputs.
python3 - "$work" <<'P'
import os, struct, sys
sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import RELU, graph, model, tensor
os.chdir(sys.argv[1])
open("relu.onnx", "wb").write(model(graph([RELU])))
for name, want, more in (("good", (100, 1), 0), ("near", (100.5, 1), 0), ("small", (100, 1.01), 0), ("many", (100, 1), 1)):
    os.mkdir(name)
    open(f"{name}/input_0.pb", "wb").write(tensor("x", [1, 2], struct.pack("<2f", 100, 1)))
    for k in range(1 + more):
        open(f"{name}/output_{k}.pb", "wb").write(tensor("y", [1, 2], struct.pack("<2f", *want)))
P
relu=$work/relu.onnx
run 0 run "$relu" --check "$work/good"
says out '^1 of 1 sets right, tolerance 0.001 \(default\), embedded'
run 1 run "$relu" --check "$work/good" "$work/near"
says out '^1 of 2 sets right'
says err 'wrong: .*near: output 0: error 0.0049'
run 0 run "$relu" --check "$work/near" --tol 0.01
run 0 run "$relu" --check "$work/small"
run 1 run "$relu" --check "$work/small" --rule onnx
run 1 run "$relu" --check "$work/many"
says err 'output_1.pb: the model has 1 outputs'
echo '{"tol": 0.02}' >"$work/meta.json"
run 0 run "$relu" --check "$work/near" --json
python3 -c 'import json, sys; o = json.load(open(sys.argv[1])); assert o["right"] and o["tolerance"] == 0.02 and o["tolerance_from"] == "meta.json" and len(o["sets"]) == 1, o' "$work/out" || fail 'JSON of --check'
run 5 run "$model" --data "$digits/calib.npz" -o "$work/no/out.npz"
run 5 run "$model" --data "$work/none.npz"
run 3 run "$digits/labels.npy" --data "$digits/calib.npz"

run 0 inspect "$model"
says out 'BatchNormalization'
run 0 inspect "$model" --text
says out '/stem/stem.0/Conv'
run 0 inspect "$model" --dot
says out '^digraph'
run 0 check "$model"
run 1 check "$digits/labels.npy"
finish
