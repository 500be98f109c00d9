#!/usr/bin/env python3
"""Convert model folders to float16 by `quern convert` and judge the result with onnx and ONNX Runtime, not with quern.

    scripts/check-float16.py QUERN DIR... [--every N] [--only GLOB] [--list] [--args "…"] [--tol X]

A folder holds model.onnx and test_data_set_*. Asked is: onnx.checker takes it, each output is within 2e-2 (of its largest
number) of what is expected, or as near as the float32 model is when its weights and inputs are off by as much as float16
rounds (that turns the order of scores, and steps of fake-quantized models); names and shapes of inputs and outputs stay,
a Cast is never followed by one that takes it back. Models that ONNX Runtime does not run as they are, or whose operators
it lacks in float16, are listed with what it says. Exit 1 if any result is wrong.
"""
import argparse
import fnmatch
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, numpy_helper

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from model_sets import DONE, WRONG, NotTaken, difference, first_line, isolated, nodes, session, sets  # noqa: E402

HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
# Not the highest: ONNX Runtime 1.32 ends the process there on a Transpose in front of a MatMul in float16.
LEVEL = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED

ROUNDING = 2.0**-10
N_NOISY = 6


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


def outputs(path, wanted, feed):
    """What ONNX Runtime computes, if it runs the model."""
    try:
        s = session(path, LEVEL)
        types = {i.name: i.type for i in s.get_inputs()}
        return s.run(wanted, {k: v.astype(np.float16) if types[k] == "tensor(float16)" else v
                              for k, v in feed.items() if k in types})
    except Exception as e:
        raise NotTaken(first_line(e)) from None


def noise(path, feed, name, want):
    """How far the float32 model is off when its numbers are."""
    random = np.random.default_rng(0)

    def noisy(x):
        if x.dtype != np.float32:
            return x
        off = random.uniform(-1, 1, x.shape) * (np.abs(x) < 1e38)  # no mask becomes an infinity
        return (x * (1 + off * ROUNDING)).astype(x.dtype)

    most, model = 0.0, onnx.load(path)
    weights = [(t, numpy_helper.to_array(t)) for t in model.graph.initializer]
    for _ in range(N_NOISY):
        for t, x in weights:
            t.CopyFrom(numpy_helper.from_array(noisy(x), t.name))
        out = outputs(model.SerializeToString(), [name], {k: noisy(x) for k, x in feed.items()})
        most = max(most, difference(out[0], want))
    return most


def judge(path):
    """The largest difference that is within bounds."""
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, "half.onnx")
        call = [args.quern, "convert", path, "-o", out, *(args.args.split() or ["--float16"])]
        r = subprocess.run(call, capture_output=True, text=True, timeout=300)
        if r.returncode:
            raise ValueError(f"exit {r.returncode}: {first_line(r.stderr)}")
        before, after = onnx.load(path), onnx.load(out)
        onnx.checker.check_model(after, full_check=True)
        check_casts(after)
        for a, b in zip([*before.graph.input, *before.graph.output], [*after.graph.input, *after.graph.output], strict=True):
            if shape_of(a) != shape_of(b):
                raise ValueError(f"{shape_of(a)} became {shape_of(b)}")
        worst = 0.0
        for k, (feed, want) in enumerate(sets(path, before.graph)):
            for name, g in zip(want, outputs(out, list(want), feed)):
                x = difference(g, want[name], same_type=False)
                if x <= args.tol:
                    worst = max(worst, x)
                elif not x <= noise(path, feed, name, want[name]):
                    raise ValueError(f"set {k} '{name}' is off by {x:.3g}, needs {args.tol:.3g}")
    return worst


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
        word, found = isolated(judge, m)
        n, bad, not_run = n + 1, bad + (word == WRONG), not_run + (word not in (DONE, WRONG))
        worst = max(worst, found) if word == DONE else worst
        if word != DONE or args.list:
            print(f"{m.relative_to(d)}: " + (f"off by {found:.2g}" if word == DONE else found if word == WRONG else f"not run: {found}"), flush=True)
print(f"{n - bad - not_run} of {n} right, {not_run} not run by ONNX Runtime, {bad} wrong; largest error {worst:.2g}")
sys.exit(bad > 0 or n == 0)
