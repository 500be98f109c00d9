"""Loops of no turns, or a few, against ONNX Runtime: what they gather has the sizes that are known of the body, and 0 where only a
turn would tell. (Of a Scan over nothing ONNX Runtime makes an error, and so does the embedded engine.)"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
import onnxruntime

from shared import QUERN

# Of the body: what it declares of the state and of the output that is gathered, what makes it; sizes of the gathered one without turns.
CASES = {
    "declared": ("float[2,3]", "float[2,3]", "o = Identity(s)", (0, 2, 3)),
    "by names": ("float[P,Q]", "float[P,Q]", "o = Identity(s)", (0, 0, 0)),
    "in part": ("float[P,Q]", "float[5,W]", "r = Reshape(s, sizes)  o = Identity(r)", (0, 5, 0)),
    "declared alone": ("float[P,Q]", "float[5,7]", "r = Reshape(s, sizes)  o = Identity(r)", (0, 5, 7)),
    "inferred": ("float[P,Q]", "float[]", "o = Relu(outside)", (0, 4, 6)),
    "inferred in part": ("float[P,Q]", "float[]", "o = MatMul(s, weights)", (0, 0, 5)),
    "neither": ("float[P,Q]", "float[]", "r = Reshape(s, sizes)  o = Identity(r)", (0,)),
    "joined": ("float[P,Q]", "float[R,T]", "o = Concat<axis=0>(s, s)", (0, 0, 0)),
    "flat": ("float[P,Q]", "float[R]", "k = Constant<value=int64[1]{-1}>()  o = Reshape(s, k)", (0, 0)),
    "scalar": ("float[P,Q]", "float", "o = ReduceSum<keepdims=0>(s)", (0,)),
    "flags": ("float[P,Q]", "bool[2,3]", "o = Not(c3)", (0, 2, 3)),
}
failures = []


def model_of(state, gathered, made):
    kind = gathered.split("[")[0]
    return onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        g (int64 n, bool go, float[A,B] x, int64[L] sizes, float[4,6] outside, float[3,5] weights, bool[2,3] c3) => (float[C,D] last, {kind}[] y) {{
            last, y = Loop(n, go, x) <body = b (int64 i, bool c, {state} s) => (bool co, {state} so, {gathered} o) {{ co = Identity(c)  so = Identity(s)  {made} }}> }}""")


def check(name, model, n, go, sizes):
    data = {"n": np.array(n, np.int64), "go": np.array(go), "x": np.ones((2, 3), np.float32), "sizes": np.array([3, 2]),
            "outside": np.ones((4, 6), np.float32), "weights": np.ones((3, 5), np.float32), "c3": np.ones((2, 3), bool)}
    want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, data)
    onnx.save(model, "m.onnx")
    os.makedirs("set", exist_ok=True)
    for i, k in enumerate(data):
        open(f"set/input_{i}.pb", "wb").write(numpy_helper.from_array(data[k], k).SerializeToString())
    for i, v in enumerate(want):
        open(f"set/output_{i}.pb", "wb").write(numpy_helper.from_array(v, "y").SerializeToString())
    p = subprocess.run([QUERN, "run", "m.onnx", "--check", "set", "--engine", "cpu"], capture_output=True, text=True)
    if p.returncode != 0 or (n <= 0 or not go) and want[1].shape != sizes:
        failures.append(name)
        print(f"FAILED: {name}, {n} turns, {go}: ONNX Runtime has {want[1].shape}, we thought {sizes}\n{p.stdout}{p.stderr}")


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for name, (state, gathered, made, sizes) in CASES.items():
        for n, go in (0, True), (-1, True), (2, False), (2, True):
            check(name, model_of(state, gathered, made), n, go, sizes)
print(f"{len(CASES)} loops, {len(failures)} failures")
sys.exit(1 if failures else 0)
