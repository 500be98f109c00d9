#!/usr/bin/env python3
"""The embedded engine against ONNX Runtime: the same outputs, and time per sample (one thread, batch 1).

usage: scripts/bench/engine.py MODELS [NAME...] [--limit 1.1]

Time per sample is that of a run of many samples less that of a run of few, over the difference, so that start-up does not
count; reading and writing of data does, on quern's side only. Prints a line a model; exit status 1 where an output is
wrong or the limit is missed. Time on an idle machine."""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

import models as M

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("names", nargs="*")
parser.add_argument("--limit", type=float, default=1.1)
args = parser.parse_args()


def run(model, data, out):
    start = time.perf_counter()
    subprocess.run([M.quern(), "run", model.path, "--data", data, "-o", out, "--threads", "1"], check=True, capture_output=True)
    return time.perf_counter() - start


n_bad = 0
for model in M.models(args.models, args.names):
    data = model.data("eval")
    s = M.session(model.path)
    inputs = [i.name for i in s.get_inputs()]

    def runtime(first, last):
        start = time.perf_counter()
        outs = []
        for i in range(first, last):
            feed = model.part(data, i, i + 1)
            outs.append(s.run(None, {k: feed[k] for k in inputs}))
        return time.perf_counter() - start, outs

    few = 8
    once = runtime(0, few)[0] / few
    many = min(model.count(data), few + max(56, int(0.6 / once)))
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f) for f in ("few.npz", "many.npz", "out.npz")]
        np.savez(paths[0], **model.part(data, 0, few))
        np.savez(paths[1], **model.part(data, 0, many))
        run(model, paths[0], paths[2])
        got = np.load(paths[2])
        wrong = []
        for k, output in enumerate(s.get_outputs()):
            want = np.concatenate([o[k] for o in runtime(0, few)[1]]).astype(np.float64)
            if np.abs(got[output.name] - want).max() > 1e-3 * (np.abs(want).max() + 1e-6):
                wrong.append(output.name)
        ratios = []
        for _ in range(3):
            mine = min(run(model, paths[1], paths[2]) for _ in range(2)) - min(run(model, paths[0], paths[2]) for _ in range(2))
            ratios.append(mine / runtime(few, many)[0])
    ratio = sorted(ratios)[1]
    bad = bool(wrong) or ratio > args.limit
    n_bad += bad
    print(f"{model.name}: {'wrong ' + ','.join(wrong) if wrong else 'right'}, x{ratio:.2f} of ONNX Runtime's {once * 1e3:.3f} ms a sample", "MISSES" if bad else "ok", flush=True)
print(f"{n_bad} models wrong or slower than x{args.limit}")
sys.exit(n_bad > 0)
