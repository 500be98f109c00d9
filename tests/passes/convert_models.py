"""`quern convert --opset N` on all models, the exports of the zoo, or ONNX's own cases of older opsets: valid, and the same
outputs in ONNX Runtime as before. Argument: "models", "zoo" or "cases". What is refused must be of an opset below 7, or
Scan of opset 8."""
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "conformance"))
from shared import SHARED, cases, skip  # noqa: E402

WHAT = sys.argv[1]
ROOT = cases() if WHAT == "cases" else SHARED / WHAT
TO = 23 if WHAT == "cases" else 21
if not ROOT.is_dir():
    skip(ROOT)
try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import numpy_helper
except ImportError as e:
    print(f"needs the Python packages onnx, onnxruntime and numpy: {e}")
    sys.exit(77)

ort.set_default_logger_severity(4)


def feeds_of(path, model):
    for folder in sorted(path.parent.glob("test_data_set_*"))[:2]:
        yield {i.name: numpy_helper.to_array(onnx.load_tensor(folder / f"input_{k}.pb"))
               for k, i in enumerate(model.graph.input) if (folder / f"input_{k}.pb").exists()}
    if (path.parent / "calib.npz").exists():
        data = np.load(path.parent / "calib.npz")
        names = {i.name for i in model.graph.input}
        yield {name: data[name][:1] for name in data.files if name in names}


def results(path, feeds):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return [session.run(None, f) for f in feeds]


def difference(x, y):
    if isinstance(x, list) or isinstance(y, list):
        return next(filter(None, map(difference, x, y)), None) if len(x) == len(y) else "length of a sequence"
    if x is None or y is None:
        return None if x is y else "an optional"
    x, y = np.asarray(x), np.asarray(y)
    if x.dtype != y.dtype or x.shape != y.shape:
        return f"{x.dtype}{x.shape} became {y.dtype}{y.shape}"
    if x.dtype.kind == "f":
        same = np.allclose(x.astype(np.float64), y.astype(np.float64), rtol=1e-5, atol=1e-6, equal_nan=True)
        return None if same else "numbers differ"
    return None if np.array_equal(x, y) else "numbers differ"


def may_be_refused(model, have):
    return have < 7 or (have == 8 and any(n.op_type == "Scan" for n in model.graph.node))


def judge(path, out):
    """What is wrong with a converted model; "" nothing, None: not comparable."""
    model = onnx.load(path)
    imports = {o.domain: o.version for o in model.opset_import}
    have = imports.get("", imports.get("ai.onnx", 0))
    if WHAT == "cases" and (have == 0 or have >= TO):
        return None
    wanted = max(TO, have)
    r = subprocess.run([os.environ["QUERN"], "convert", path, "-o", out, "--opset", str(wanted)], capture_output=True,
                       text=True, timeout=60)
    if r.returncode == 4 and may_be_refused(model, have):
        return None
    if r.returncode:
        return f"exit {r.returncode}: {r.stderr.strip()}"
    after = onnx.load(out)
    onnx.checker.check_model(after)
    if {o.domain: o.version for o in after.opset_import}[""] != wanted:
        return f"opset is not {wanted}"
    try:
        feeds = list(feeds_of(path, model))
        before = results(path, feeds)
    except Exception as e:
        return None if WHAT == "cases" else f"does not run: {e}"
    return next(filter(None, map(difference, before, results(out, feeds))), "")


n = right = 0
bad = []
with tempfile.TemporaryDirectory() as scratch:
    for path in sorted(ROOT.rglob("*.onnx")):
        n += 1
        try:
            wrong = judge(path, pathlib.Path(scratch) / "out.onnx")
        except Exception as e:
            wrong = f"{type(e).__name__}: {str(e)[:300]}"
        right += wrong == ""
        if wrong:
            bad.append(f"{path.relative_to(ROOT)}: {wrong}")
print(*bad, f"{n} models: {right} right, {len(bad)} wrong, {n - right - len(bad)} not compared", sep="\n")
sys.exit(bool(bad) or right == 0)
