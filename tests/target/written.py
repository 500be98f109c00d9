"""insert-qdq writes what the profile of the target says: types, zero points, biases, granularity; and refuses what it cannot write."""
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError:
    print("needs numpy and onnx")
    sys.exit(77)

CHECKER = os.path.join(os.environ["QUERN_SOURCE"], "scripts", "check-tensorrt.py")
rng = np.random.RandomState(0)


def make(path, group, rows=1, extra=()):
    """Conv, ConvTranspose, a Conv without bias, a residual Add."""
    def constant(name, *shape):
        return numpy_helper.from_array((rng.randn(*shape) * .1).astype(np.float32), name)

    n = helper.make_node
    nodes = [n("Conv", ["x", "w1", "b1"], ["c1"], "c1", pads=[1] * 4), n("Relu", ["c1"], ["r1"], "r1"),
             n("ConvTranspose", ["r1", "wt", "bt"], ["t"], "up", group=group, strides=[2, 2]),
             n("Relu", ["t"], ["r2"], "r2"), n("Conv", ["r2", "w2"], ["c2"], "c2"),
             n("Add", ["c2", "s"], ["sum"], "sum"), n("Relu", ["sum"], ["y"], "y"), *extra]
    values = [helper.make_tensor_value_info(v, TensorProto.FLOAT, s)
              for v, s in (("x", [rows, 16, 8, 8]), ("s", [rows, 16, 16, 16]), ("y", [rows, 16, 16, 16]))]
    graph = helper.make_graph(nodes, "g", values[:2], values[2:], [
        constant("w1", 32, 16, 3, 3), constant("b1", 32), constant("wt", 32, 32 // group, 2, 2), constant("bt", 32),
        constant("w2", 16, 32, 1, 1)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


class Written:
    def __init__(self, path):
        self.model = onnx.load(path)
        self.constants = {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}
        nodes = self.model.graph.node
        self.q = [n for n in nodes if n.op_type == "QuantizeLinear"]
        self.weights = {r.name: d for d in nodes if d.op_type == "DequantizeLinear" and d.input[0] in self.constants
                        for r in nodes if len(r.input) > 1 and r.input[1] == d.output[0]}
        self.biases = [d for d in nodes if d.op_type == "DequantizeLinear" and d.input[0] in self.constants and
                       self.constants[d.input[0]].dtype == np.int32]
        self.types = {str(self.constants[n.input[2]].dtype) for n in self.q}
        self.zero_points = {int(self.constants[n.input[2]]) for n in self.q}

    def n_scales(self, name):
        return self.constants[self.weights[name].input[1]].size


def quantize(work, model, target, wanted=0, more=()):
    out = os.path.join(work, "out.onnx")
    done = subprocess.run([os.environ["QUERN"], "quantize", model, "-o", out, "--data", os.path.join(work, "d.npz"),
                           "--target", target, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != wanted:
        sys.exit(f"{target}: exit {done.returncode}, wanted {wanted}: {done.stderr}")
    return done.stderr if wanted else Written(out)


def profile(work, **keys):
    path = os.path.join(work, "mine.yaml")
    keys = {"target": 1, "name": "mine", "like": "tensorrt-10", **keys}
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(f"{k.replace('_', '-')}: {v}\n" for k, v in keys.items()))
    return path


def check_types(work, model, group):
    for target in ("ort-cpu-x64", "ort-cpu-avx2", "onnx-spec"):
        w = quantize(work, model, target)
        assert w.types == {"uint8"} and w.biases and "up" not in w.weights, target
    w = quantize(work, model, "ort-cpu-arm")
    assert w.types == {"int8"} and -128 in w.zero_points, w.zero_points  # behind Relu
    for target, version in (("tensorrt-10", "10"), ("tensorrt-8", "8")):
        w = quantize(work, model, target)
        assert w.types == {"int8"} and w.zero_points == {0} and not w.biases, target
        assert w.n_scales("c1") == 32
        assert w.n_scales("up") == (1 if version == "8" else 32 // group)
        subprocess.run([sys.executable, CHECKER, "--version", version, os.path.join(work, "out.onnx")], check=True,
                       stdout=subprocess.DEVNULL)
    w = quantize(work, model, "tensorrt-10", more=["--per-tensor"])
    assert w.n_scales("c1") == w.n_scales("up") == 1


def check_own(work, model):
    w = quantize(work, model, profile(work, weights="{granularity: tensor}", bias="int32"))
    assert w.types == {"int8"} and w.biases
    few = "{Conv: {integer: start, least-channels: 17}}"
    w = quantize(work, model, profile(work, operators=few))
    assert "c1" not in w.weights and "c2" not in w.weights and "up" in w.weights
    never = "{ConvTranspose: {integer: never, why: my board cannot}}"
    w = quantize(work, model, profile(work, operators=never))
    assert "c1" in w.weights and "up" not in w.weights


def check_refused(work, model):
    for keys, said in (
            ({"activations": "{types: [uint16]}"}, "uint16"),
            ({"activations": "{types: [uint8], symmetric: true}"}, "symmetric uint8"),
            ({"weights": "{symmetric: false}"}, "asymmetric weights int8"),
            ({"placement": "{shared-pair: false}"}, "a pair of Q and DQ a reader"),
            ({"placement": "{output-codes: true}"}, "codes at graph outputs"),
            ({"opset": "{minimum: 11, maximum: 12}"}, "opset 18 cannot be lowered to 12")):
        message = quantize(work, model, profile(work, **keys), wanted=4)
        assert said in message, message
    make(os.path.join(work, "open.onnx"), 1, rows="n")
    quantize(work, model, profile(work, shapes="static"))
    message = quantize(work, os.path.join(work, "open.onnx"), profile(work, shapes="static"), wanted=4)
    assert "needs known dimensions, input 'x'" in message, message
    put = [helper.make_node("Constant", [], ["k"], value=numpy_helper.from_array(np.zeros((1, 1), np.int64))),
           helper.make_node("ScatterND", ["sum", "k", "s"], ["m"], "put", reduction="max")]
    make(os.path.join(work, "put.onnx"), 1, extra=put)
    message = quantize(work, os.path.join(work, "put.onnx"), "tensorrt-8", wanted=4)
    assert "'put' (ScatterND" in message and "newer" in message, message


def main():
    with tempfile.TemporaryDirectory() as work:
        np.savez(os.path.join(work, "d.npz"), x=rng.randn(16, 16, 8, 8).astype(np.float32),
                 s=rng.randn(16, 16, 16, 16).astype(np.float32))
        model = os.path.join(work, "m.onnx")
        for group in (1, 2):
            make(model, group)
            check_types(work, model, group)
        check_own(work, model)
        check_refused(work, model)
    print("all targets")


main()
