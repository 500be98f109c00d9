"""ONNX Runtime as an engine of quern, with the real library: the C tests that need it, data types, what is refused by
name, falling back, the same verdict from both engines and from ONNX Runtime's own Python. The first argument is the
program of the C tests."""
import glob
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from judging import decibels, session
from shared import QUERN, SHARED, skip

LIBRARY = sorted(glob.glob(os.path.join(os.path.dirname(onnxruntime.__file__), "capi", "libonnxruntime.so*")))
failures = []


def expect(good, what):
    if not good:
        failures.append(what)
        print(f"FAILED: {what}")


def quern(*arguments, code=0, library=True):
    """Run quern; (stdout, stderr). library: what QUERN_ORT_LIB says."""
    env = dict(os.environ, QUERN_ORT_LIB=LIBRARY[-1] if library is True else library or "")
    r = subprocess.run([QUERN, *map(str, arguments)], capture_output=True, text=True, env=env)
    expect(r.returncode == code, f"quern {' '.join(map(str, arguments))}: exit {r.returncode}, wanted {code}: {r.stderr[:500]}")
    return r.stdout, r.stderr


def save(folder, name, nodes, inputs, outputs, constants=(), opset=21, **more):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(constants), **more)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *(helper.make_opsetid(d, 3) for d in {n.domain for n in nodes} - {""})],
                              ir_version=10)
    path = pathlib.Path(folder) / name
    onnx.save(model, path)
    return path


def info(name, kind=TensorProto.FLOAT, shape=None):
    return helper.make_tensor_value_info(name, kind, shape)


# ------------------------------------------------------------------ the C tests

def check_in_c(work):
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    save(work, "small.onnx", [helper.make_node("Relu", ["x"], ["middle"]), helper.make_node("Add", ["middle", "one"], ["y"])],
         [info("x", shape=[2, 3])], [info("y", shape=[2, 3])], [one])
    body = helper.make_graph(
        [helper.make_node("Add", ["v", "one"], ["inside"]), helper.make_node("Identity", ["go"], ["goes_on"]),
         helper.make_node("Identity", ["inside"], ["v_out"])], "body",
        [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("v", shape=[1])],
        [info("goes_on", TensorProto.BOOL, []), info("v_out", shape=[1])])
    save(work, "loop.onnx", [helper.make_node("Loop", ["n", "yes", "x"], ["y"], body=body)],
         [info("x", shape=[1])], [info("y", shape=[1])],
         [one, helper.make_tensor("n", TensorProto.INT64, [], [3]), helper.make_tensor("yes", TensorProto.BOOL, [], [True])])
    env = dict(os.environ, QUERN_TEST_ORT=LIBRARY[-1], QUERN_TEST_MODELS=str(work))
    env.pop("CK_TAP_LOG_FILE_NAME", None)
    r = subprocess.run([sys.argv[1]], capture_output=True, text=True, env=env)
    print(r.stdout.strip())
    expect(r.returncode == 0 and re.search("100%: Checks: [1-9]", r.stdout), f"the C tests: exit {r.returncode}: {r.stderr}")


# ------------------------------------------------------------------ types and shapes

def write_set(folder, inputs, outputs):
    folder.mkdir()
    for kind, tensors in ("input", inputs), ("output", outputs):
        for i, t in enumerate(tensors):
            (folder / f"{kind}_{i}.pb").write_bytes(t.SerializeToString())


def check_types(work):
    """Every type that ONNX Runtime takes comes through as it is: numbers, a scalar, nothing at all, strings."""
    random = np.random.RandomState(1)
    kinds = {"FLOAT": 4, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "INT32": 4, "INT64": 8, "BOOL": 1, "FLOAT16": 2,
             "DOUBLE": 8, "UINT32": 4, "UINT64": 8, "BFLOAT16": 2, "FLOAT8E4M3FN": 1, "INT4": .5, "UINT4": .5}
    n_right = 0
    for name, size in kinds.items():
        kind = getattr(TensorProto, name)
        for shape in [[2, 3], [], [0, 4]]:
            n = int(np.prod(shape))
            data = random.randint(0, 2 if name == "BOOL" else 60, int(np.ceil(n * size))).astype(np.uint8).tobytes()
            if size < 1 and n == 1:
                data = b"\x05"
            t = TensorProto(dims=shape, data_type=kind, name="x", raw_data=data)
            folder = work / f"{name}-{len(shape)}-{n}"
            # Of four bits ONNX Runtime knows little but Cast.
            nodes = [helper.make_node("Identity", ["x"], ["y"])] if size >= 1 else \
                    [helper.make_node("Cast", ["x"], ["whole"], to=TensorProto.INT8),
                     helper.make_node("Cast", ["whole"], ["y"], to=kind)]
            path = save(work, f"{folder.name}.onnx", nodes, [info("x", kind, shape)], [info("y", kind, shape)])
            write_set(folder, [t], [TensorProto(dims=shape, data_type=kind, name="y", raw_data=data)])
            quern("run", path, "--engine", "ort", "--check", folder)
            n_right += 1
    strings = helper.make_tensor("x", TensorProto.STRING, [2, 2], [b"one", b"", "zwölf".encode(), b"x" * 300])
    path = save(work, "strings.onnx", [helper.make_node("Identity", ["x"], ["y"])],
                [info("x", TensorProto.STRING, [2, 2])], [info("y", TensorProto.STRING, [2, 2])])
    write_set(work / "strings", [strings], [strings])
    quern("run", path, "--engine", "ort", "--check", work / "strings")
    print(f"{n_right + 1} types and shapes come through")


