"""scripts/check-tensorrt.py finds every seeded violation and nothing in a right model; what quern writes for TensorRT obeys."""
import copy
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

spec = importlib.util.spec_from_file_location("check_tensorrt", sys.argv[1])
checker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(checker)


# ------------------------------------------------------------------ right models

class Builder:
    def __init__(self):
        self.nodes, self.constants, self.random = [], [], np.random.RandomState(1)

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name + "_" + op, **attributes))
        return name

    def pair(self, x, scale=.02, base=None):
        base = base or x
        s = self.constant(base + "_s", np.float32(scale))
        z = self.constant(base + "_z", np.int8(0))
        q = self.node("QuantizeLinear", [x, s, z], base + "_q")
        return self.node("DequantizeLinear", [q, s, z], base + "_dq")

    def weights(self, name, shape, axis):
        codes = self.random.randint(-127, 128, shape).astype(np.int8)
        self.constant(name, codes)
        n = shape[axis]
        s = self.constant(name + "_s", np.full(n, .01, np.float32))
        z = self.constant(name + "_z", np.zeros(n, np.int8))
        return self.node("DequantizeLinear", [name, s, z], name + "_dq", axis=axis)

    def conv(self, x, name, m=16, c=16, k=3):
        w = self.weights(name + "_w", [m, c, k, k], 0)
        b = self.constant(name + "_b", np.zeros(m, np.float32))
        return self.node("Conv", [x, w, b], name, pads=[k // 2] * 4)

    def model(self, inputs, outputs, opset=17):
        values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs + outputs]
        graph = helper.make_graph(self.nodes, "g", values[:len(inputs)], values[len(inputs):], self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def residual_net():
    b = Builder()
    x = b.pair("x")
    a = b.node("Relu", [b.conv(x, "c1")], "a")
    a_dq = b.pair(a)
    c2 = b.node("Relu", [b.conv(a_dq, "c2")], "c2r")
    c3 = b.conv(b.pair(c2), "c3")
    add = b.node("Relu", [b.node("Add", [c3, a_dq], "sum")], "add")
    pooled = b.node("MaxPool", [add], "pooled", kernel_shape=[2, 2], strides=[2, 2])
    p = b.pair(pooled)
    left = b.conv(p, "left")
    right = b.conv(p, "right", k=1)
    joined = b.node("Concat", [left, right], "joined", axis=1)
    silu = b.conv(b.pair(joined), "c4", c=32)
    silu = b.node("Mul", [silu, b.node("Sigmoid", [silu], "sig")], "silu")
    mean = b.node("GlobalAveragePool", [b.pair(silu)], "mean")
    head = b.conv(b.pair(mean), "head", k=1)
    b.node("Flatten", [head], "y")
    return b.model([("x", [1, 16, 8, 8])], [("y", [1, 16])])


def attention_net():
    b = Builder()
    x = b.pair("x")
    q, k, v = (b.node("MatMul", [x, b.weights("w" + i, [64, 64], 1)], i) for i in "qkv")
    kt = b.node("Transpose", [k], "kt", perm=[0, 2, 1])
    scores = b.node("MatMul", [b.pair(q), b.pair(kt)], "scores")
    scaled = b.node("Mul", [scores, b.constant("eighth", np.float32(.125))], "scaled")
    p = b.node("Softmax", [scaled], "p", axis=-1)
    mixed = b.node("MatMul", [b.pair(p), b.pair(v)], "mixed")
    o = b.node("MatMul", [b.pair(mixed), b.weights("wo", [64, 64], 1)], "o")
    scale = b.constant("norm_scale", np.ones(64, np.float32))
    shift = b.constant("norm_shift", np.zeros(64, np.float32))
    b.node("LayerNormalization", [o, scale, shift], "y")
    return b.model([("x", [1, 32, 64])], [("y", [1, 32, 64])])


# ----------------------------------------------------------------- seeded faults

def node(m, name):
    return next(n for n in m.graph.node if n.output[0] == name)


def put(m, name, array):
    for t in m.graph.initializer:
        if t.name == name:
            t.CopyFrom(numpy_helper.from_array(np.asarray(array), name))
            return
    m.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))


def drop_attribute(n, name):
    kept = [a for a in n.attribute if a.name != name]
    del n.attribute[:]
    n.attribute.extend(kept)


def set_axis(n, axis):
    drop_attribute(n, "axis")
    n.attribute.append(helper.make_attribute("axis", axis))


def insert(m, before, *nodes):
    i = list(m.graph.node).index(before)
    for k, n in enumerate(nodes):
        m.graph.node.insert(i + k, n)


