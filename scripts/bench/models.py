"""What the measurements share: model folders, metrics, sessions, rivals, children whose time and memory count.

A model folder holds model.onnx, calib.npz, eval.npz (arrays named as the inputs, the first axis counts samples),
labels.npy and meta.json (metric, batch, output, batch_axis). Needs numpy, onnx and onnxruntime."""
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort

top = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["digits-mobilenet", "digits-resnet", "digits-vit", "digits-lstm", "ocr-cls", "ocr-rec", "minilm", "resnet50-crops", "char-lm"]


def quern():
    for path in [os.environ.get("QUERN"), top / "build-release/src/cli/quern", top / "build/src/cli/quern"]:
        if path and os.path.exists(path):
            return str(path)
    sys.exit("no quern: run scripts/quickstart, or set QUERN")


def doctor():
    return json.loads(subprocess.run([quern(), "doctor", "--json"], capture_output=True, text=True, check=True).stdout)


class Model:
    """A folder, its data and its metric."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.name = self.folder.name
        self.path = str(self.folder / "model.onnx")
        self.meta = json.loads((self.folder / "meta.json").read_text())
        self.axes = self.meta.get("batch_axis", {})
        self.labels = np.load(self.folder / "labels.npy")
        self.reference = None

    def data(self, which):
        with np.load(self.folder / f"{which}.npz") as arrays:
            return {name: arrays[name] for name in arrays.files}

    def count(self, data):
        return max(v.shape[self.axes.get(k, 0)] for k, v in data.items() if v.ndim)

    def part(self, data, first, last):
        return {k: v if v.ndim == 0 else v[(slice(None),) * self.axes.get(k, 0) + (slice(first, last),)] for k, v in data.items()}

    def outputs(self, path):
        s = session(path)
        data = self.data("eval")
        names = [o.name for o in s.get_outputs()]
        wanted = self.meta["output"] if self.meta["output"] in names else names[0]
        inputs = [i.name for i in s.get_inputs()]
        parts = []
        for i in range(0, self.count(data), self.meta["batch"]):
            feed = self.part(data, i, i + self.meta["batch"])
            parts.append(s.run([wanted], {k: feed[k] for k in inputs})[0])
        return np.concatenate(parts).astype(np.float64)

    def score(self, path):
        """metric, agreement with the float model, SQNR in dB, and of the logits where the output is a softmax"""
        if self.reference is None:
            self.reference = self.outputs(self.path)
        ref = self.reference
        got = ref if path == self.path else self.outputs(path)
        value, answers = METRICS[self.meta["metric"]](self, got)
        value0, answers0 = METRICS[self.meta["metric"]](self, ref)
        softmax = ref.ndim > 1 and ref.shape[-1] > 1 and ref.min() >= 0 and np.abs(ref.sum(-1) - 1).max() < 1e-3
        logits = (centred(ref), centred(got)) if softmax else (ref, got)
        return {"metric": self.meta["metric"], "value": float(value), "float": float(value0),
                "agreement": float((answers == answers0).mean()), "sqnr": sqnr(ref, got), "logits": sqnr(*logits)}


def centred(probabilities):
    logs = np.log(np.maximum(probabilities, 1e-12))
    return logs - logs.mean(-1, keepdims=True)


def sqnr(ref, got):
    error = ((ref - got) ** 2).sum()
    return math.inf if error == 0 else 10 * math.log10((ref ** 2).sum() / error)


def top1(m, y):
    answers = y.argmax(-1)
    return (answers == m.labels).mean(), answers


def bits_per_char(m, y):
    most = y.max(-1, keepdims=True)
    total = np.log(np.exp(y - most).sum(-1)) + most[..., 0]
    right = np.take_along_axis(y, m.labels[..., None], -1)[..., 0]
    return (total - right).mean() / math.log(2), y.argmax(-1)


def word_accuracy(m, y):
    keys = (m.folder / "keys.txt").read_text(encoding="utf-8").split("\n")[:-1]
    letters = ["", *keys, " "]
    words = []
    for row in y.argmax(-1):
        words.append("".join(letters[c] for i, c in enumerate(row) if c and (i == 0 or c != row[i - 1])).strip())
    words = np.array(words)
    return (words == m.labels).mean(), words


def retrieval_at_1(m, y):
    y = y / np.linalg.norm(y, axis=1, keepdims=True)
    pairs = len(m.labels)  # 2 * pairs sentences, then queries, then documents
    n = (len(y) - 2 * pairs) // 2
    hits = (y[2 * pairs:2 * pairs + n] @ y[2 * pairs + n:].T).argmax(1)
    return (hits == np.arange(n)).mean(), hits


METRICS = {"top1": top1, "bits_per_char": bits_per_char, "word_accuracy": word_accuracy, "retrieval_at_1": retrieval_at_1}


def update_page(page, script, text):
    """Put `text` between the marks of `script` in a page."""
    mark = f"<!-- table of scripts/bench/{script}: {{}} -->\n"
    begin, end = mark.format("begin"), mark.format("end")
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{page}: no marks")
    page.write_text(before + begin + text + end + after)


EXACT = False  # products of u8 and s8 without saturation, as on processors with VNNI


def session(path, threads=1):
    options = ort.SessionOptions()
    if EXACT:
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def times(model, paths, rounds=15, runs=10):
    """Median over rounds of the best of some runs, in ms, one thread, batch 1, the files taking turns; None: does not load."""
    feed = model.part(model.data("eval"), 0, 1)
    ready = []
    for path in paths:
        try:
            s = session(path)
            x = {i.name: feed[i.name] for i in s.get_inputs()}
            s.run(None, x)
            ready.append((s, x, []))
        except Exception:
            ready.append(None)
    for _ in range(rounds):
        for entry in filter(None, ready):
            best = math.inf
            for _ in range(runs):
                start = time.perf_counter()
                entry[0].run(None, entry[1])
                best = min(best, time.perf_counter() - start)
            entry[2].append(best)
    return [statistics.median(e[2]) * 1e3 if e else None for e in ready]


def child(command, **options):
    """Run it: seconds, peak memory in MB, the finished process. Through a small process: a child's peak begins at that of its parent."""
    watch = ("import resource, subprocess, sys, time; t = time.time(); c = subprocess.run(sys.argv[2:]).returncode; "
             "open(sys.argv[1], 'w').write(f'{time.time() - t} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}'); sys.exit(c)")
    with tempfile.NamedTemporaryFile("r") as told:
        done = subprocess.run([sys.executable, "-S", "-c", watch, told.name, *map(str, command)], capture_output=True, text=True, **options)
        seconds, kilobytes = told.read().split() or ("nan", "nan")
    return float(seconds), float(kilobytes) / 1024, done