def check_forms(work):
    """Initializers as inputs, outputs left out, weights in another file."""
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    w = numpy_helper.from_array(np.float32([[1, 2], [3, 4], [5, 6]]), "w")
    nodes = [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Unsqueeze", ["m", "axes"], ["m4"]),
             helper.make_node("MaxPool", ["m4"], ["p", ""], kernel_shape=[1, 1])]
    path = save(work, "inputs.onnx", nodes, [info("x", shape=[2, 3]), info("w", shape=[3, 2])],
                [info("p"), info("w", shape=[3, 2])], [w, numpy_helper.from_array(np.int64([0, 1]), "axes")], opset=17)
    np.savez(work / "in.npz", x=x)
    quern("run", path, "--engine", "ort", "--data", work / "in.npz", "--batch-axis", "x=none", "-o", work / "out.npz")
    got = np.load(work / "out.npz")
    want = x @ numpy_helper.to_array(w)
    expect(np.array_equal(got["p"].reshape(want.shape), want), "a default of an input is used")
    expect(np.array_equal(got["w"].reshape(3, 2), numpy_helper.to_array(w)), "a weight as an output")
    outside = work / "outside.onnx"
    big = np.random.RandomState(2).rand(3, 2000).astype(np.float32)
    model = onnx.load(save(work, "big.onnx", [helper.make_node("MatMul", ["x", "b"], ["y"])], [info("x", shape=[2, 3])],
                           [info("y")], [numpy_helper.from_array(big, "b")]))
    onnx.save_model(model, outside, save_as_external_data=True, size_threshold=0, location="b.data")
    quern("run", outside, "--engine", "ort", "--data", work / "in.npz", "--batch-axis", "x=none", "-o", work / "out.npz")
    expect(np.allclose(np.load(work / "out.npz")["y"].reshape(2, 2000), x @ big, rtol=1e-5), "weights in another file")


# ------------------------------------------------------------------ refusals

def check_refusals(work):
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    path = save(work, "sequence-in.onnx", [helper.make_node("SequenceLength", ["s"], ["n"])], [sequence],
                [info("n", TensorProto.INT64, [])])
    _, err = quern("run", path, "--engine", "ort", "--data", work / "in.npz", code=4)
    expect("tensor 's'" in err and "a sequence" in err, f"a sequence as input: {err}")
    path = save(work, "sequence-out.onnx", [helper.make_node("SequenceConstruct", ["x", "x"], ["s"])],
                [info("x", shape=[2, 3])], [sequence])
    _, err = quern("run", path, "--engine", "ort", "--data", work / "in.npz", "--batch-axis", "x=none", code=4)
    expect("tensor 's'" in err, f"a sequence as output: {err}")
    path = save(work, "unknown.onnx", [helper.make_node("Outlandish", ["x"], ["y"])], [info("x", shape=[2, 3])], [info("y")])
    _, err = quern("run", path, "--engine", "ort", "--data", work / "in.npz", code=4)
    expect(err.startswith("error[unsupported]") and "Outlandish" in err and "code " in err, f"unknown operator: {err}")
    _, err = quern("run", work / "small.onnx", "--engine", "ort", "--profile", "--data", work / "in.npz", code=4)
    expect("times per node" in err, f"--profile: {err}")
    np.savez(work / "wrong.npz", x=x_of(work).astype(np.float64))
    _, err = quern("run", work / "small.onnx", "--engine", "ort", "--data", work / "wrong.npz", "--batch-axis", "x=none", code=2)
    expect("float64" in err or "double" in err, f"wrong type: {err}")
    quern("run", work / "small.onnx", "--engine", "ort", "--data", work / "in.npz", code=4, library=str(work / "in.npz"))


