"""`quern check` finds an error wherever onnx.checker does, and none in models that it accepts.

The first part looks at all models, the zoo and ONNX's cases. The second breaks small models in many ways."""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

import onnx
from onnx import TensorProto, checker, helper
from onnx import numpy_helper
import numpy as np

from shared import QUERN, SHARED, cases, skip

F, I64 = TensorProto.FLOAT, TensorProto.INT64


def check(path):
    r = subprocess.run([QUERN, "check", path], capture_output=True, text=True, errors="replace", timeout=60)
    return r.returncode, (r.stdout + r.stderr).strip()


def accepted(path):
    try:
        checker.check_model(str(path))
        return True
    except Exception:
        return False


# ------------------------------------------------------------ no false alarm

def false_alarms():
    folders = [cases(), SHARED / "models", SHARED / "zoo"]
    for f in folders:
        if not f.is_dir():
            skip(f.name)
    paths = sorted(p for f in folders for p in f.rglob("*.onnx"))
    bad, n_refused = [], 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, (code, text) in zip(paths, pool.map(check, paths)):
            if code == 0:
                continue
            if accepted(path):
                bad.append(f"{path}: exit {code}\n{text[:600]}")
            else:
                n_refused += 1
    print(*bad[:20], f"{len(paths)} models, {n_refused} refused by both, {len(bad)} false alarms", sep="\n")
    return len(bad), len(paths)


# ------------------------------------------------------------ mutated models

def chain():
    """x → Conv → Relu → Gemm-like chain with weights, an attribute of each kind, a value_info."""
    w = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
    b = numpy_helper.from_array(np.zeros(4, np.float32), "b")
    shape = numpy_helper.from_array(np.array([1, -1], np.int64), "shape")
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", kernel_shape=[3, 3], auto_pad="NOTSET", group=1),
        helper.make_node("LeakyRelu", ["c"], ["r"], name="relu", alpha=0.1),
        helper.make_node("Reshape", ["r", "shape"], ["f"], name="reshape"),
        helper.make_node("Constant", [], ["k"], name="const", value=numpy_helper.from_array(np.float32(2), "")),
        helper.make_node("Mul", ["f", "k"], ["y"], name="mul"),
    ]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", F, [1, 3, 8, 8])],
                              [helper.make_tensor_value_info("y", F, None)], [w, b, shape])
    graph.output[0].type.tensor_type.shape.SetInParent()
    graph.value_info.append(helper.make_tensor_value_info("c", F, [1, 4, 6, 6]))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def nested():
    """If with bodies that capture, and a Loop."""
    def body(name, op, out):
        return helper.make_graph([helper.make_node(op, ["a"], [out], name=op)], name, [],
                                 [helper.make_tensor_value_info(out, F, [2])])
    loop = helper.make_graph(
        [helper.make_node("Identity", ["c_in"], ["c_out"]), helper.make_node("Add", ["v_in", "a"], ["v_out"])],
        "loop", [helper.make_tensor_value_info("i", I64, []), helper.make_tensor_value_info("c_in", TensorProto.BOOL, []),
                 helper.make_tensor_value_info("v_in", F, [2])],
        [helper.make_tensor_value_info("c_out", TensorProto.BOOL, []), helper.make_tensor_value_info("v_out", F, [2])])
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="relu"),
        helper.make_node("If", ["cond"], ["z"], name="if", then_branch=body("t", "Neg", "n1"),
                         else_branch=body("e", "Abs", "n2")),
        helper.make_node("Loop", ["m", "cond", "z"], ["y"], name="loop", body=loop),
    ]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", F, [2]),
                                           helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
                                           helper.make_tensor_value_info("m", I64, [])],
                              [helper.make_tensor_value_info("y", F, [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def functions():
    ops = [helper.make_opsetid("", 17)]
    inner = helper.make_function("my", "Inner", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], ops)
    node = helper.make_node("LeakyRelu", ["q"], ["b"])
    ref = node.attribute.add()
    ref.name, ref.ref_attr_name, ref.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    outer = helper.make_function("my", "Outer", ["a"], ["b"], [helper.make_node("Inner", ["a"], ["q"], domain="my"), node],
                                 ops + [helper.make_opsetid("my", 1)], ["slope"])
    graph = helper.make_graph([helper.make_node("Outer", ["x"], ["y"], domain="my", slope=0.5)], "g",
                              [helper.make_tensor_value_info("x", F, [2])], [helper.make_tensor_value_info("y", F, [2])])
    return helper.make_model(graph, opset_imports=ops + [helper.make_opsetid("my", 1)], functions=[inner, outer],
                             ir_version=9)


def sparse():
    values = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "s")
    indices = numpy_helper.from_array(np.array([0, 5, 7], np.int64), "")
    graph = helper.make_graph([helper.make_node("Identity", ["s"], ["y"])], "g", [],
                              [helper.make_tensor_value_info("y", F, [3, 4])])
    graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3, 4]))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def g(m):
    return m.graph


