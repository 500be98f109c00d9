"""Windows at the edge of what they read, against ONNX Runtime: Conv whose auto_pad finds more input than its strides reach, which cuts
the input at both ends; pools whose window is larger than the input with its pads, or of an input without elements."""
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
count = refused = 0


def convs():
    for mode, kernel, stride, size, (group, channels) in itertools.product(
            ("SAME_UPPER", "SAME_LOWER"), (1, 2, 3), (3, 5, 7), (4, 5, 8), ((1, 4), (4, 4), (1, 16))):
        model = onnx.parser.parse_model(f"""<ir_version: 8, opset_import: ["" : 17]>
            g (float[1,{channels},{size},{size + 1}] x) => (float[A,B,C,D] y) {{
                y = Conv<auto_pad = "{mode}", strides = [{stride}, {stride}], group = {group}>(x, w) }}""")
        weights = RANDOM.normal(size=(8, channels // group, kernel, kernel)).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
        yield model, RANDOM.normal(size=(1, channels, size, size + 1)).astype(np.float32)


def pools():
    for op, pads, batch, size, kernel, stride, up in itertools.product(
            ("MaxPool", "AveragePool", "LpPool"), ('auto_pad = "SAME_LOWER"', 'auto_pad = "VALID"', "pads = [1, 1]", "pads = [0, 2]"),
            (0, 2), (0, 1, 2, 3), (3, 4), (1, 2, 3), (0, 1)):
        if up and (op == "LpPool" or "auto_pad" in pads):
            continue
        yield onnx.parser.parse_model(f"""<ir_version: 9, opset_import: ["" : 20]>
            g (float[{batch},2,{size}] x) => (float[A,B,C] y) {{
                y = {op}<{pads}, kernel_shape = [{kernel}], strides = [{stride}] {", ceil_mode = 1" if up else ""}>(x) }}
            """), RANDOM.normal(size=(batch, 2, size)).astype(np.float32)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    os.mkdir("set")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    for model, x in itertools.chain(convs(), pools()):
        try:
            want = onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, {"x": x})[0]
        except Exception:
            refused += 1
            continue
        onnx.save(model, "m.onnx")
        onnx.save_tensor(onnx.numpy_helper.from_array(x, "x"), "set/input_0.pb")
        onnx.save_tensor(onnx.numpy_helper.from_array(want, "y"), "set/output_0.pb")
        p = subprocess.run([QUERN, "run", "m.onnx", "--check", "set", "--tol", "1e-4", "--engine", "cpu"], capture_output=True, text=True)
        count += 1
        if p.returncode != 0:
            failures.append(onnx.printer.to_text(model.graph))
            print("FAILED:", failures[-1], p.stderr)
print(f"{count} windows, {len(failures)} failures; ONNX Runtime refused {refused}")
sys.exit(1 if failures or count < 400 else 0)