def x_of(work):
    return np.load(work / "in.npz")["x"]


# ------------------------------------------------------------------ falling back

def odd_model(work):
    """An operator that the embedded engine lacks between two convolutions."""
    r = np.random.RandomState(3)
    constants = [numpy_helper.from_array(r.randn(*s).astype(np.float32) * .3, n)
                 for n, s in (("w1", (8, 3, 3, 3)), ("b1", (8,)), ("w2", (8, 8, 3, 3)), ("b2", (8,)))]
    nodes = [helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], "first", pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c1"], ["r1"]), helper.make_node("Scaler", ["r1"], ["p"], "odd", domain="ai.onnx.ml", offset=[0.1], scale=[0.5]),
             helper.make_node("Add", ["r1", "p"], ["n"]),
             helper.make_node("Conv", ["n", "w2", "b2"], ["c2"], "second", pads=[1, 1, 1, 1]),
             helper.make_node("Relu", ["c2"], ["y"])]
    path = save(work, "odd.onnx", nodes, [info("x", shape=["N", 3, 16, 16])], [info("y", shape=["N", 8, 16, 16])],
                constants, opset=17)
    np.savez(work / "images.npz", x=r.rand(32, 3, 16, 16).astype(np.float32))
    return path


def check_fallback(work):
    model, data = odd_model(work), work / "images.npz"
    told = re.compile(r"warning: .*'odd' \(ai\.onnx\.ml\.Scaler[^)]*\).*Scaler at opset 3: the embedded engine has no such operator; "
                      rf"ONNX Runtime {re.escape(onnxruntime.__version__)} \({re.escape(LIBRARY[-1])}\) runs the model instead")
    _, err = quern("run", model, "--data", data, "-o", work / "odd.npz")
    expect(len(told.findall(err)) == 1, f"run falls back with one line: {err}")
    want = session(model).run(None, dict(np.load(data)))[0]
    expect(decibels([want], [np.load(work / "odd.npz")["y"].reshape(want.shape)]) > 100, "what falls back is right")
    out, err = quern("quantize", model, "-o", work / "odd.int8.onnx", "--data", data)
    expect(len(told.findall(err)) == 1, f"quantize falls back with one line: {err}")
    ops = [n.op_type for n in onnx.load(work / "odd.int8.onnx").graph.node]
    expect(ops.count("QuantizeLinear") >= 2 and "Scaler" in ops, f"quantized around the operator: {ops}")
    sqnr = decibels([want], session(work / "odd.int8.onnx").run(None, dict(np.load(data))))
    expect(sqnr > 30, f"quantized by ONNX Runtime alone: {sqnr:.1f} dB")
    for verb in ["calibrate", model, "--data", data, "-o", work / "odd.stats"], ["compare", model, work / "odd.int8.onnx", "--data", data]:
        _, err = quern(*verb)
        expect(len(told.findall(err)) == 1, f"{verb[0]} falls back with one line: {err}")
    expect(b"ONNX Runtime " in (work / "odd.stats").read_bytes(), "statistics tell the engine that ran")
    for more, library in (["--engine", "cpu"], True), ([], str(work / "none.so")):
        _, err = quern("run", model, "--data", data, *more, code=4, library=library)
        expect(re.match(r"error\[unsupported\]: .*'odd' \(ai\.onnx\.ml\.Scaler[^)]*\).*at opset 3", err), f"the first error stands: {err}")
        expect(("none.so" in err) == (library is not True), f"why ONNX Runtime cannot help: {err}")
    half = save(work, "half.onnx", [helper.make_node("Conv", ["x", "w"], ["y"], "odd")],
                [info("x", TensorProto.FLOAT16, ["N", 3, 8, 8])], [info("y", TensorProto.FLOAT16)],
                [numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float16), "w")], opset=17)
    np.savez(work / "half.npz", x=np.ones((2, 3, 8, 8), np.float16))
    _, err = quern("run", half, "--data", work / "half.npz", "-o", work / "half.out.npz")
    expect("instead" not in err and (np.load(work / "half.out.npz")["y"] == 27).all(), f"half precision: {err}")
    print(f"falling back: quantized with {sqnr:.1f} dB")


