"""An edit leaves everything alone that it does not touch.

A model with one of everything that ONNX has is edited by quern (Identity nodes go, in the top graph and in a body) and by
hand; both must come to the same bytes. Then its weights move out, to another folder, and back in."""
import filecmp
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, TypeProto, helper, numpy_helper

from shared import QUERN

T = TensorProto
UNKNOWN = b"\xfa\xff\x03\x05later"  # field 8191, of a later version


def with_unknown(message):
    """The message with a field that nobody knows."""
    message.MergeFromString(UNKNOWN)
    return message


def prop(owner):
    owner.metadata_props.add(key="note", value="stays")


def raw(name, dtype, dims, data):
    t = T(name=name, data_type=dtype, dims=dims, raw_data=data)
    return t


def weights():
    """Tensors of every type; large and small, raw and typed."""
    out = []
    bits = {T.FLOAT: 32, T.UINT8: 8, T.INT8: 8, T.UINT16: 16, T.INT16: 16, T.INT32: 32, T.INT64: 64, T.BOOL: 8,
            T.FLOAT16: 16, T.DOUBLE: 64, T.UINT32: 32, T.UINT64: 64, T.COMPLEX64: 64, T.COMPLEX128: 128, T.BFLOAT16: 16,
            T.FLOAT8E4M3FN: 8, T.FLOAT8E4M3FNUZ: 8, T.FLOAT8E5M2: 8, T.FLOAT8E5M2FNUZ: 8, T.UINT4: 4, T.INT4: 4,
            T.FLOAT4E2M1: 4, 24: 8, 25: 2, 26: 2}
    for dtype, b in bits.items():
        for n in (7, 3001):
            out.append(raw(f"t{dtype}_{n}", dtype, [n], bytes(i % 2 for i in range((n * b + 7) // 8))))
    typed = [(T.FLOAT, "float_data", [1, 2]), (T.INT8, "int32_data", [-1, 2]), (T.INT4, "int32_data", [0x21]),
             (T.FLOAT16, "int32_data", [15360, 0]), (T.INT64, "int64_data", [-1, 2]), (T.UINT32, "uint64_data", [1, 2]),
             (T.DOUBLE, "double_data", [1, 2]), (T.COMPLEX64, "float_data", [1, 2, 3, 4])]
    for dtype, where, data in typed:
        t = T(name=f"typed{dtype}", data_type=dtype, dims=[2])
        getattr(t, where).extend(data)
        out.append(t)
    out.append(T(name="strings", data_type=T.STRING, dims=[3], string_data=[b"a\0b", b"\xff\xfe", b""]))
    out.append(T(name="empty", data_type=T.FLOAT, dims=[0, 3]))
    for i, t in enumerate(out):
        if i % 3 == 0:
            t.doc_string = "a weight"
            prop(t)
            with_unknown(t)
    return out


def sparse(name):
    values = numpy_helper.from_array(np.array([1, 2], np.float32), name)
    return with_unknown(helper.make_sparse_tensor(values, numpy_helper.from_array(np.array([1, 3], np.int64)), [2, 2]))


def body():
    """A body with an Identity inside and one weight."""
    nodes = [helper.make_node("Identity", ["a"], ["b1"]), helper.make_node("Neg", ["b1"], ["b2"], name="inner"),
             helper.make_node("Mul", ["b2", "bw"], ["b3"])]
    nodes[1].doc_string = "kept"
    g = helper.make_graph(nodes, "body", [], [helper.make_tensor_value_info("b3", T.FLOAT, [2])],
                          [numpy_helper.from_array(np.ones(2, np.float32), "bw")], doc_string="of a body")
    prop(g)
    return with_unknown(g)


def model():
    nodes = [
        helper.make_node("Relu", ["x"], ["r"], name="relu", doc_string="first"),
        helper.make_node("Identity", ["r"], ["i"], name="gone"),
        helper.make_node("Neg", ["i"], ["a"], name="neg"),
        helper.make_node("If", ["cond"], ["z"], name="if", then_branch=body(), else_branch=body()),
        helper.make_node("Everything", ["z"], ["y", "", "q"], name="all", domain="com.acme", f=1.5, i=0, s=b"\0\xff",
                         floats=[1.0, 2.0], ints=[0, -1], strings=[b"a", b"\0"]),
    ]
    every = nodes[-1]
    every.attribute.append(helper.make_attribute("t", raw("inside", T.INT4, [3], b"\x21\x03")))
    every.attribute.append(helper.make_attribute("ts", weights()[:3]))
    every.attribute.append(helper.make_attribute("sp", sparse("s1")))
    every.attribute.append(helper.make_attribute("tp", helper.make_tensor_type_proto(T.FLOAT, [None, 3])))
    every.attribute.append(helper.make_attribute("tps", [helper.make_sequence_type_proto(
        helper.make_tensor_type_proto(T.INT64, []))]))
    for n in nodes:
        prop(n)
        with_unknown(n)
        for a in n.attribute:
            a.doc_string = "attribute"
            with_unknown(a)
    graph = helper.make_graph(
        nodes, "everything",
        [helper.make_tensor_value_info("x", T.FLOAT, ["N", 2]), helper.make_tensor_value_info("cond", T.BOOL, [])],
        [helper.make_tensor_value_info("y", T.FLOAT, [None]),
         helper.make_value_info("q", helper.make_optional_type_proto(helper.make_tensor_type_proto(T.FLOAT, [2])))],
        weights(), doc_string="a graph", value_info=[helper.make_tensor_value_info("r", T.FLOAT, ["N", 2])])
    graph.sparse_initializer.append(sparse("s0"))
    graph.quantization_annotation.add(tensor_name="r").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="typed1")
    graph.input[0].doc_string = "an input"
    graph.input[0].type.denotation = "IMAGE"
    graph.input[0].type.tensor_type.shape.dim[0].denotation = "DATA_BATCH"
    for v in itertools.chain(graph.input, graph.output, graph.value_info):
        prop(v)
        with_unknown(v)
    prop(graph)
    with_unknown(graph)
    function = helper.make_function("com.acme", "Fun", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])],
                                    [helper.make_opsetid("", 21)], ["alpha"])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx", 21), helper.make_opsetid("com.acme", 3)],
                          functions=[with_unknown(function)], ir_version=11, producer_name="", producer_version="1",
                          domain="com.acme.models", model_version=0, doc_string="a model")
    info = m.training_info.add()
    info.algorithm.CopyFrom(helper.make_graph([helper.make_node("Relu", ["x"], ["o"])], "training", [], []))
    info.update_binding.add(key="typed1", value="o")
    m.configuration.add(name="two", num_devices=2, device=["a", "b"])
    m.metadata_props.add(key="k", value="v")
    m.metadata_props.add(key="empty", value="")
    with_unknown(m.opset_import[0])
    return with_unknown(m)


