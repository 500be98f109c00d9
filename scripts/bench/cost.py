#!/usr/bin/env python3
"""Time and memory of the whole job with 64 samples, against bare float passes of the same samples in ONNX Runtime.

usage: scripts/bench/cost.py MODELS [NAME...]

Limits: `--method entropy --no-refine` at most twice the bare passes (2 threads, batch 1) + 50 ms, defaults at most six
times + 200 ms and faster than quantize_static with min-max; 250 MB. Prints a line a model; exit status 1 where one is
missed. Time on an idle machine."""
import argparse
import os
import sys
import tempfile
import time

import numpy as np

import models as M

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("names", nargs="*")
args = parser.parse_args()
n_missed = 0
for model in M.models(args.models, args.names or ["resnet50-crops", "ocr-rec", "ocr-cls", "minilm", "digits-vit"]):
    with tempfile.TemporaryDirectory() as folder:
        calib, out = os.path.join(folder, "c64.npz"), os.path.join(folder, "out.onnx")
        data = model.part(model.data("calib"), 0, 64)
        np.savez(calib, **data)
        s = M.session(model.path, threads=2)
        inputs = [i.name for i in s.get_inputs()]
        bare = 1e9
        for _ in range(3):
            start = time.time()
            for i in range(model.count(data)):
                feed = model.part(data, i, i + 1)
                s.run(None, {k: feed[k] for k in inputs})
            bare = min(bare, time.time() - start)
        full = min(M.ours(model, out, calib=calib)[:2] for _ in range(3))
        plain = min(M.ours(model, out, "--method", "entropy", "--no-refine", calib=calib)[:2] for _ in range(3))
        other = M.rival(model, os.path.join(folder, "rival.onnx"), calib=calib) or (float("inf"), float("nan"))
    missed = [what for what, bad in (("defaults", full[0] > 6 * bare + 0.2), ("entropy", plain[0] > 2 * bare + 0.05),
                                     ("rival", full[0] > other[0]), ("memory", max(full[1], plain[1]) > 250)) if bad]
    n_missed += bool(missed)
    print(f"{model.name}: defaults {full[0]:.2f} s (x{full[0] / bare:.2f}), entropy alone {plain[0]:.2f} s (x{plain[0] / bare:.2f}), "
          f"{max(full[1], plain[1]):.0f} MB | bare passes {bare:.2f} s | quantize_static {other[0]:.2f} s {other[1]:.0f} MB",
          "misses " + ",".join(missed) if missed else "ok", flush=True)
print(f"{n_missed} models miss a limit")
sys.exit(n_missed > 0)