def check_sequences(work):
    """Sequences and strings between convolutions: they are no tensors to look at."""
    r = np.random.RandomState(5)
    constants = [numpy_helper.from_array(r.randn(*s).astype(np.float32) * .3, n) for n, s in (("w1", (8, 3, 3, 3)), ("w2", (8, 4, 3, 3)))]
    constants += [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in (("four", 4), ("one", 1))]
    nodes = [helper.make_node("Conv", ["x", "w1"], ["c1"], "first"), helper.make_node("SplitToSequence", ["c1", "four"], ["parts"], "cut", axis=1),
             helper.make_node("SequenceAt", ["parts", "one"], ["part"]), helper.make_node("Relu", ["part"], ["r"]),
             helper.make_node("SequenceLength", ["parts"], ["n"]),  # so that it stays a sequence
             helper.make_node("Conv", ["r", "w2"], ["y"], "second"), helper.make_node("Cast", ["y"], ["text"], to=TensorProto.STRING),
             helper.make_node("Cast", ["text"], ["back"], to=TensorProto.FLOAT)]
    model = save(work, "parts.onnx", nodes, [info("x", shape=["N", 3, 16, 16])], [info("back", shape=["N", 8, 12, 12]), info("n", TensorProto.INT64, [])],
                 constants, opset=17)
    np.savez(work / "parts.npz", x=r.rand(20, 3, 16, 16).astype(np.float32))
    quern("quantize", model, "-o", work / "parts.int8.onnx", "--data", work / "parts.npz")
    ops = [n.op_type for n in onnx.load(work / "parts.int8.onnx").graph.node]
    expect(ops.count("QuantizeLinear") >= 2 and "SplitToSequence" in ops, f"quantized around the sequence: {ops}")
    out, _ = quern("compare", model, work / "parts.int8.onnx", "--data", work / "parts.npz", "--per-layer", "--json")
    inside = [v["name"] for v in json.loads(out)["layers"]]
    expect("r" in inside and not {"parts", "text"} & set(inside), f"layers: {inside}")


# ------------------------------------------------------------------ the same verdict

def verdict(*arguments):
    return {o["name"]: o["sqnr_db"] for o in json.loads(quern("compare", *arguments, "--json")[0])["outputs"]}


def check_same_bytes(work):
    """Threads do not show in what is written."""
    source = SHARED / "models" / "digits-resnet"
    for threads in 1, 3:
        quern("quantize", source / "model.onnx", "-o", work / f"{threads}.onnx", "--data", source / "calib.npz", "--engine", "ort",
              "--threads", threads)
    expect((work / "1.onnx").read_bytes() == (work / "3.onnx").read_bytes(), "1 and 3 threads give the same bytes")


def check_verdicts(work):
    """A model quantized with either engine, judged by each and by ONNX Runtime's Python: within 1 dB."""
    for name in "digits-resnet", "digits-vit":
        source = SHARED / "models" / name
        few = work / "few.npz"
        data = {k: v[:64] for k, v in np.load(source / "eval.npz").items()}
        np.savez(few, **data)
        rows = {}
        for made in "cpu", "ort":
            path = work / f"{name}.{made}.onnx"
            quern("quantize", source / "model.onnx", "-o", path, "--data", source / "calib.npz", "--engine", made)
            for engine in "cpu", "ort":
                rows[made, engine] = min(verdict(source / "model.onnx", path, "--data", few, "--engine", engine).values())
            a, b = session(source / "model.onnx"), session(path)
            feeds = [{k: v[i:i + 1] for k, v in data.items()} for i in range(64)]
            rows[made, "python"] = decibels(*[[s.run(None, f)[0] for f in feeds] for s in (a, b)])
        print(name + ":", ", ".join(f"made by {m}, judged by {e} {v:.2f} dB" for (m, e), v in rows.items()))
        expect(max(rows.values()) - min(rows.values()) < 1, f"{name}: the verdicts differ")
        expect(all(abs(rows[m, "ort"] - rows[m, "python"]) < .01 for m in ("cpu", "ort")), f"{name}: ort is not what Python runs")
        out = [json.loads(quern("compare", source / "model.onnx", path, "--data", few, "--per-layer", "--json",
                                "--engine", e)[0]) for e in ("cpu", "ort")]
        inside = [{v["name"]: v["sqnr_db"] for v in o["layers"]} for o in out]
        expect(inside[0].keys() == inside[1].keys() and len(inside[0]) > 10, f"{name}: the same values inside")
        worst = max((abs(inside[0][k] - inside[1][k]) for k in inside[0] if inside[0][k] and inside[1][k]), default=9)
        expect(worst < 1, f"{name}: values inside differ by {worst:.2f} dB")


if not LIBRARY:
    skip("the Python package onnxruntime with its C library")
if not (SHARED / "models").exists():
    skip("models")
with tempfile.TemporaryDirectory() as scratch:
    for check in check_in_c, check_types, check_forms, check_refusals, check_fallback, check_sequences, check_same_bytes, check_verdicts:
        check(pathlib.Path(scratch))
sys.exit(1 if failures else 0)
