"""Types and shapes that quern infers against those that ONNX Runtime gives when it runs the models, and how much it
knows beside onnx.shape_inference. Arguments: the infer-dump program, then "models" or "zoo".
A contradiction anywhere fails; so does knowing less than onnx on a model."""
import json
import os
import pathlib
import re
import subprocess
import sys

SHARED = pathlib.Path(os.environ["QUERN_SHARED"])
DUMP, WHAT = sys.argv[1:3]
ROOT = SHARED / WHAT
if not ROOT.is_dir():
    print(f"needs shared data: {ROOT}")
    sys.exit(77)
try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import numpy_helper
except ImportError as e:
    print(f"needs the Python packages onnx, onnxruntime and numpy: {e}")
    sys.exit(77)

ort.set_default_logger_severity(4)
TOKEN = re.compile(r"`[^`]*`|\?\d+\.\d+|[A-Za-z_]\w*")
CALLS = {"min", "max", "broadcast"}


def broadcast(*dims):
    others = {d for d in dims if d != 1}
    if len(others) > 1:
        raise ValueError(f"broadcast{dims}")
    return others.pop() if others else 1


class Symbols(dict):
    """What symbols stand for in one run: bound where one is a dimension by itself, checked everywhere else."""

    def value(self, text):
        names = [t for t in TOKEN.findall(text) if t not in CALLS]
        if any(n not in self for n in names):
            return None
        code = TOKEN.sub(lambda m: m[0] if m[0] in CALLS else str(self[m[0]]), text)
        return eval(code, {"__builtins__": {}}, {"min": min, "max": max, "broadcast": broadcast})

    def agrees(self, dim, actual):
        if isinstance(dim, int):
            return dim == actual
        if TOKEN.fullmatch(dim) and dim not in self:
            self[dim] = actual
            return True
        value = self.value(dim)
        return value is None or value == actual


def values_of(path):
    r = subprocess.run([DUMP, path], capture_output=True, text=True, timeout=60)
    if r.returncode:
        raise RuntimeError(f"{path}: infer-dump ended with {r.returncode}: {r.stderr}")
    return {v["name"]: v for v in map(json.loads, r.stdout.splitlines())}


def samples(path):
    """Feeds of a model: the zoo's test sets, or the first samples of the calibration data in two batch sizes."""
    sets = sorted(path.parent.glob("test_data_set_*"))[:3]
    for folder in sets:
        yield {
            t.name: numpy_helper.to_array(t)
            for t in (onnx.load_tensor(p) for p in sorted(folder.glob("input_*.pb")))
        }
    if not sets and (path.parent / "calib.npz").exists():
        data = np.load(path.parent / "calib.npz")
        for batch in (1, 2):
            feeds = {}
            for name in data.files:
                feeds[name] = data[name][:batch]
            yield feeds


def session_of(model):
    """A session that gives every value of the top graph."""
    have = {o.name for o in model.graph.output}
    for node in model.graph.node:
        for name in node.output:
            if name and name not in have:
                model.graph.output.append(onnx.ValueInfoProto(name=name))
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def dtype_of(array):
    return onnx.helper.np_dtype_to_tensor_dtype(array.dtype) if array.dtype != object else onnx.TensorProto.STRING


def compare(name, value, array, symbols, bad):
    if not isinstance(array, np.ndarray):
        return
    if value["dtype"] and value["dtype"] != dtype_of(array) and array.dtype != np.dtype("V1"):
        bad.append(f"{name}: type {value['dtype']}, ran as {array.dtype}")
    if value["rank"] < 0:
        return
    if value["rank"] != array.ndim:
        bad.append(f"{name}: rank {value['rank']}, ran as {array.ndim}")
        return
    for axis, dim in enumerate(value["dims"]):
        if not symbols.agrees(dim, array.shape[axis]):
            bad.append(f"{name} ({value['op']}): dimension {axis} is {dim}, ran as {array.shape[axis]}")
    if "numbers" in value and array.size == len(value["numbers"]):
        for number, actual in zip(value["numbers"], array.ravel().tolist()):
            if number is not None and not symbols.agrees(number, int(actual)):
                bad.append(f"{name} ({value['op']}): number is {number}, ran as {actual}")


def known_by_onnx(model, shapes):
    """Dimensions of node outputs that onnx.shape_inference knows, of those that ran."""
    try:
        inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception:  # a model on which it stops
        inferred = model
    n = 0
    info = {v.name: v for v in [*inferred.graph.value_info, *inferred.graph.output]}
    for name, shape in shapes.items():
        t = info[name].type.tensor_type if name in info else None
        if t is not None and t.HasField("shape") and len(t.shape.dim) == len(shape):
            for d in t.shape.dim:
                n += d.HasField("dim_value") or bool(d.dim_param and not d.dim_param.startswith("unk__"))
    return n


def known_by_quern(values, shapes):
    n = 0
    for name, shape in shapes.items():
        v = values[name]
        inputs = {f"?{w['id']}.{i}" for w in values.values() if w["input"] for i in range(max(w["rank"], 0))}
        if v["rank"] == len(shape):
            for d in v["dims"]:
                n += isinstance(d, int) or all(t in inputs for t in TOKEN.findall(d) if t[0] == "?")
    return n


def plain(path):
    """The model without value_info, which both must do without: a hint may lie."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for o in model.graph.output:
        if o.type.HasField("tensor_type"):
            o.type.tensor_type.ClearField("shape")
    return model


total = ours = theirs = n_models = 0
bad, less = [], []
for path in sorted(ROOT.rglob("*.onnx")):
    values = values_of(path)
    session = session_of(onnx.load(path))
    shapes, wrong = {}, []
    for feeds in samples(path):
        wanted = {i.name for i in session.get_inputs()}
        feeds = {k: v for k, v in feeds.items() if k in wanted}
        try:
            results = session.run(None, feeds)
        except Exception as e:
            wrong.append(f"does not run: {str(e)[:120]}")
            continue
        got = dict(zip((o.name for o in session.get_outputs()), results))
        symbols = Symbols()
        for name, array in feeds.items():
            compare(name, values[name], array, symbols, wrong)
        for name in values:  # in the order in which symbols are made
            if name in got:
                compare(name, values[name], got[name], symbols, wrong)
                if isinstance(got[name], np.ndarray):
                    shapes[name] = got[name].shape
    n_models += 1
    a, b = known_by_quern(values, shapes), known_by_onnx(plain(path), shapes)
    total += sum(map(len, shapes.values()))
    ours += a
    theirs += b
    label = str(path.relative_to(ROOT))
    bad += [f"{label}: {w}" for w in wrong[:5]]
    if a < b:
        less.append(f"{label}: knows {a} dimensions, onnx {b}")
print(*bad[:60], *less, sep="\n")
print(f"{n_models} models, {total} dimensions: quern knows {ours / max(total, 1):.1%}, onnx {theirs / max(total, 1):.1%}")
sys.exit(bool(bad or less) or n_models == 0)
