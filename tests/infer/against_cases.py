"""Types and shapes that quern infers on ONNX's own operator cases against the expected outputs, and how much it knows
beside onnx.shape_inference. Argument: the infer-dump program. Fails on any contradiction, and where onnx knows more in
more than a few cases (listed)."""
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "conformance"))
from shared import cases  # noqa: E402

DUMP = sys.argv[1]
MOST_LESS = 8
try:
    import onnx
    from onnx import numpy_helper
except ImportError as e:
    print(f"needs the Python package onnx: {e}")
    sys.exit(77)

FRESH = re.compile(r"\?\d+\.\d+")


def dims_known_by_onnx(model):
    del model.graph.value_info[:]
    for o in model.graph.output:
        if o.type.HasField("tensor_type"):
            o.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:
        inferred = model
    for o in inferred.graph.output:
        if o.type.HasField("tensor_type"):
            t = o.type.tensor_type
            yield sum(d.HasField("dim_value") for d in t.shape.dim) + t.HasField("shape")
        else:
            yield 0


def case(folder):
    model = onnx.load(folder / "model.onnx")
    r = subprocess.run([DUMP, folder / "model.onnx"], capture_output=True, text=True, timeout=60)
    if r.returncode:
        return [f"infer-dump ended with {r.returncode}: {r.stderr.strip()}"], 0, 0, 0
    values = {v["name"]: v for v in map(json.loads, r.stdout.splitlines())}
    bad, total, ours = [], 0, 0
    for k, o in enumerate(model.graph.output):
        path = folder / "test_data_set_0" / f"output_{k}.pb"
        v = values[o.name]
        if not o.type.HasField("tensor_type") or not path.exists():
            continue
        t = onnx.load_tensor(path)
        if v["dtype"] and v["dtype"] != t.data_type:
            bad.append(f"{o.name}: type {v['dtype']}, expected {t.data_type}")
        total += len(t.dims) + 1
        if v["rank"] < 0:
            continue
        ours += 1
        if v["rank"] != len(t.dims):
            bad.append(f"{o.name}: rank {v['rank']}, expected {len(t.dims)}")
            continue
        for i, d in enumerate(v["dims"]):
            ours += isinstance(d, int)
            if isinstance(d, int) and d != t.dims[i]:
                bad.append(f"{o.name}: dimension {i} is {d}, expected {t.dims[i]}")
        if v.get("numbers") is not None:
            for a, b in zip(v["numbers"], numpy_helper.to_array(t).ravel().tolist()):
                if isinstance(a, int) and a != b:
                    bad.append(f"{o.name}: number {a}, expected {b}")
    return bad, total, ours, sum(dims_known_by_onnx(model))


n = total = ours = theirs = 0
bad, less = [], []
for path in sorted(cases().rglob("model.onnx")):
    folder = path.parent
    wrong, t, a, b = case(folder)
    n += 1
    total += t
    ours += a
    theirs += b
    bad += [f"{folder.name}: {w}" for w in wrong]
    if a < b and all(not d.domain for d in onnx.load(path).graph.node):
        less.append(f"{folder.name}: knows {a}, onnx {b}")
print(*bad[:80], *less, sep="\n")
print(f"{n} cases, {total} ranks and dimensions: quern knows {ours / max(total, 1):.1%}, onnx {theirs / max(total, 1):.1%}; "
      f"less than onnx in {len(less)}")
sys.exit(bool(bad) or len(less) > MOST_LESS or n == 0)
