#!/usr/bin/env python3
"""Convert model folders to float16 by `quern convert` and judge the result with onnx and ONNX Runtime, not with quern.

    scripts/check-float16.py QUERN DIR... [--every N] [--only GLOB] [--list] [--args "…"] [--tol X]

A folder holds model.onnx and test_data_set_*. Asked is: onnx.checker takes the result, each output is within 2e-2 (of its
largest number) of what is expected, or as near as the float model is that ONNX Runtime runs (fake-quantized ones are not
near); names and shapes of inputs and outputs stay, a Cast is never followed by one that takes it back. Models that ONNX Runtime does not run as they are, or whose operators it lacks in float16, are listed with
what it says. Exit 1 if any result is wrong.
"""
import argparse
import fnmatch
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


def session(path):
    """Not at the highest level: ONNX Runtime 1.32 ends the process there on a Transpose in front of a MatMul in float16."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def tensors(folder, kind):
    out = []
    while (path := folder / f"{kind}_{len(out)}.pb").exists():
        t = onnx.TensorProto()
        t.ParseFromString(path.read_bytes())
        out.append((t.name, numpy_helper.to_array(t)))
    return out


def nodes(graph):
    for n in graph.node:
        yield n
        for a in n.attribute:
            for g in [a.g] if a.type == onnx.AttributeProto.GRAPH else a.graphs:
                yield from nodes(g)


def difference(got, want):
    """Largest error against the largest number wanted; infinite where shape, NaN or infinities differ."""
    if got.shape != want.shape:
        return np.inf
    if want.dtype.kind not in "fV":
        return 0.0 if np.array_equal(got, want) else np.inf
    g, w = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(w)
    if not np.array_equal(finite, np.isfinite(g)) or not np.array_equal(g[~finite], w[~finite], equal_nan=True):
        return np.inf
    return float(np.abs(g[finite] - w[finite]).max() / (np.abs(w[finite]).max() + 1e-6)) if finite.any() else 0.0


def shape_of(value):
    return value.name, [(d.dim_value, d.dim_param) for d in value.type.tensor_type.shape.dim]


def check_casts(model):
    """A Cast from float32 to float16 and back, or the other way around."""
    casts = {n.output[0]: n for n in nodes(model.graph) if n.op_type == "Cast"}
    for name, n in casts.items():
        before = casts.get(n.input[0])
        to = [m.attribute[0].i for m in (before, n) if m]
        if before and sorted(t in HALF for t in to) == [False, True] and set(to) <= {*HALF, TensorProto.FLOAT}:
            raise ValueError(f"Cast '{name}' takes back what Cast '{n.input[0]}' does")


def error_before(path, folder, name, want):
    return difference(session(path).run([name], dict(tensors(folder, "input")))[0], want)


def judge(path):
    """(text or None: wrong), (text or None: not run), share of operators in float16, largest difference."""
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "half.onnx")
        call = [args.quern, "convert", path, "-o", out, *(args.args.split() or ["--float16"])]
        r = subprocess.run(call, capture_output=True, text=True, timeout=300)
        if r.returncode:
            return f"exit {r.returncode}: {r.stderr.strip().splitlines()[:1]}", None, 0.0
        before, after = onnx.load(path), onnx.load(out)
        onnx.checker.check_model(after, full_check=True)
        check_casts(after)
        for a, b in zip([*before.graph.input, *before.graph.output], [*after.graph.input, *after.graph.output], strict=True):
            if shape_of(a) != shape_of(b):
                return f"{shape_of(a)} became {shape_of(b)}", None, 0.0
        try:
            s = session(out)
        except Exception as e:
            return None, str(e).splitlines()[0], 0.0
        types = {i.name: i.type for i in s.get_inputs()}
        worst = 0.0
        for d in sorted(path.parent.glob("test_data_set_*")):
            feed = {k: v.astype(np.float16) if types[k] == "tensor(float16)" else v
                    for k, v in tensors(d, "input") if k in types}
            want = dict(tensors(d, "output"))
            try:
                got = s.run(list(want), feed)
            except Exception as e:
                return None, str(e).splitlines()[0], 0.0
            for name, g in zip(want, got):
                x = difference(g, want[name])
                worst = max(worst, x)
                if not x <= args.tol and not x <= 1.1 * error_before(path, d, name, want[name]):
                    return f"{d.name} '{name}' is off by {x:.3g}, needs {args.tol:.3g}", None, worst
    return None, None, worst


def child(pipe, path):
    try:
        pipe.send(judge(path))
    except Exception as e:
        pipe.send((f"{type(e).__name__}: {(str(e).strip().splitlines() or [''])[0][:300]}", None, 0.0))


def isolated(path):
    """A model can crash the runtime: each has a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    p = multiprocessing.Process(target=child, args=(theirs, path))
    p.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        p.join()
        return None, f"crash, exit {p.exitcode}", 0.0
    finally:
        p.join()


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("quern")
parser.add_argument("dirs", nargs="+", metavar="DIR")
parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th model of each folder")
parser.add_argument("--only", default="*", metavar="GLOB", help="only models whose path below DIR fits")
parser.add_argument("--list", action="store_true", help="a line for every model")
parser.add_argument("--args", default="", help="of `quern convert`, instead of --float16")
parser.add_argument("--tol", type=float, default=2e-2)
args = parser.parse_args()

n = bad = not_run = 0
worst = 0.0
for d in args.dirs:
    models = sorted(p for p in pathlib.Path(d).rglob("model.onnx") if list(p.parent.glob("test_data_set_*")))
    for m in [m for m in models if fnmatch.fnmatch(str(m.relative_to(d)), args.only)][::args.every]:
        wrong, refused, x = isolated(m)
        n, bad, not_run = n + 1, bad + (wrong is not None), not_run + (refused is not None)
        worst = max(worst, x)
        if wrong or refused or args.list:
            print(f"{m.relative_to(d)}: " + (wrong or (f"not run: {refused}" if refused else f"off by {x:.2g}")), flush=True)
print(f"{n - bad - not_run} of {n} right, {not_run} not run by ONNX Runtime, {bad} wrong; largest error {worst:.2g}")
sys.exit(bad > 0 or n == 0)
