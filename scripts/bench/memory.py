#!/usr/bin/env python3
"""Peak memory of `quern quantize` with 64 and with 512 samples (those of the model, several times, each with a little noise
where they are floats).

usage: scripts/bench/memory.py MODELS [NAME...]

Limit: equal within 5 %, and 250 MB. Prints a line a model and kind of job; exit status 1 where one is missed."""
import argparse
import os
import sys
import tempfile

import numpy as np

import models as M

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("names", nargs="*")
args = parser.parse_args()
rng = np.random.default_rng(1)


def samples(model, n):
    out = {}
    for name, x in model.data("calib").items():
        x = np.concatenate([x] * -(-n // len(x)))[:n]
        out[name] = (x + rng.normal(0, 1e-3, x.shape)).astype(x.dtype) if x.dtype.kind == "f" else x
    return out


n_missed = 0
for model in M.models(args.models, args.names or ["resnet50-crops", "ocr-rec", "ocr-cls", "minilm", "digits-vit"]):
    with tempfile.TemporaryDirectory() as folder:
        for n in (64, 512):
            np.savez(os.path.join(folder, f"{n}.npz"), **samples(model, n))
        for what, more in (("defaults", []), ("entropy alone", ["--method", "entropy", "--no-refine"])):
            few, many = (min(M.ours(model, os.path.join(folder, "out.onnx"), *more, calib=os.path.join(folder, f"{n}.npz"))[1] for _ in range(2))
                         for n in (64, 512))
            missed = abs(many / few - 1) > 0.05 or many > 250
            n_missed += missed
            print(f"{model.name}, {what}: {few:.1f} MB with 64 samples, {many:.1f} MB with 512, {100 * (many / few - 1):+.1f} %",
                  "missed" if missed else "ok", flush=True)
print(f"{n_missed} miss the limit")
sys.exit(n_missed > 0)
