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
