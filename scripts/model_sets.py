"""Models with test sets beside them, for the scripts that judge what quern makes of a whole folder of such models."""
import multiprocessing

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

SAMPLES = 3  # of an eval.npz
DONE, WRONG, NOT_TAKEN, CRASH = "done", "wrong", "not taken", "crash"


class NotTaken(Exception):
    """The judge does not take the model as it is, or quern has a reason to refuse it."""


def session(model, level=ort.GraphOptimizationLevel.ORT_DISABLE_ALL):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = level
    return ort.InferenceSession(model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"])


def read(path, kind):
    """A value of a test set, as ONNX Runtime wants it."""
    if kind.HasField("optional_type"):
        o = onnx.OptionalProto.FromString(path.read_bytes())
        return numpy_helper.to_optional(o)
    if kind.HasField("sequence_type"):
        return numpy_helper.to_list(onnx.SequenceProto.FromString(path.read_bytes()))
    return numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes()))


def tensors(folder, kind, values):
    """By name: file N holds the value of input or output N, where it does not say another name."""
    out = {}
    for path in sorted(folder.glob(f"{kind}_*.pb"), key=lambda p: int(p.stem.split("_")[1])):
        k = int(path.stem.split("_")[1])
        name = onnx.TensorProto.FromString(path.read_bytes()).name if values[k].type.HasField("tensor_type") else ""
        v = next((v for v in values if v.name == name), values[k])
        out[v.name] = read(path, v.type)
    return out


def sets(model, graph):
    """Pairs of inputs and wanted outputs, by name; wanted is None where the model itself must tell."""
    folder = model.parent
    held = {t.name for t in graph.initializer}
    inputs = [v for v in graph.input if v.name not in held] + [v for v in graph.input if v.name in held]
    for d in sorted(folder.glob("test_data_set_*")):
        yield tensors(d, "input", inputs), tensors(d, "output", list(graph.output))
    if (folder / "eval.npz").exists():
        data = np.load(folder / "eval.npz")
        arrays = {k: data[k] for k in data.files}
        for i in range(SAMPLES):
            yield {k: a[i:i + 1] for k, a in arrays.items()}, None


def difference(got, want, same_type=True):
    """Largest error against the largest number wanted; infinite where type, shape, NaN or infinities differ."""
    if isinstance(want, list):
        return max((difference(g, w) for g, w in zip(got, want)), default=0.0) if len(got) == len(want) else np.inf
    if want is None or got is None:
        return 0.0 if got is want else np.inf
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape or (same_type and got.dtype != want.dtype):
        return np.inf
    if want.dtype.kind not in "fV":
        return 0.0 if np.array_equal(got, want) else np.inf
    g, w = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(w)
    if not np.array_equal(finite, np.isfinite(g)) or not np.array_equal(g[~finite], w[~finite], equal_nan=True):
        return np.inf
    return float(np.abs(g[finite] - w[finite]).max() / (np.abs(w[finite]).max() + 1e-6)) if finite.any() else 0.0


def nodes(graph):
    for n in graph.node:
        yield n
        for a in n.attribute:
            for g in [a.g] if a.type == onnx.AttributeProto.GRAPH else a.graphs:
                yield from nodes(g)


def first_line(text):
    return (str(text).strip().splitlines() or [""])[0][:300]


def child(pipe, judge, case):
    try:
        pipe.send((DONE, judge(case)))
    except NotTaken as e:
        pipe.send((NOT_TAKEN, first_line(e)))
    except Exception as e:  # told as a line of the table
        pipe.send((WRONG, first_line(e) or type(e).__name__))


def isolated(judge, case):
    """DONE and what judge(case) gives, or another word and a text. A model can crash the runtime: it has its own process."""
    ours, theirs = multiprocessing.Pipe()
    p = multiprocessing.Process(target=child, args=(theirs, judge, case))
    p.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        p.join()
        return CRASH, f"crash, exit {p.exitcode}"
    finally:
        p.join()