def add_pair(m, value, readers, base, scale=.02):
    """A pair of Q and DQ behind a value, read by some of its readers."""
    put(m, base + "_s", np.float32(scale))
    put(m, base + "_z", np.int8(0))
    first = min((list(m.graph.node).index(r) for r in readers))
    insert(m, m.graph.node[first],
           helper.make_node("QuantizeLinear", [value, base + "_s", base + "_z"], [base + "_q"], base + "_Q"),
           helper.make_node("DequantizeLinear", [base + "_q", base + "_s", base + "_z"], [base + "_dq"], base + "_DQ"))
    for r in readers:
        for i, name in enumerate(r.input):
            if name == value:
                r.input[i] = base + "_dq"


def float_weights(m, conv, shape):
    put(m, conv + "_float", np.ones(shape, np.float32))
    node(m, conv).input[1] = conv + "_float"


def unpair(m, reader, port):
    """Read the float value in front of a pair."""
    n = node(m, reader)
    dq = node(m, n.input[port])
    q = node(m, dq.input[0])
    n.input[port] = q.input[0]
    if not any(dq.output[0] in r.input for r in m.graph.node):
        m.graph.node.remove(dq)
        m.graph.node.remove(q)


def faults():
    """(rule, right model, what breaks it, version)."""
    def int16(m):
        put(m, "x_z", np.int16(0))

    def output_dtype(m):
        m.opset_import[0].version = 21
        node(m, "x_q").attribute.append(helper.make_attribute("output_dtype", TensorProto.UINT8))

    def input_scale(m):
        for t in list(m.graph.initializer):
            if t.name == "x_s":
                m.graph.initializer.remove(t)
        m.graph.input.append(helper.make_tensor_value_info("x_s", TensorProto.FLOAT, []))

    def bias(m):
        put(m, "bq", np.zeros(16, np.int32))
        put(m, "bs", np.full(16, .001, np.float32))
        put(m, "bz", np.zeros(16, np.int32))
        insert(m, node(m, "c1"), helper.make_node("DequantizeLinear", ["bq", "bs", "bz"], ["bdq"], "bdq", axis=0))
        node(m, "c1").input[2] = "bdq"

    def dynamic(m):
        m.graph.node.append(helper.make_node("DynamicQuantizeLinear", ["y"], ["d", "ds", "dz"], "dynamic"))

    def half(m):
        put(m, "c1_w_s", np.full(16, .01, np.float16))

    def per_channel(m):
        put(m, "x_s", np.full(16, .02, np.float32))
        put(m, "x_z", np.zeros(16, np.int8))
        set_axis(node(m, "x_q"), 1)
        set_axis(node(m, "x_dq"), 1)

    def transposed(m, axis, group=1, channels=16):
        n = node(m, "c1")
        n.op_type = "ConvTranspose"
        n.attribute.append(helper.make_attribute("group", group))
        put(m, "c1_w", np.ones([16, channels, 3, 3], np.int8))
        put(m, "c1_w_s", np.full(16 if axis == 0 else channels, .01, np.float32))
        put(m, "c1_w_z", np.zeros(16 if axis == 0 else channels, np.int8))
        set_axis(node(m, "c1_w_dq"), axis)

    def blocks(m, block, name="wo", codes=None, rank=2):
        n = node(m, name + "_dq")
        m.opset_import[0].version = 21
        n.attribute.append(helper.make_attribute("block_size", block))
        set_axis(n, 0)
        shape = [64 // block, 64] if rank == 2 else [64 // block]
        put(m, name + "_s", np.full(shape, .01, np.float32))
        if codes is None:
            put(m, name + "_z", np.zeros(shape, np.int8))
        else:
            m.graph.initializer.append(helper.make_tensor("z4", codes, shape, [0] * int(np.prod(shape))))
            m.graph.initializer.append(helper.make_tensor("w4", codes, [64, 64], [1] * 4096))
            n.input[0], n.input[2] = "w4", "z4"

    def int4_conv(m):
        m.graph.initializer.append(helper.make_tensor("w4", TensorProto.INT4, [16, 16, 3, 3], [1] * 2304))
        m.graph.initializer.append(helper.make_tensor("z4", TensorProto.INT4, [16], [0] * 16))
        n = node(m, "c1_w_dq")
        n.input[0], n.input[2] = "w4", "z4"

    def only_output(m):
        m.graph.node.append(helper.make_node("Neg", ["head"], ["minus"], "Neg"))
        add_pair(m, "head", [m.graph.node[-1]], "head2")

    def longer(m):  # the pair moves from the skip branch to the backbone
        unpair(m, "sum", 1)
        add_pair(m, "c3", [node(m, "sum")], "c3")
        n = node(m, "sum")
        insert(m, n, helper.make_node("DequantizeLinear", list(node(m, "a_dq").input), ["a2_dq"], "a2"),
               helper.make_node("Conv", ["a2_dq", "c1_w_dq", "c1_b"], ["short"], "short", pads=[1] * 4))
        n.input[1] = "short"

    def gives_float(m):
        unpair(m, "head", 0)
        float_weights(m, "head", [16, 16, 1, 1])

    def mul_float(m):
        m.graph.node.append(helper.make_node("Mul", ["mean_dq", "mean_dq"], ["square"], "square"))

    def concat(m):
        add_pair(m, "left", [node(m, "joined")], "left2", .07)

    def move(m):
        node(m, "pooled").input[0] = "add"
        m.graph.node.insert(len(m.graph.node), helper.make_node("Abs", ["add"], ["abs"], "abs"))
        add_pair(m, "add", [m.graph.node[-1]], "add2", .5)

    def series(m):
        add_pair(m, "a_dq", [node(m, "c2")], "a3", .03)

    def one_product(m):
        for port in (0, 1):
            unpair(m, "scores", port)

    def positions(m):
        for v in list(m.graph.input) + list(m.graph.output):
            v.type.tensor_type.shape.dim[1].dim_value = 1024

    def tiny(m):
        put(m, "head_w", np.ones([10, 16, 1, 1], np.int8))
        put(m, "head_w_s", np.full(10, .01, np.float32))
        put(m, "head_w_z", np.zeros(10, np.int8))
        put(m, "head_b", np.zeros(10, np.float32))
        m.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 10

    def vector(m):
        for v in list(m.graph.input) + list(m.graph.output):
            v.type.tensor_type.shape.dim[1].dim_value = 1

    def plugin(m):
        m.opset_import.append(helper.make_opsetid("com.acme", 1))
        m.graph.node.append(helper.make_node("Mine", ["mean_dq"], ["mine"], "mine", domain="com.acme"))

    def graph_output(m):
        m.graph.output.append(helper.make_tensor_value_info("mean_dq", TensorProto.FLOAT, None))

    def gelu(m):
        m.graph.node.append(helper.make_node("Gelu", ["y"], ["gelu"], "gelu"))

    r, a = residual_net(), attention_net()
    return [
        ("TRT-01", r, lambda m: put(m, "x_z", np.uint8(0)), 10),
        ("TRT-02", r, lambda m: put(m, "x_z", np.int8(3)), 10),
        ("TRT-03", r, lambda m: node(m, "x_q").input.pop(), 10),
        ("TRT-04", r, lambda m: put(m, "c1_w_z", np.zeros(1, np.int8)), 10),
        ("TRT-05", r, lambda m: put(m, "c1_w_s", np.zeros(16, np.float32)), 10),
        ("TRT-05", r, lambda m: put(m, "x_s", np.float32("inf")), 10),
        ("TRT-06", r, input_scale, 10),
        ("TRT-07", r, output_dtype, 10),
        ("TRT-08", r, int16, 10),
        ("TRT-09", r, bias, 10),
        ("TRT-10", r, dynamic, 10),
        ("TRT-11", r, lambda m: put(m, "x_s", np.full([1, 1], .02, np.float32)), 10),
        ("TRT-12", r, lambda m: put(m, "c1_w", np.full([16, 16, 3, 3], -128, np.int8)), 10),
        ("TRT-14", r, half, 10),
        ("TRT-20", r, per_channel, 10),
        ("TRT-21", r, lambda m: put(m, "c1_w_s", np.full(8, .01, np.float32)), 10),
        ("TRT-22", r, lambda m: drop_attribute(node(m, "c1_w_dq"), "axis"), 10),
        ("TRT-23", r, lambda m: set_axis(node(m, "c1_w_dq"), 1), 10),
        ("TRT-23", a, lambda m: set_axis(node(m, "wo_dq"), 0), 10),
        ("TRT-24", r, lambda m: transposed(m, 0), 10),
        ("TRT-24", r, lambda m: transposed(m, 1, 8, 2), 10),
        ("TRT-24", r, lambda m: transposed(m, 1), 8),
        ("TRT-25", a, lambda m: blocks(m, 32, rank=1), 10),
        ("TRT-26", a, lambda m: blocks(m, 32, codes=TensorProto.INT4), 10),
        ("TRT-27", a, lambda m: blocks(m, 32), 10),
        ("TRT-29", r, int4_conv, 10),
        ("TRT-40", r, lambda m: float_weights(m, "c1", [16, 16, 3, 3]), 10),
        ("TRT-40", r, lambda m: unpair(m, "c2", 0), 10),
        ("TRT-40", r, lambda m: (unpair(m, "c2", 0), float_weights(m, "c2", [16, 16, 3, 3])), 10),
        ("TRT-41", r, only_output, 10),
        ("TRT-42", r, lambda m: add_pair(m, "c1", [node(m, "a")], "c1x"), 10),
        ("TRT-43", r, lambda m: add_pair(m, "c3", [node(m, "sum")], "c3x"), 10),
        ("TRT-43", r, lambda m: unpair(m, "sum", 1), 10),
        ("TRT-43", r, longer, 10),
        ("TRT-44", r, gives_float, 10),
        ("TRT-44", r, mul_float, 10),
        ("TRT-45", r, concat, 10),
        ("TRT-46", r, move, 10),
        ("TRT-47", r, series, 10),
        ("TRT-48", a, lambda m: add_pair(m, "scores", [node(m, "scaled")], "sx"), 10),
        ("TRT-48", a, one_product, 10),
        ("TRT-48", a, lambda m: (unpair(m, "o", 0)), 10),
        ("TRT-48", a, positions, 10),
        ("TRT-49", a, lambda m: add_pair(m, "o", [node(m, "y")], "ox"), 10),
        ("TRT-49", a, lambda m: add_pair(m, "scaled", [node(m, "p")], "px"), 10),
        ("TRT-50", r, tiny, 10),
        ("TRT-50", a, vector, 10),
        ("TRT-51", r, lambda m: add_pair(m, "c4", [node(m, "sig"), node(m, "silu")], "c4x"), 10),
        ("TRT-51", r, lambda m: add_pair(m, "sig", [node(m, "silu")], "sigx"), 10),
        ("TRT-52", r, plugin, 10),
        ("TRT-53", r, graph_output, 10),
        ("TRT-2.4", r, lambda m: setattr(m.opset_import[0], "version", 21), 10),
        ("TRT-2.4", r, lambda m: setattr(m.opset_import[0], "version", 18), 8),
        ("TRT-2.4", r, gelu, 8),
    ]


def check_faults():
    bad = 0
    for name, model in (("residual", residual_net()), ("attention", attention_net())):
        for version in (8, 10):
            for found in checker.check(model, version):
                print(f"{name} net is right, yet: {found}")
                bad += 1
    for rule, right, fault, version in faults():
        m = copy.deepcopy(right)
        fault(m)
        found = {f[0] for f in checker.check(m, version)}
        if rule not in found:
            print(f"a fault against {rule} was not found, but {sorted(found)}")
            bad += 1
    print(f"{len(faults())} faults of {len({f[0] for f in faults()})} rules, {bad} wrong")
    return bad


# ------------------------------------------------------------- what quern writes

def check_outputs(folder):
    models = os.path.join(os.environ["QUERN_SHARED"], "models")
    if not os.path.isdir(models):
        print("needs shared data: models")
        sys.exit(77)
    bad = 0
    for name in ("digits-resnet", "digits-mobilenet", "digits-vit"):
        data = os.path.join(models, name)
        others = ("ort-cpu-x64",) if name == "digits-resnet" else ()
        for target in ("tensorrt-10", "tensorrt-8", *others):
            out = os.path.join(folder, f"{name}-{target}.onnx")
            subprocess.run([os.environ["QUERN"], "quantize", os.path.join(data, "model.onnx"), "-o", out, "--data",
                            os.path.join(data, "calib.npz"), "--target", target, "-q"], check=True,
                           stdout=subprocess.DEVNULL)
            version = ["--version", "8"] if target == "tensorrt-8" else []
            done = subprocess.run([sys.executable, sys.argv[1], *version, out], stdout=subprocess.PIPE, text=True)
            if (done.returncode == 0) != target.startswith("tensorrt"):
                print(done.stdout[-2000:], f"{name} for {target}: exit {done.returncode}")
                bad += 1
            bad += 0 if agrees(data, out) else 1
    return bad


def agrees(data, path):
    """ONNX Runtime runs it, and nearly always answers as the float model."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    inputs = np.load(os.path.join(data, "eval.npz"))
    answers = []
    for file in (os.path.join(data, "model.onnx"), path):
        session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        batch = [session.run(None, {name: inputs[name][i:i + 1]})[0] for i in range(100)]
        answers.append(np.concatenate(batch).argmax(-1))
    share = float(np.mean(answers[0] == answers[1]))
    print(f"{os.path.basename(path)}: agreement {share:.3f}")
    return share >= .97


if __name__ == "__main__":
    n_bad = check_faults()
    with tempfile.TemporaryDirectory() as work:
        n_bad += check_outputs(work)
    sys.exit(1 if n_bad else 0)