def without_identity(m):
    def clean(graph):
        names = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity"}
        kept = [n for n in graph.node if n.op_type != "Identity"]
        for n in kept:
            for i, name in enumerate(n.input):
                n.input[i] = names.get(name, name)
            for a in n.attribute:
                if a.HasField("g"):
                    clean(a.g)
        copies = [onnx.NodeProto.FromString(n.SerializeToString()) for n in kept]
        graph.ClearField("node")
        graph.node.extend(copies)

    clean(m.graph)
    return m


def quern(*args):
    r = subprocess.run([QUERN, *args, "-q"], capture_output=True, text=True, timeout=60)
    if r.returncode:
        sys.exit(f"quern {' '.join(map(str, args))}: exit {r.returncode}\n{r.stdout}{r.stderr}")


def fields(a, b, path=""):
    """Where two messages differ, for the report."""
    if a.SerializeToString(deterministic=True) == b.SerializeToString(deterministic=True):
        return
    mine, other = dict(a.ListFields()), dict(b.ListFields())
    found = False
    for d in sorted(set(mine) | set(other), key=lambda d: d.number):
        x, y = mine.get(d), other.get(d)
        if x is not None and y is not None and d.message_type:
            pairs = zip(x, y) if hasattr(x, "append") else [(x, y)]
            for k, (p, q) in enumerate(pairs):
                fields(p, q, f"{path}.{d.name}[{k}]")
            if hasattr(x, "append") and len(x) != len(y):
                print(f"{path}.{d.name}: {len(x)} against {len(y)}")
        elif x != y:
            print(f"{path}.{d.name}: {str(x)[:80]} against {str(y)[:80]}")
            found = True
    if not found:
        print(f"{path}: differs somewhere")


