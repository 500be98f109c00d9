#!/usr/bin/env python3
"""Run `quern optimize` on model folders and judge the result with onnx and ONNX Runtime, not with quern.

    scripts/check-optimize.py QUERN DIR... [--csv BASELINE.csv] [--every N] [--only GLOB] [--list] [--passes LIST] [--opset N] [--cases]

A folder that holds test_data_set_* beside model.onnx is judged on these sets (tolerance of its meta.json); one that
holds eval.npz, on some samples of it against the model as it was. Of each result is asked: onnx.checker takes it, opset
imports, inputs, outputs and domains are as they were, the outputs are right on every set (so sizes that may vary still
do), and a second run gives the same bytes. --csv counts nodes against the best of other tools, and `optimize` must not
leave more. --cases leaves out models that onnx or ONNX Runtime do not take as
they are, or on which ONNX Runtime is wrong: ONNX's operator cases have such ones.
Exit 1 if any falls short.
"""
import argparse
import collections
import csv
import fnmatch
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import onnx

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from model_sets import DONE, NOT_TAKEN, NotTaken, difference, isolated, nodes, session, sets  # noqa: E402


def interface(model):
    """What users see of a model."""
    g = model.graph
    return {"opsets": {o.domain: o.version for o in model.opset_import},
            "inputs": [v.SerializeToString() for v in g.input], "outputs": [v.SerializeToString() for v in g.output],
            "overridable": sorted({t.name for t in g.initializer} & {v.name for v in g.input})}


def optimize(path, out):
    opset, passes = args.opset, args.passes
    if opset:
        opset = max(opset, next(o.version for o in onnx.load(path, load_external_data=False).opset_import if not o.domain))
    if opset and passes:
        passes = f"raise-opset{{opset={opset}}},{passes}"
    call = [args.quern, "apply", path, "--passes", passes, "-o", out] if passes else \
           [args.quern, "optimize", path, "-o", out] + (["--opset", str(opset)] if opset else [])
    r = subprocess.run(call, capture_output=True, text=True, timeout=300)
    if r.returncode:
        raise ValueError(f"exit {r.returncode}: {r.stderr.strip().splitlines()[:1]}")


def is_valid(model):
    try:
        onnx.checker.check_model(model, full_check=True)
        return True
    except Exception:
        return False


def check_as_it_is(model, graph, tol):
    try:
        s = session(model)
        for feed, want in sets(model, graph):
            d = max(difference(g, w) for g, w in zip(s.run(list(want), feed), want.values()))
            if d > tol:
                raise NotTaken(f"off by {d:.3g} as it is")
    except NotTaken:
        raise
    except Exception as e:
        raise NotTaken(str(e)) from None


def judge(model):
    """Error (a text, or None), census before and after, largest difference."""
    before = onnx.load(model)
    count = collections.Counter(n.op_type for n in nodes(before.graph))
    tol = 1e-3
    if (model.parent / "meta.json").exists():
        tol = json.loads((model.parent / "meta.json").read_text()).get("tol", tol)
    worst = 0.0
    if args.cases:
        check_as_it_is(model, before.graph, tol)
    with tempfile.TemporaryDirectory() as scratch:
        out, twice = os.path.join(scratch, "o.onnx"), os.path.join(scratch, "t.onnx")
        optimize(model, out)
        after = onnx.load(out)
        census = collections.Counter(n.op_type for n in nodes(after.graph))
        if not args.cases or is_valid(before):
            onnx.checker.check_model(after, full_check=True)
        a, b = interface(before), interface(after)
        for key in a:
            if not (key == "opsets" and args.opset) and a[key] != b[key]:
                raise ValueError(f"{key} changed")
        if {n.domain for n in nodes(after.graph)} - {n.domain for n in nodes(before.graph)}:
            raise ValueError("a domain was added")
        s, original = session(out), None
        n_sets = 0
        for feed, want in sets(model, before.graph):
            if want is None:
                original = original or session(model)
                want = dict(zip([o.name for o in original.get_outputs()], original.run(None, feed)))
            got = s.run(list(want), feed)
            d = max(difference(g, w) for g, w in zip(got, want.values()))
            worst = max(worst, d)
            n_sets += 1
            if d > tol:
                raise ValueError(f"set {n_sets - 1} is off by {d:.3g}, needs {tol:.3g}")
        if not n_sets:
            raise ValueError("no data to judge it by")
        optimize(out, twice)
        if open(out, "rb").read() != open(twice, "rb").read():
            raise ValueError("a second run changes the file")
    return census, count, worst


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("quern")
parser.add_argument("dirs", nargs="+", metavar="DIR")
parser.add_argument("--csv", help="node counts of other tools, a row a model")
parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th model of each folder")
parser.add_argument("--only", default="*", metavar="GLOB", help="only models whose path below DIR fits")
parser.add_argument("--list", action="store_true", help="a line for every model")
parser.add_argument("--cases", action="store_true", help="leave out models that ONNX Runtime does not run rightly as they are")
parser.add_argument("--passes", help="these passes instead of `optimize`")
parser.add_argument("--opset", type=int, help="raise the models to this opset first; without --passes by `optimize --opset`")
args = parser.parse_args()

best = {}
if args.csv:
    for r in csv.DictReader(open(args.csv)):
        best[f"{r['model']}__{r['exporter']}"] = int(r["best_nodes"] or 0)
bad = n = total = rival = more = left_out = 0
for d in args.dirs:
    models = sorted(p for p in pathlib.Path(d).rglob("*.onnx") if list(p.parent.glob("test_data_set_*")) or
                    (p.parent / "eval.npz").exists())
    models = [m for m in models if fnmatch.fnmatch(str(m.relative_to(d)), args.only)][::args.every]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if args.cases else 1) as pool:
        judged = pool.map(lambda m: isolated(judge, m), models)
    for m, (word, result) in zip(models, judged):
        if word == NOT_TAKEN:
            left_out += 1
            continue
        error, (census, before, worst) = (None, result) if word == DONE else (result, ({}, {}, 0.0))
        n += 1
        k, b = sum(census.values()), best.get(m.parent.name, 0)
        if not error and b and k > b and not args.passes and not args.opset:
            error = f"{k} nodes, another tool leaves {b}"
        bad += error is not None
        if b and not error:
            total, rival, more = total + k, rival + b, more + (k > b)
        if error or args.list:
            left = " ".join(f"{o}*{c}" for o, c in sorted(census.items(), key=lambda x: -x[1])[:12]) if b and k > b else ""
            print(f"{m.relative_to(d)}: " + (error or f"{sum(before.values())} -> {k} nodes"
                  + (f", best rival {b}" if b else "") + f", off by {worst:.1g} {left}"), flush=True)
print(f"{n - bad} of {n} right" + (f", {left_out} left out" if left_out else "") + (f"; {total} nodes, best rivals {rival}, more in {more}" if rival else ""))
sys.exit(bool(bad) or n == 0)
