"""Conv whose auto_pad finds more input than its strides reach, against ONNX Runtime: it cuts the input at both ends."""
import itertools
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

from shared import QUERN

RANDOM = np.random.default_rng(1)
failures = []
count = 0


def model_of(mode, kernel, stride, size, group, channels):
    weights = RANDOM.normal(size=(8, channels // group, kernel, kernel)).astype(np.float32)
    model = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
        g (float[1,{channels},{size},{size + 1}] x) => (float[A,B,C,D] y) {{
            y = Conv<auto_pad = "{mode}", strides = [{stride}, {stride}], group = {group}>(x, w) }}""")
    model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    return model


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for mode, kernel, stride, size, (group, channels) in itertools.product(
            ("SAME_UPPER", "SAME_LOWER"), (1, 2, 3), (3, 5, 7), (4, 5, 8), ((1, 4), (4, 4), (1, 16))):
        model = model_of(mode, kernel, stride, size, group, channels)
        x = RANDOM.normal(size=(1, channels, size, size + 1)).astype(np.float32)
        want = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]
        onnx.save(model, "m.onnx")
        np.savez("x.npz", x=x)
        p = subprocess.run([QUERN, "run", "m.onnx", "--data", "x.npz", "-o", "y.npz", "--engine", "cpu"], capture_output=True, text=True)
        got = np.load("y.npz")["y"] if p.returncode == 0 else None
        count += 1
        if got is None or got.shape != want.shape or not np.allclose(got, want, rtol=1e-4, atol=1e-4):
            failures.append((mode, kernel, stride, size, group, channels))
            print("FAILED:", failures[-1], p.stderr)
print(f"{count} windows, {len(failures)} failures")
sys.exit(1 if failures else 0)
