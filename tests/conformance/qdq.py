"""The files that `quern quantize` writes, in the embedded engine and in ONNX Runtime without optimizations.

Float sums differ in their last bits between engines, so a value next to a rounding border may get the next code, and a
network of rounding steps then drifts apart. What must hold is that each step is right: every piece between
DequantizeLinear and QuantizeLinear is fed with ONNX Runtime's own codes, and its codes must be the same, or the next
one for a few values (at ties). Prints the counts; wrong when a code differs by more, or one in 500 differs.
"""
import os
import subprocess
import sys
import tempfile

from shared import QUERN, SHARED, skip

try:
    import numpy as np
    import onnx
    import onnxruntime
except ImportError as e:
    skip(str(e))

NAMES = ["digits-resnet", "digits-mobilenet", "digits-vit", "ocr-cls"]
SAMPLES = 2


def quern(*arguments):
    r = subprocess.run([QUERN, *arguments], capture_output=True, text=True)
    if r.returncode:
        sys.exit(f"{' '.join(arguments)}: exit {r.returncode}: {r.stderr.strip()}")


def cut(model):
    """Make the codes of activations inputs of the model, and all codes outputs. Returns the names of the codes."""
    graph = model.graph
    constants = {i.name: i for i in graph.initializer}
    codes = {}
    for n in graph.node:
        if n.op_type == "QuantizeLinear":
            codes[n.output[0]] = constants[n.input[2]].data_type if len(n.input) > 2 else onnx.TensorProto.UINT8
    for n in graph.node:
        for i, name in enumerate(n.input):
            if n.op_type != "QuantizeLinear" and name in codes:
                n.input[i] = f"{name}.given"
    for name, kind in codes.items():
        graph.input.append(onnx.helper.make_tensor_value_info(f"{name}.given", kind, None))
        graph.output.append(onnx.helper.make_tensor_value_info(name, kind, None))
    return list(codes)


def reference(model, codes, feed):
    """The codes that ONNX Runtime finds."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    have = {o.name for o in whole.graph.output}
    for name in codes:
        if name not in have:
            whole.graph.output.append(onnx.helper.make_tensor_value_info(name, 0, None))
            whole.graph.output[-1].ClearField("type")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(whole.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dict(zip(codes, session.run(codes, {i.name: feed[i.name] for i in session.get_inputs()})))


def test_set(graph, given, folder):
    """Whole tensors: codes of rows have no axis of samples."""
    out = tempfile.mkdtemp(dir=folder)
    for k, i in enumerate(graph.input):
        with open(os.path.join(out, f"input_{k}.pb"), "wb") as f:
            f.write(onnx.numpy_helper.from_array(given[i.name], i.name).SerializeToString())
    return out


def check(name, folder):
    source = SHARED / "models" / name
    data = np.load(source / "eval.npz")
    path = os.path.join(folder, f"{name}.onnx")
    quern("quantize", str(source / "model.onnx"), "-o", path, "--data", str(source / "calib.npz"), "--no-refine")
    model = onnx.load(path)
    pieces = onnx.load(path)
    codes = cut(pieces)
    piece = os.path.join(folder, "pieces.onnx")
    onnx.save(pieces, piece)
    n = near = far = 0
    for s in range(SAMPLES):
        feed = {k: data[k][s:s + 1] for k in data.files}
        want = reference(model, codes, feed)
        given = {i.name: feed[i.name] for i in model.graph.input if i.name in feed}
        given.update({f"{k}.given": v for k, v in want.items()})
        quern("run", piece, "--data", test_set(pieces.graph, given, folder), "-o", os.path.join(folder, "out.npz"))
        got = np.load(os.path.join(folder, "out.npz"))
        for k in codes:
            steps = np.abs(got[k].astype(np.int64) - want[k].astype(np.int64))
            n += steps.size
            near += int((steps == 1).sum())
            far += int((steps > 1).sum())
    print(f"{name}: {n} codes, {near} one step away, {far} further")
    return far == 0 and near * 500 <= n


if not (SHARED / "models").exists():
    skip("models")
with tempfile.TemporaryDirectory() as scratch:
    right = [check(name, scratch) for name in NAMES]
sys.exit(0 if all(right) else 1)