def sub(m, node, k=0):
    return m.graph.node[node].attribute[k].g


def put(obj, **fields):
    for k, v in fields.items():
        setattr(obj, k, v)


def swap_nodes(m, a, b):
    x, y = onnx.NodeProto(), onnx.NodeProto()
    x.CopyFrom(g(m).node[a])
    y.CopyFrom(g(m).node[b])
    g(m).node[a].CopyFrom(y)
    g(m).node[b].CopyFrom(x)


def recurse(m):
    m.functions[0].node[0].op_type = "Outer"
    m.functions[0].node[0].domain = "my"
    m.functions[0].opset_import.append(helper.make_opsetid("my", 1))


def set_indices(m, values, shape=None, dtype=np.int64):
    a = np.array(values, dtype)
    m.graph.sparse_initializer[0].indices.CopyFrom(numpy_helper.from_array(a if shape is None else a.reshape(shape), ""))


MUTATIONS = {
    chain: {
        "no IR version": lambda m: m.ClearField("ir_version"),
        "IR version 0": lambda m: put(m, ir_version=0),
        "IR version far ahead": lambda m: put(m, ir_version=99),
        "no opset": lambda m: m.ClearField("opset_import"),
        "IR 2 with opsets": lambda m: put(m, ir_version=2),
        "opset 0": lambda m: put(m.opset_import[0], version=0),
        "opset beyond int32": lambda m: put(m.opset_import[0], version=1 << 40),
        "wrong domain imported": lambda m: put(m.opset_import[0], domain="other"),
        "metadata twice": lambda m: [m.metadata_props.add(key="k", value=v) for v in "ab"],
        "graph without name": lambda m: put(g(m), name=""),
        "no graph": lambda m: m.ClearField("graph"),
        "input without name": lambda m: put(g(m).input[0], name=""),
        "output without name": lambda m: put(g(m).output[0], name=""),
        "input without type": lambda m: g(m).input[0].ClearField("type"),
        "input without element type": lambda m: g(m).input[0].type.tensor_type.ClearField("elem_type"),
        "input without shape": lambda m: g(m).input[0].type.tensor_type.ClearField("shape"),
        "output without type": lambda m: g(m).output[0].ClearField("type"),
        "output without shape": lambda m: g(m).output[0].type.tensor_type.ClearField("shape"),
        "input twice": lambda m: g(m).input.add().CopyFrom(g(m).input[0]),
        "initializer without name": lambda m: put(g(m).initializer[0], name=""),
        "initializer twice": lambda m: g(m).initializer.add().CopyFrom(g(m).initializer[0]),
        "initializer no input at IR 3": lambda m: put(m, ir_version=3),
        "undefined input": lambda m: g(m).node[1].input.__setitem__(0, "nowhere"),
        "order": lambda m: swap_nodes(m, 0, 1),
        "cycle": lambda m: g(m).node[0].input.__setitem__(0, "y"),
        "output twice": lambda m: g(m).node[1].output.__setitem__(0, "c"),
        "output is an input": lambda m: g(m).node[4].output.__setitem__(0, "x"),
        "output is an initializer": lambda m: g(m).node[4].output.__setitem__(0, "w"),
        "graph output undefined": lambda m: put(g(m).output[0], name="nothing"),
        "no op type": lambda m: put(g(m).node[1], op_type=""),
        "no inputs, no outputs": lambda m: (g(m).node.add(op_type="Relu")),
        "domain not imported": lambda m: put(g(m).node[1], domain="com.acme"),
        "attribute twice": lambda m: g(m).node[1].attribute.add().CopyFrom(g(m).node[1].attribute[0]),
        "unknown operator": lambda m: put(g(m).node[1], op_type="LeakyRleu"),
        "operator newer than opset": lambda m: (put(g(m).node[1], op_type="Gelu"), g(m).node[1].ClearField("attribute")),
        "deprecated operator": lambda m: (put(g(m).node[1], op_type="Upsample"), g(m).node[1].input.append("k")),
        "too few inputs": lambda m: g(m).node[2].input.pop(),
        "too many inputs": lambda m: g(m).node[1].input.extend(["c", "c"]),
        "needed input left out": lambda m: g(m).node[0].input.__setitem__(0, ""),
        "too few outputs": lambda m: g(m).node[1].ClearField("output"),
        "too many outputs": lambda m: g(m).node[1].output.append("more"),
        "needed attribute absent": lambda m: (put(g(m).node[1], op_type="Cast"), g(m).node[1].ClearField("attribute")),
        "attribute of wrong type": lambda m: g(m).node[1].attribute[0].CopyFrom(helper.make_attribute("alpha", 1)),
        "ints for an int": lambda m: g(m).node[0].attribute[-1].CopyFrom(helper.make_attribute("group", [1])),
        "unknown attribute": lambda m: g(m).node[1].attribute.append(helper.make_attribute("beta", 1.0)),
        "attribute without name": lambda m: put(g(m).node[1].attribute[0], name=""),
        "attribute without type": lambda m: g(m).node[1].attribute[0].ClearField("type"),
        "attribute type against field": lambda m: put(g(m).node[1].attribute[0], type=onnx.AttributeProto.INT),
        "two values in an attribute": lambda m: put(g(m).node[1].attribute[0], i=3),
        "tensor attribute without tensor": lambda m: g(m).node[3].attribute[0].ClearField("t"),
        "reference outside a function": lambda m: (g(m).node[1].attribute[0].ClearField("f"),
                                                   put(g(m).node[1].attribute[0], ref_attr_name="q")),
        "reference and value": lambda m: put(g(m).node[1].attribute[0], ref_attr_name="q"),
        "tensor without type": lambda m: g(m).initializer[0].ClearField("data_type"),
        "tensor of undefined type": lambda m: put(g(m).initializer[0], data_type=0),
        "short raw data": lambda m: put(g(m).initializer[0], raw_data=g(m).initializer[0].raw_data[:-4]),
        "no data": lambda m: g(m).initializer[0].ClearField("raw_data"),
        "two data fields": lambda m: g(m).initializer[0].float_data.append(1),
        "dims overflow": lambda m: g(m).initializer[0].dims.__setitem__(slice(None), [1 << 40] * 4),
        "data for no elements": lambda m: g(m).initializer[0].dims.__setitem__(0, 0),
        "strings in raw data": lambda m: put(g(m).initializer[0], data_type=TensorProto.STRING),
        "wrong typed field": lambda m: (g(m).initializer[1].ClearField("raw_data"),
                                        g(m).initializer[1].int32_data.extend([0] * 4)),
        "short typed field": lambda m: (g(m).initializer[1].ClearField("raw_data"),
                                        g(m).initializer[1].float_data.extend([0] * 3)),
        "external without location": lambda m: (put(g(m).initializer[1], data_location=1),
                                                g(m).initializer[1].ClearField("raw_data")),
        "external with data": lambda m: (put(g(m).initializer[1], data_location=1),
                                         g(m).initializer[1].external_data.add(key="location", value="w.bin")),
        "external file missing": lambda m: (put(g(m).initializer[1], data_location=1),
                                            g(m).initializer[1].ClearField("raw_data"),
                                            g(m).initializer[1].external_data.add(key="location", value="none.bin")),
        "external path outside": lambda m: (put(g(m).initializer[1], data_location=1),
                                            g(m).initializer[1].ClearField("raw_data"),
                                            g(m).initializer[1].external_data.add(key="location", value="../w.bin")),
        "external path absolute": lambda m: (put(g(m).initializer[1], data_location=1),
                                             g(m).initializer[1].ClearField("raw_data"),
                                             g(m).initializer[1].external_data.add(key="location", value="/etc/passwd")),
        "bad tensor in an attribute": lambda m: put(g(m).node[3].attribute[0].t, raw_data=b"\0"),
    },
    nested: {
        "body without name": lambda m: put(sub(m, 1), name=""),
        "shadowing output": lambda m: (sub(m, 1).node[0].output.__setitem__(0, "a"), put(sub(m, 1).output[0], name="a")),
        "undefined capture": lambda m: sub(m, 1).node[0].input.__setitem__(0, "nowhere"),
        "capture made later": lambda m: sub(m, 1).node[0].input.__setitem__(0, "y"),
        "body output of the outer graph": lambda m: put(sub(m, 1).output[0], name="a"),
        "body output undefined": lambda m: put(sub(m, 1).output[0], name="nothing"),
        "unknown operator in a body": lambda m: put(sub(m, 1).node[0], op_type="Nge"),
        "body input twice": lambda m: sub(m, 2).input.add().CopyFrom(sub(m, 2).input[0]),
        "value of a sibling": lambda m: sub(m, 1, 1).node[0].input.__setitem__(0, "n1"),
        "value of a body outside": lambda m: g(m).node[2].input.__setitem__(2, "n1"),
        "body missing": lambda m: g(m).node[1].attribute.pop(),
        "body of no graph": lambda m: g(m).node[1].attribute[1].ClearField("g"),
        "attribute in a body of wrong type": lambda m: sub(m, 1).node[0].attribute.append(helper.make_attribute("q", 1)),
    },
    functions: {
        "function twice": lambda m: m.functions.add().CopyFrom(m.functions[0]),
        "function calls itself": recurse,
        "function without name": lambda m: put(m.functions[0], name=""),
        "function without domain": lambda m: m.functions[0].ClearField("domain"),
        "function input twice": lambda m: m.functions[0].input.append("a"),
        "function output twice": lambda m: m.functions[0].output.append("b"),
        "function attribute twice": lambda m: m.functions[1].attribute.append("slope"),
        "function body reads nothing": lambda m: m.functions[0].node[0].input.__setitem__(0, "nowhere"),
        "function body makes twice": lambda m: m.functions[0].node.add().CopyFrom(m.functions[0].node[0]),
        "function body order": lambda m: m.functions[1].node[0].input.__setitem__(0, "b"),
        "domain not imported in a function": lambda m: m.functions[1].opset_import.pop(),
        "unknown operator in a function": lambda m: put(m.functions[0].node[0], op_type="Rleu"),
        "function opset differs": lambda m: (put(m.functions[0].node[0], op_type="BatchNormalization"),
                                             m.functions[0].node[0].input.extend(["a"] * 4),
                                             put(m.functions[0].opset_import[0], version=9)),
    },
    sparse: {
        "sparse without values": lambda m: g(m).sparse_initializer[0].ClearField("values"),
        "sparse without name": lambda m: put(g(m).sparse_initializer[0].values, name=""),
        "sparse values of rank 2": lambda m: g(m).sparse_initializer[0].values.dims.append(1),
        "sparse without dims": lambda m: g(m).sparse_initializer[0].ClearField("dims"),
        "sparse dim 0": lambda m: g(m).sparse_initializer[0].dims.__setitem__(0, 0),
        "sparse index out of range": lambda m: set_indices(m, [0, 5, 12]),
        "sparse negative index": lambda m: set_indices(m, [-1, 5, 7]),
        "sparse index not ascending": lambda m: set_indices(m, [0, 7, 5]),
        "sparse index twice": lambda m: set_indices(m, [0, 5, 5]),
        "sparse too few indices": lambda m: set_indices(m, [0, 5]),
        "sparse indices of rank 3": lambda m: set_indices(m, [0, 5, 7], (3, 1, 1)),
        "sparse indices int32": lambda m: set_indices(m, [0, 5, 7], None, np.int32),
        "sparse pairs out of range": lambda m: set_indices(m, [[0, 1], [1, 4], [2, 0]]),
        "sparse pairs not ascending": lambda m: set_indices(m, [[0, 1], [2, 0], [1, 1]]),
        "sparse and dense of one name": lambda m: g(m).initializer.append(
            numpy_helper.from_array(np.zeros(2, np.float32), "s")),
    },
}


