"""--verify-each and bisect against passes with a fault each (faults.c): one model holds, for each of them, places
where its rewrite is right and one where it is wrong."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as e:
    print(f"needs Python packages: {e}")
    sys.exit(77)

QUERN = os.environ["QUERN"]
FAULTS = pathlib.Path(os.environ["QUERN_BUILD"]) / "tests/plugin/test-plugin-faults.so"
RANDOM = np.random.default_rng(3)
FOLDER = tempfile.TemporaryDirectory()
WORK = pathlib.Path(FOLDER.name)
n_failed = 0


def fail(text):
    global n_failed
    n_failed += 1
    print("FAILED:", text)


class Builder:
    """Nodes with named wrong places; each block reads an input and makes an output."""

    def __init__(self):
        self.nodes, self.inputs, self.outputs, self.weights = [], [], [], []

    def const(self, array):
        name = f"c{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def input(self, *dims):
        name = f"x{len(self.inputs)}"
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
        return name

    def op(self, op, *inputs, name=None, **attrs):
        name = name or f"n{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name + "_y"], name=name, **attrs))
        return name + "_y"

    def out(self, value, dtype=TensorProto.FLOAT):
        self.outputs.append(helper.make_tensor_value_info(value, dtype, None))

    def save(self, path):
        graph = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.save(onnx.shape_inference.infer_shapes(model), path)


def f32(*dims):
    return RANDOM.normal(size=dims).astype(np.float32)


def norm(b, x, bias, name):
    parts = [x, b.const(f32(4, 4, 1, 1))] + ([b.const(f32(4))] if bias else [])
    y = b.op("Conv", *parts)
    return b.op("BatchNormalization", y, b.const(f32(4)), b.const(f32(4)), b.const(f32(4)), b.const(abs(f32(4)) + 1),
                name=name)


def build(path):
    b = Builder()
    x = b.input("batch", 4, 4, 4)
    y = x
    for i in range(4):  # a chain of right ones, the wrong one in the middle of it
        y = norm(b, y, i == 2, "wrong_norm" if i == 2 else None)
        y = b.op("Transpose", b.op("Transpose", y, perm=[0, 3, 2, 1]), perm=[0, 3, 2, 1])
    y = b.op("Transpose", b.op("Transpose", y, perm=[0, 2, 3, 1]), perm=[0, 2, 3, 1], name="wrong_pair")
    for i, (lo, name) in enumerate([(0.0, None), (0.25, None), (0.0, None), (-0.5, "wrong_relu")]):
        y = b.op("Clip", b.op("Relu", y), b.const(np.float32(lo)), b.const(np.float32(6.0 + i)), name=name)
        y = b.op("Sub", y, b.const(f32(4, 1, 1)))
    y = b.op("Sub", b.const(f32(4, 1, 1)), y, name="wrong_sub")
    b.out(b.op("Sub", y, b.const(f32(4, 1, 1))))

    one, two = b.const(np.array([1], np.int64)), b.const(np.array([2], np.int64))
    rows = b.input("batch", 8)
    big, six = b.const(np.array([2**31 - 1], np.int64)), b.const(np.array([6], np.int64))
    a = b.op("Slice", b.op("Slice", rows, one, six, one), one, two, one)
    c = b.op("Slice", b.op("Slice", rows, one, six, one), one, big, one, name="wrong_slice")
    d = b.op("Slice", b.op("Slice", rows, two, six, one), one, two, one)
    b.out(b.op("Concat", b.op("Concat", a, c, axis=1), d, axis=1))
    b.out(b.op("Concat", d, b.op("Concat", a, c, axis=1), axis=1, name="wrong_concat"))

    for p, q, name in [(8, 2, None), (7, 2, "wrong_div"), (9, 3, None)]:
        y = b.op("Div", b.const(np.array([p], np.int64)), b.const(np.array([q], np.int64)), name=name)
        b.out(b.op("Mul", b.op("Cast", y, to=TensorProto.FLOAT), rows))

    s = b.input(5, 5)
    for left in (False, True, False):
        w = b.const(f32(5, 5))
        product = (b.op("MatMul", b.op("Transpose", s, perm=[1, 0]), w) if left
                   else b.op("MatMul", s, b.op("Transpose", w, perm=[1, 0])))
        s = b.op("Add", product, b.const(f32(5)), name="wrong_gemm" if left else None)
    for axis in (1, 0, -1):
        e = b.op("Exp", b.op("Tanh", s))
        t = b.op("ReduceSum", e, b.const(np.array([axis], np.int64)), keepdims=1)
        s = b.op("Div", e, t, name="wrong_softmax" if axis == 0 else None)
    for i in (1, -2, 0):
        b.out(b.op("Gather", s, b.const(np.int64(i)), axis=0, name="wrong_index" if i < 0 else None))
    b.save(path)
    return len(b.nodes)


def quern(*args, code=0):
    done = subprocess.run([QUERN, *map(str, args), "--plugin", str(FAULTS)], capture_output=True, text=True, check=False)
    if done.returncode != code:
        fail(f"quern {' '.join(map(str, args))}: exit {done.returncode}, wanted {code}\n{done.stdout}{done.stderr}")
    return done


# pass, node, name of the rewrite, what is said of it
PLACES = [
    ("norm", "wrong_norm", "norm"), ("pairs", "wrong_pair", "pairs"), ("slices", "wrong_slice", "slices"),
    ("divs", "wrong_div", "divs"), ("subs", "wrong_sub", "subs"), ("relus", "wrong_relu", "relus"),
    ("softmaxes", "wrong_softmax", "softmaxes"), ("indices", "wrong_index", "indices"),
    ("gemms", "wrong_gemm", "gemm-a"), ("concats", "wrong_concat", "concat-last"),
]


def test_verify(model):
    """Each fault is told and undone; good passes around them stay."""
    names = [f"fault-{p}" for p, _, _ in PLACES]
    out = WORK / "verified.onnx"
    done = quern("apply", model, "-o", out, "--passes", ",".join(["drop-dead", *names, "merge-equal"]), "--verify-each",
                 "--report", WORK / "report.json")
    for name in names:
        if f"warning: pass '{name}': undone: the model must give " not in done.stderr:
            fail(f"{name} is not told: {done.stderr}")
    report = json.loads((WORK / "report.json").read_text())
    found = {s["pass"]: s.get("verified", {}).get("verdict") for s in report["steps"]}
    if any(found[n] != "differs" for n in names):
        fail(f"verdicts {found}")
    if not report["verified"]["ran"] or "3 random samples" not in report["verified"]["text"]:
        fail(f"{report['verified']}")
    if "10 undone" not in done.stdout:
        fail(f"no count of those undone: {done.stdout}")
    # All that stays is what the good ones did.
    quern("apply", model, "-o", WORK / "good.onnx", "--passes", "drop-dead,merge-equal", "--no-provenance")
    quern("apply", model, "-o", out, "--passes", ",".join(["drop-dead", *names, "merge-equal"]), "--verify-each",
          "--no-provenance")
    if out.read_bytes() != (WORK / "good.onnx").read_bytes():
        fail("what was undone left traces")
    # --strict ends there, and nothing is written.
    done = quern("apply", model, "-o", WORK / "none.onnx", "--passes", "fault-subs", "--verify-each", "--strict", code=7)
    first = done.stderr.splitlines()[0]
    if not first.startswith("error[internal]: pass 'fault-subs': the model must give the same bits: output '"):
        fail(first)
    if ", was " not in first or "sample 1 of 3" not in first or (WORK / "none.onnx").exists():
        fail(first)
    done = quern("apply", model, "-o", out, "--passes", "drop-dead", "--strict", code=2)
    if "--strict is for --verify-each" not in done.stderr:
        fail(done.stderr)


def bisect(model, *args, code=1):
    done = quern("bisect", model, "--json", *args, code=code)
    return json.loads(done.stdout)


def test_bisect(model):
    """Each fault is found: pass, rewrite, node; in a model of at most 5 nodes, which shows it again."""
    for which, node, pattern in PLACES:
        small = WORK / f"{which}.onnx"
        passes = f"drop-dead,fault-{which},merge-equal"
        found = bisect(model, "--passes", passes, "-o", small)
        wanted = {"found": True, "pass": f"fault-{which}", "step": 2, "node": node, "pattern": pattern}
        if any(found[k] != v for k, v in wanted.items()):
            fail(f"{wanted} expected, found {found}")
            continue
        if " was " not in found["difference"] or " was " not in found["smallest_difference"]:
            fail(f"{which}: no values: {found}")
        nodes = len(onnx.load(small).graph.node)
        if not 1 <= nodes == found["smallest_nodes"] <= 5:
            fail(f"{which}: {nodes} nodes, {found['smallest_nodes']} told")
        quern("check", small)
        onnx.checker.check_model(onnx.load(small), full_check=True)
        # What was written shows the same by itself, cut off before the rewrite it does not.
        data = ["--data", found["smallest_data"]] if found["smallest_data"] else []
        again = bisect(small, "--passes", passes, *data)
        if again["pass"] != f"fault-{which}" or again["node"] != node or again["smallest_nodes"] != nodes:
            fail(f"{which} again: {again}")
        at = f"2:{found['rewrite'] - 1}" if found["rewrite"] > 1 else "1"
        for stop, undone in (at, 0), (f"2:{found['rewrite']}", 1):
            done = quern("apply", model, "-o", WORK / "out.onnx", "--passes", passes, "--verify-each", "--stop-after", stop)
            if ("undone" in done.stdout) != bool(undone):
                fail(f"{which} cut off at {stop}: {done.stdout}")


def test_bisect_words(model):
    """What people read, good pipelines, and what cannot be told."""
    done = quern("bisect", model, "--passes", "fault-subs", code=1)
    for text in ("pass      fault-subs, step 1\n", "at node 'wrong_sub' (Sub, #", "\npattern   subs\n", "on 3 random samples",
                 "smallest  1 node\n"):
        if text not in done.stdout:
            fail(f"no '{text}' in {done.stdout}")
    before = model.read_bytes()
    done = quern("bisect", model)
    if not done.stdout.startswith("no pass changes the result: 3 random samples"):
        fail(done.stdout)
    recipe = WORK / "recipe.yaml"
    recipe.write_text(f"quern: 1\nplugins: [{FAULTS}]\nsteps: [optimize, fault-indices]\n")
    data = WORK / "data.npz"
    np.savez(data, x0=f32(2, 4, 4, 4), x1=f32(2, 8), x2=f32(5, 5))
    found = bisect(model, "--config", recipe, "--data", data, "-o", WORK / "s.onnx", "--batch-axis", "x2=none")
    if found["node"] != "wrong_index" or "2 samples" not in found["samples"] or found["smallest_nodes"] > 5:
        fail(f"{found}")
    if model.read_bytes() != before:
        fail("the model was changed")
    quern("bisect", model, "--passes", "drop-ded", code=2)
    quern("bisect", model, "--passes", "drop-dead", "--config", recipe, code=2)
    chance = helper.make_graph([helper.make_node("RandomNormal", [], ["y"], name="dice", shape=[2])], "g", [],
                               [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])])
    onnx.save(helper.make_model(chance, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), WORK / "chance.onnx")
    done = quern("bisect", WORK / "chance.onnx", code=4)
    if "node 'dice' (RandomNormal) gives other numbers in each run" not in done.stderr:
        fail(done.stderr)


def test_bisect_with_data(model):
    """Passes that need samples, or what calibrate made of them: parts of the model come with samples of their own, and
    all steps run over them."""
    data = WORK / "samples.npz"
    np.savez(data, x0=f32(4, 4, 4, 4), x1=f32(4, 8), x2=f32(5, 5))
    # A Sub alone has nothing that calibrate would look at.
    for passes, step, nodes in (("fault-measured", 1, 1), ("drop-dead,calibrate,fault-measured", 3, 1),
                                ("drop-dead,calibrate,fault-ranged", 3, 2)):
        small = WORK / "small.onnx"
        small.unlink(missing_ok=True)
        found = bisect(model, "--passes", passes, "--data", data, "--batch-axis", "x2=none", "-o", small)
        wanted = {"found": True, "pass": passes.split(",")[-1], "step": step, "node": "wrong_sub", "smallest_nodes": nodes}
        if any(found[k] != v for k, v in wanted.items()) or not small.exists():
            fail(f"{passes}: {wanted} expected, found {found}")
            continue
        again = bisect(small, "--passes", passes, "--data", found["smallest_data"])
        if again["node"] != "wrong_sub" or again["smallest_nodes"] != nodes:
            fail(f"{passes} again: {again}")


def test_other_inputs():
    """Samples follow inputs that become float16; what is renamed they are not for, which is told."""
    io = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 2 if n != "y" else 6]) for n in "abcy"]
    nodes = [helper.make_node("Concat", ["a", "b"], ["t"], axis=1), helper.make_node("Concat", ["c", "t"], ["y"], name="last", axis=1)]
    model, data = WORK / "three.onnx", WORK / "three.npz"
    graph = helper.make_graph(nodes, "g", io[:3], io[3:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), model)
    np.savez(data, a=f32(3, 2), b=f32(3, 2), c=f32(3, 2))
    found = bisect(model, "--passes", "to-float16,fault-concats", "--data", data)
    if found["node"] != "last" or not found["samples"].startswith("3 samples, ") or found["smallest_nodes"] != 2:
        fail(f"behind to-float16: {found}")
    done = quern("bisect", model, "--passes", "rename{values=['a=d']},fault-concats", "--data", data, code=4)
    if "nothing can be told: the samples are for other inputs or outputs\n" not in done.stdout:
        fail(f"behind rename: {done.stdout}")


def test_body():
    """A rewrite in a branch: the node around it is kept, with all that stands in it."""
    c = numpy_helper.from_array(np.array([1, 2, 3], np.float32), "c")
    branches = {}
    for name, inputs in ("then_branch", ["c", "r"]), ("else_branch", ["r", "c"]):
        branches[name] = helper.make_graph([helper.make_node("Sub", inputs, [name], name=f"in_{name}")], name, [],
                                           [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3])], [c])
    nodes = [helper.make_node("Abs", ["x"], ["r"]), helper.make_node("ReduceSum", ["r"], ["s"], keepdims=0),
             helper.make_node("Greater", ["s", "zero"], ["b"]), helper.make_node("If", ["b"], ["z"], name="if", **branches),
             helper.make_node("Exp", ["z"], ["y"])]
    io = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", 3]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", io[:1], io[1:], [numpy_helper.from_array(np.float32(0), "zero")])
    model = WORK / "branches.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), model)
    found = bisect(model, "--passes", "fault-subs", "-o", WORK / "branch.onnx")
    if found["node"] != "in_then_branch" or found["smallest_nodes"] != 3:
        fail(f"in a branch: {found}")


def main():
    model = WORK / "model.onnx"
    n = build(model)
    print(f"{n} nodes")
    test_verify(model)
    test_bisect(model)
    test_bisect_words(model)
    test_bisect_with_data(model)
    test_other_inputs()
    test_body()
    print("ok" if n_failed == 0 else f"{n_failed} failed")
    sys.exit(n_failed != 0)


main()
