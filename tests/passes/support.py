"""Small graphs through single passes, judged by onnx and ONNX Runtime.

A case is a dict: `text` (a graph in onnx's text form, without the header), `passes`, `after` (operators expected,
in order; None: the file must not change by a byte), and as needed `weights` (name → array, made initializers),
`opset`, `ir`, `feeds` (name → array; else random numbers of the declared shapes, symbols being 3, 5, 7, …),
`tol` (relative to the largest output; default 1e-5), `args` (of the command), `told` and `untold` (what it says, or must not
say), `check` (a function of the model afterwards).
"""
import collections
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnx.parser
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper  # noqa: F401 (for the cases)
except ImportError as e:
    print(f"needs Python packages: {e}")
    sys.exit(77)

QUERN = os.environ["QUERN"]
RANDOM = np.random.default_rng(7)


def rand(*shape, low=-2.0, high=2.0, dtype=np.float32):
    return RANDOM.uniform(low, high, shape).astype(dtype)


def ints(*values):
    return np.array(values, np.int64)


def scalar(x, dtype=np.float32):
    return np.array(x, dtype)


def model_of(case):
    header = f'<ir_version: {case.get("ir", 8)}, opset_import: ["" : {case.get("opset", 13)}]>\n'
    model = onnx.parser.parse_model(header + case["text"])
    # Built without the parser's value_info: passes must not lean on it.
    del model.graph.value_info[:]
    for name, array in case.get("weights", {}).items():
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), name))
    if case.get("edit"):
        case["edit"](model)
    onnx.checker.check_model(model)
    return model


def feeds_of(case, model):
    feeds = dict(case.get("feeds", {}))
    sizes = {}
    overridable = {t.name for t in model.graph.initializer}
    for v in model.graph.input:
        if v.name in feeds or v.name in overridable:
            continue
        dims = []
        for d in v.type.tensor_type.shape.dim:
            dims.append(sizes.setdefault(d.dim_param, 3 + 2 * len(sizes)) if d.dim_param else d.dim_value)
        dtype = onnx.helper.tensor_dtype_to_np_dtype(v.type.tensor_type.elem_type)
        feeds[v.name] = rand(*dims).astype(dtype) if dtype != bool else np.array(RANDOM.random(dims) > 0.5)
    return feeds


def run(model, feeds):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feeds)


def close(got, want, tol):
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype}{got.shape}, needs {want.dtype}{want.shape}"
    if want.dtype.kind not in "f" or tol == 0:
        return None if np.array_equal(got, want, equal_nan=want.dtype.kind == "f") else "numbers differ"
    finite = np.isfinite(want)
    if not np.array_equal(got[~finite], want[~finite], equal_nan=True):
        return "NaN or infinities elsewhere"
    error = np.abs(got[finite].astype(np.float64) - want[finite]).max(initial=0.0)
    if not error <= tol * (np.abs(want[finite]).max(initial=0.0) + 1e-6):
        return f"off by {error:.3g}"
    return None


def operators(graph):
    out = []
    for n in graph.node:
        out.append(n.op_type)
        for a in n.attribute:
            if a.type == onnx.AttributeProto.GRAPH:
                out.append("(" + " ".join(operators(a.g)) + ")")
    return out


def apply(source, passes, out, args=()):
    r = subprocess.run([QUERN, "apply", source, "--passes", passes, "-o", out, "-v", *args], capture_output=True, text=True,
                       timeout=60)
    if r.returncode:
        raise ValueError(f"exit {r.returncode}: {r.stderr.strip()}")
    return r.stdout + r.stderr


def judge(name, case, folder):
    model = model_of(case)
    source, out, twice = (folder / f for f in ("in.onnx", "out.onnx", "twice.onnx"))
    source.write_bytes(model.SerializeToString())
    told = apply(source, case["passes"], out, case.get("args", ()))
    after = onnx.load(out)
    if case["after"] is None and out.read_bytes() != source.read_bytes():
        raise ValueError(f"changed: {' '.join(operators(after.graph))}\n{told}")
    if case["after"] is None and case.get("opset", 13) < 7:
        return  # the same bytes; ONNX Runtime runs no such operators
    if case["after"] is not None and " ".join(operators(after.graph)) != case["after"]:
        raise ValueError(f"got {' '.join(operators(after.graph))}, needs {case['after']}\n{told}")
    onnx.checker.check_model(after, full_check=True)
    for field in ("input", "output"):
        a, b = (list(map(str, getattr(m.graph, field))) for m in (model, after))
        if a != b and not case.get("interface_changes"):
            raise ValueError(f"graph {field}s changed")
    feeds = feeds_of(case, model)
    for got, want in zip(run(after, feeds), run(model, feeds), strict=True):
        if wrong := close(got, want, case.get("tol", 1e-5)):
            raise ValueError(f"output: {wrong}")
    apply(out, case["passes"], twice, case.get("args", ()))
    if twice.read_bytes() != out.read_bytes():
        raise ValueError("a second run changes the file")
    if case.get("check"):
        case["check"](after)
    if case.get("untold", told + "?") in told:
        raise ValueError(f"account has '{case['untold']}':\n{told}")
    if case.get("told") and case["told"] not in told:
        raise ValueError(f"account lacks '{case['told']}':\n{told}")


def main(cases):
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        for name, case in cases.items():
            if len(sys.argv) > 1 and not any(a in name for a in sys.argv[1:]):
                continue
            try:
                judge(name, case, pathlib.Path(scratch))
            except Exception as e:
                bad += 1
                print(f"{name}: {type(e).__name__}: {e}")
    print(f"{len(cases) - bad} of {len(cases)} right")
    sys.exit(bad > 0)


def census(model):
    return collections.Counter(n.op_type for n in model.graph.node)
