#!/usr/bin/env python3
"""Raise models by `quern convert --opset` in chains and judge each step with onnx and ONNX Runtime, not with quern.

    scripts/check-opsets.py QUERN DIR... [--chain 20,23,26] [--lower] [--every N] [--only GLOB] [--list]

Each model.onnx beside test_data_set_* goes to every opset of the chain that is above its own, each from the file before.
Asked of each: onnx.checker takes it, its opset is that one, names and types of inputs and outputs stay, and every output
is as near to what is expected as the model's meta.json allows. --lower takes the last one down to opset 13
(lower-opset) and asks the same. What quern refuses is listed with its reason. Exit 1 if any is wrong.
"""
import argparse
import fnmatch
import json
import pathlib
import subprocess
import sys
import tempfile

import onnx

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from model_sets import DONE, NOT_TAKEN, NotTaken, difference, first_line, isolated, session, sets  # noqa: E402

LOWEST = 13  # that lower-opset knows
UNSUPPORTED = 4


def opset(model):
    return next(o.version for o in model.opset_import if not o.domain)


def interface(model):
    return [v.SerializeToString() for v in [*model.graph.input, *model.graph.output]]


def step(path, out, to, tol, first):
    """Rewrite `path` into `out`; the difference from what is expected of `first`."""
    now = onnx.load(path)
    what = ["convert", path, "--opset", str(to)] if to > opset(now) else ["apply", path, "--passes", f"lower-opset{{opset={to}}}"]
    r = subprocess.run([args.quern, *what, "-o", out], capture_output=True, text=True, timeout=300)
    if r.returncode == UNSUPPORTED:
        raise NotTaken(f"{opset(now)} to {to}: {first_line(r.stderr.replace(str(path), path.name))}")
    if r.returncode:
        raise ValueError(f"{opset(now)} to {to}: exit {r.returncode}: {first_line(r.stderr)}")
    after = onnx.load(out)
    onnx.checker.check_model(after, full_check=True)
    if opset(after) != to or interface(now) != interface(after):
        raise ValueError(f"{opset(now)} to {to}: opset {opset(after)}, or inputs and outputs changed")
    s, worst = session(out), 0.0
    for k, (feed, want) in enumerate(sets(first, now.graph)):
        worst = max(worst, *(difference(g, w) for g, w in zip(s.run(list(want), feed), want.values())))
        if not worst <= tol:
            raise ValueError(f"{opset(now)} to {to}: set {k} is off by {worst:.3g}, needs {tol:.3g}")
    return worst


def judge(path):
    """Steps that were right and the largest difference."""
    tol = json.loads((path.parent / "meta.json").read_text()).get("tol", 1e-3)
    at, worst, n = path, 0.0, 0
    chain = [to for to in args.chain if to > opset(onnx.load(path))]
    with tempfile.TemporaryDirectory() as scratch:
        for to in chain + [LOWEST] * (args.lower and chain != []):
            out = pathlib.Path(scratch) / f"{to}.onnx"
            worst, n, at = max(worst, step(at, out, to, tol, path)), n + 1, out
    return n, worst


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("quern")
parser.add_argument("dirs", nargs="+", metavar="DIR")
parser.add_argument("--chain", default="20,23,26", type=lambda text: [int(x) for x in text.split(",")], metavar="N,N")
parser.add_argument("--lower", action="store_true", help=f"down to {LOWEST} in the end")
parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th model of each folder")
parser.add_argument("--only", default="*", metavar="GLOB", help="only models whose path below DIR fits")
parser.add_argument("--list", action="store_true", help="a line for every model")
args = parser.parse_args()

n = n_steps = right = refused = 0
worst = 0.0
for d in args.dirs:
    models = sorted(p for p in pathlib.Path(d).rglob("model.onnx") if (p.parent / "meta.json").exists())
    for m in [m for m in models if fnmatch.fnmatch(str(m.relative_to(d)), args.only)][::args.every]:
        word, found = isolated(judge, m)
        n, right, refused = n + 1, right + (word == DONE), refused + (word == NOT_TAKEN)
        if word == DONE:
            n_steps, worst = n_steps + found[0], max(worst, found[1])
        if word != DONE or args.list:
            print(f"{m.parent.relative_to(d)}: " + (f"{found[0]} steps, off by {found[1]:.1g}" if word == DONE else f"{word}: {found}"), flush=True)
print(f"{right} of {n} models right in {n_steps} steps, {refused} refused; largest error {worst:.2g}")
sys.exit(right + refused < n or n == 0)
