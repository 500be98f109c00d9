"""Inference on ONNX's own cases with inputs, attributes, shapes and constants changed at random: it must end without a
crash, whatever the graph says. Argument: the infer-dump program; a seed may follow."""
import os
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "conformance"))
from shared import cases  # noqa: E402

DUMP = sys.argv[1]
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 11
N_MUTANTS = 400
try:
    import onnx
    from onnx import numpy_helper
except ImportError as e:
    print(f"needs the Python package onnx: {e}")
    sys.exit(77)

RANDOM = random.Random(SEED)
NUMBERS = [0, 1, -1, 2, -2, 3, 7, 16, 17, 100, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, -(2**63)]
TYPES = [1, 6, 7, 9, 10, 11]


def chance(p):
    return RANDOM.random() < p


def change_tensor(t):
    if t.data_type != onnx.TensorProto.INT64 or not t.raw_data:
        return
    array = numpy_helper.to_array(t).copy()
    if array.size:
        array.flat[RANDOM.randrange(array.size)] = RANDOM.choice(NUMBERS)
        t.CopyFrom(numpy_helper.from_array(array, t.name))


def change_node(node, names):
    if node.input and chance(0.3):
        node.input[RANDOM.randrange(len(node.input))] = RANDOM.choice([*names, ""])
    if chance(0.1):
        node.input.append(RANDOM.choice(names))
    if node.input and chance(0.1):
        del node.input[RANDOM.randrange(len(node.input))]
    for a in node.attribute:
        if a.type == onnx.AttributeProto.INT and chance(0.4):
            a.i = RANDOM.choice(NUMBERS)
        elif a.type == onnx.AttributeProto.INTS and chance(0.4):
            if a.ints and chance(0.7):
                a.ints[RANDOM.randrange(len(a.ints))] = RANDOM.choice(NUMBERS)
            else:
                a.ints.append(RANDOM.choice(NUMBERS))
        elif a.type == onnx.AttributeProto.TENSOR and chance(0.5):
            change_tensor(a.t)
        elif a.type == onnx.AttributeProto.GRAPH:
            change_graph(a.g, names)


def change_graph(graph, names):
    for node in graph.node:
        change_node(node, names)
    for t in graph.initializer:
        change_tensor(t)
    for i in graph.input:
        tensor = i.type.tensor_type
        if chance(0.3):
            tensor.elem_type = RANDOM.choice(TYPES)
        for d in tensor.shape.dim:
            if chance(0.3):
                d.dim_value = RANDOM.choice([0, 1, 2, 3, 5, 2**31, 2**62, 2**63 - 1])
            elif chance(0.3):
                d.dim_param = RANDOM.choice(["a", "b", "?"])


bad = 0
files = sorted(p for p in cases().rglob("model.onnx") if p.stat().st_size < 20000)
with tempfile.TemporaryDirectory() as scratch:
    mutant = pathlib.Path(scratch) / "mutant.onnx"
    for k in range(N_MUTANTS):
        path = RANDOM.choice(files)
        model = onnx.load(path)
        g = model.graph
        names = [*(i.name for i in g.input), *(t.name for t in g.initializer), *(o for n in g.node for o in n.output)]
        change_graph(g, names or [""])
        mutant.write_bytes(model.SerializeToString())
        for mode in ([], ["--check"]):
            r = subprocess.run([DUMP, mutant, *mode], capture_output=True, timeout=60)
            if r.returncode not in (0, 3, 4, 5, 7):
                bad += 1
                print(f"seed {SEED}, mutant {k} of {path.parent.name}: ended with {r.returncode}: {r.stderr[-300:]}")
print(f"{N_MUTANTS} mutants, {bad} wrong ends")
sys.exit(bad > 0)