def edited(folder):
    path, out = folder / "in.onnx", folder / "out.onnx"
    path.write_bytes(model().SerializeToString())
    quern("convert", path, "-o", out)
    if not filecmp.cmp(path, out, shallow=False):
        sys.exit("convert changed the model")
    quern("apply", path, "-o", out, "--passes", "drop-identity")
    expected = without_identity(model()).SerializeToString()
    found = out.read_bytes()
    # What quern says of itself is not the point here.
    m = onnx.ModelProto.FromString(found)
    kept = [p for p in m.metadata_props if not p.key.startswith("quern")]
    if len(kept) != len(m.metadata_props):
        copies = [onnx.StringStringEntryProto.FromString(p.SerializeToString()) for p in kept]
        m.ClearField("metadata_props")
        m.metadata_props.extend(copies)
        found = m.SerializeToString()
    if found != expected:
        fields(onnx.ModelProto.FromString(found), onnx.ModelProto.FromString(expected), "model")
        sys.exit("the edit changed more than it should")


def moved(folder):
    """Weights go out, along and back in: the same bytes at the end."""
    a, b = folder / "a", folder / "b"
    a.mkdir()
    b.mkdir()
    (a / "m.onnx").write_bytes(model().SerializeToString())
    quern("convert", a / "m.onnx", "-o", a / "x.onnx", "--external-data", "weights.bin")
    x = onnx.load(a / "x.onnx")
    bare = onnx.load(a / "x.onnx", load_external_data=False)
    inside = [t.name for t in bare.graph.initializer if len(t.raw_data) >= 1024]
    for t, u in zip(x.graph.initializer, model().graph.initializer):
        if t.raw_data != u.raw_data:
            sys.exit(f"{t.name}: other data")
    if inside or not (a / "weights.bin").exists():
        sys.exit(f"weights that should have gone out: {inside}")
    quern("convert", a / "x.onnx", "-o", b / "y.onnx")
    if sorted(os.listdir(b)) != ["weights.bin", "y.onnx"] or not filecmp.cmp(a / "x.onnx", b / "y.onnx", shallow=False) \
            or not filecmp.cmp(a / "weights.bin", b / "weights.bin", shallow=False):
        sys.exit(f"the data was not taken along: {os.listdir(b)}")
    quern("convert", b / "y.onnx", "-o", b / "z.onnx", "--external-data", "never")
    if not filecmp.cmp(a / "m.onnx", b / "z.onnx", shallow=False):
        sys.exit("weights that went out and came back are not what they were")
    # Changed, in another folder: into a file that is named by its content, and by nothing else.
    c = folder / "c"
    c.mkdir()
    for _ in range(2):
        quern("apply", a / "x.onnx", "-o", c / "w.onnx", "--passes", "drop-identity")
    names = sorted(os.listdir(c))
    if len(names) != 2 or not names[0].startswith("w.onnx.") and not names[1].startswith("w.onnx."):
        sys.exit(f"found {names}, needs the model and one data file")
    quern("convert", c / "w.onnx", "-o", c / "w.onnx", "--external-data", "never")
    if os.listdir(c) != ["w.onnx"]:
        sys.exit(f"the data file of the replaced model stayed: {os.listdir(c)}")
    quern("check", c / "w.onnx")


with tempfile.TemporaryDirectory() as name:
    edited(pathlib.Path(name))
    moved(pathlib.Path(name))