RIVAL = """
import sys, json, numpy as np
from onnxruntime.quantization import quantize_static, CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType
from onnxruntime.quantization.shape_inference import quant_pre_process
model, calib, out, axes, n, per_channel, heavy, reduced, method = sys.argv[1:10]
axes = json.loads(axes)
z = np.load(calib); z = {k: z[k] for k in z.files}
n = min(int(n), max(v.shape[axes.get(k, 0)] for k, v in z.items() if v.ndim))
class Reader(CalibrationDataReader):
    def __init__(self):
        self.samples = iter([{k: v if v.ndim == 0 else v[(slice(None),) * axes.get(k, 0) + (slice(i, i + 1),)] for k, v in z.items()} for i in range(n)])
    def get_next(self):
        return next(self.samples, None)
for skip in False, True:
    try:
        quant_pre_process(model, out + '.pre.onnx', skip_symbolic_shape=skip); model = out + '.pre.onnx'; break
    except Exception:
        pass
quantize_static(model, out, Reader(), quant_format=QuantFormat.QDQ, per_channel=per_channel == '1', reduce_range=reduced == '1',
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod[method],
                op_types_to_quantize=['Conv', 'MatMul', 'Gemm'] if heavy == '1' else None)
"""


def at_opset_13(model, folder):
    """The model as ONNX Runtime's quantizer needs it: opset 13 or newer, no initializer among the inputs."""
    import onnx
    import onnx.version_converter
    m = onnx.load(model.path)
    version = next(o.version for o in m.opset_import if o.domain in ("", "ai.onnx"))
    if version >= 13:
        return model.path
    weights = {t.name for t in m.graph.initializer}
    inputs = [i for i in m.graph.input if i.name not in weights]
    del m.graph.input[:]
    m.graph.input.extend(inputs)
    path = os.path.join(folder, "opset13.onnx")
    onnx.save(onnx.version_converter.convert_version(m, 13), path)
    return path


def rival(model, out, per_channel=True, heavy=False, reduced=False, method="MinMax", samples=64, calib=None):
    """A file of ONNX Runtime's own quantizer, made in a process of its own: seconds, MB, or None where it fails."""
    folder = os.path.dirname(out)
    try:
        base = at_opset_13(model, folder)
    except Exception:
        base = model.path
    seconds, memory, done = child([sys.executable, "-c", RIVAL, base, calib or model.folder / "calib.npz", out, json.dumps(model.axes), samples,
                                   *(str(int(x)) for x in (per_channel, heavy, reduced)), method], cwd=folder)
    return (seconds, memory) if done.returncode == 0 else None


def ours(model, out, *options, calib=None):
    """quern quantize: seconds, MB, the account; exits when it fails."""
    command = [quern(), "quantize", model.path, "-o", out, "--data", calib or model.folder / "calib.npz", "--json", *options]
    seconds, memory, done = child(command)
    if done.returncode:
        raise RuntimeError(f"{model.name}: exit {done.returncode}: {done.stderr.strip().splitlines()[:1]}")
    return seconds, memory, json.loads(done.stdout)


def models(root, names):
    return [Model(pathlib.Path(root) / name) for name in names or NAMES if (pathlib.Path(root) / name / "model.onnx").exists()]