def agreement():
    bad, n = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "m.onnx"
        for make, mutations in MUTATIONS.items():
            path.write_bytes(make().SerializeToString())
            code, text = check(path)
            if code != 0 or not accepted(path):
                bad.append(f"{make.__name__} itself: exit {code} {text}, onnx.checker {accepted(path)}")
            for name, mutate in mutations.items():
                model = make()
                mutate(model)
                path.write_bytes(model.SerializeToString())
                code, text = check(path)
                n += 1
                if os.environ.get("SHOW"):
                    print(f"--- {name} (onnx.checker: {'accepts' if accepted(path) else 'refuses'})\n{text}")
                if code not in (0, 1) or (code == 0 and not accepted(path)):
                    bad.append(f"{name}: exit {code}, onnx.checker refuses it\n{text}")
                elif code == 1 and "error[" not in text:
                    bad.append(f"{name}: exit 1 without a line that says why")
    print(*bad, f"{n} broken models, {len(bad)} disagreements", sep="\n")
    return len(bad), n


# ------------------------------------------------------------ what no checker of a node alone can see

def small(nodes, x, weights, y):
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", F, x)],
                              [helper.make_tensor_value_info("y", F, y)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def ones(name, *dims):
    return numpy_helper.from_array(np.ones(dims, np.float32), name)


def ints(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def contradictions():
    node = helper.make_node
    q = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["y"])]
    dq = [node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=0)]
    w, s1 = ones("w", 4, 3, 3, 3), ints("s", 1.0, np.float32)
    rows = [
        ([node("Transpose", ["x"], ["y"], perm=[0, 0])], [2, 3], [], [2, 3], "no permutation"),
        ([node("Softmax", ["x"], ["y"], axis=9)], [2, 3], [], [2, 3], "axis 9 of a tensor of rank 2, needs -2 to 1"),
        ([node("Conv", ["x", "w"], ["y"], kernel_shape=[5, 5])], [1, 3, 8, 8], [w], [1, 4, 6, 6],
         "kernel_shape is 5 at 0, the weights have 3"),
        ([node("Conv", ["x", "w"], ["y"])], [1, 4, 8, 8], [w], [1, 4, 6, 6], "channels: found 4, needs 3"),
        ([node("Gemm", ["x", "w"], ["y"])], [2, 3], [ones("w", 4, 5)], [2, 5], "found 3, needs 4"),
        ([node("Split", ["x", "s"], ["y", "z"], axis=1)], [2, 3], [ints("s", [2, 2])], [2, 2], "sum up to 4, axis 1 has 3"),
        ([node("Reshape", ["x", "s"], ["y"])], [2, 3], [ints("s", [4, 4])], [4, 4], "6 elements reshaped to 16"),
        ([node("Reshape", ["x", "s"], ["y"])], [2, 3], [ints("s", [-1, -1])], [2, 3], "2 dimensions"),
        ([node("Cast", ["x"], ["c"], to=I64), node("Add", ["x", "c"], ["y"])], [2, 3], [], [2, 3],
         "must have that of 'x', tensor(float)"),
        (q, [2, 3], [s1, ints("z", [1, 2], np.uint8)], [2, 3], "2 zero points for 1 scales"),
        (dq, [2, 3], [ones("s", 4), ints("q", [[1, 2]], np.uint8), ints("z", [0] * 4, np.uint8)], [1, 2],
         "4 scales along axis 0, which has 1 elements"),
        (dq, [2, 3], [s1, ints("q", [[1, 2]], np.int32), ints("z", 1, np.int32)], [1, 2], "needs 0"),
        (dq, [2, 3], [s1, ints("q", [[1, 2]], np.uint8), ints("z", 1, np.int8)], [1, 2],
         "tensor(int8), but must have that of 'q', tensor(uint8)"),
    ]
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "m.onnx"
        for nodes, x, initializers, y, words in rows:
            path.write_bytes(small(nodes, x, initializers, y).SerializeToString())
            code, text = check(path)
            if code != 1 or words not in text:
                bad.append(f"exit {code}, needs 1 and '{words}' in:\n{text}")
    print(*bad, f"{len(rows)} contradictions, {len(bad)} not found", sep="\n")
    return len(bad)


n_bad, n = agreement()
n_bad += contradictions()
if "--mutations" not in sys.argv:
    more, n_models = false_alarms()
    n_bad += more
    n = min(n, n_models)
sys.exit(n_bad > 0 or n == 0)
