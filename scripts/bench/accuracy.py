#!/usr/bin/env python3
"""Accuracy, speed and size of what `quern quantize` makes with default options, judged by ONNX Runtime.

usage: scripts/bench/accuracy.py MODELS [NAME...] [--rows rows.json] [--target T] [--options '--per-tensor']

MODELS holds a folder a model (see models.py). Speed is that of the fastest loadable file of ONNX Runtime's own quantizer
(per tensor and per channel, all operators or Conv, MatMul and Gemm only) over ours: one thread, batch 1, taking turns.
Prints a line a model; exit status 1 where a row of --rows is missed. Time on an idle machine."""
import argparse
import json
import os
import pathlib
import sys
import tempfile

import models as M

parser = argparse.ArgumentParser()
parser.add_argument("models")
parser.add_argument("names", nargs="*")
parser.add_argument("--rows", default=str(pathlib.Path(__file__).with_name("rows.json")))
parser.add_argument("--target", default="ort-cpu-x64")
parser.add_argument("--options", default="")
args = parser.parse_args()
rows = json.loads(pathlib.Path(args.rows).read_text())
if M.doctor()["saturates"] and args.target == "ort-cpu-x64":
    print("note: this processor has no VNNI: ONNX Runtime's integer sums saturate here, and figures of ort-cpu-x64 are too low")
n_missed = 0
for model in M.models(args.models, args.names):
    want = rows.get(model.name, {})
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.onnx")
        try:
            seconds, memory, account = M.ours(model, out, "--target", args.target, *args.options.split())
            r = model.score(out)
        except Exception as error:
            print(model.name, "failed:", str(error)[:200])
            n_missed += 1
            continue
        files = []
        for k in range(4):
            path = os.path.join(folder, f"rival{k}.onnx")
            if M.rival(model, path, per_channel=k % 2 == 1, heavy=k >= 2):
                files.append(path)
        ms = M.times(model, [model.path, out, *files])
        size = os.path.getsize(out)
        loadable = [(t, os.path.getsize(f)) for t, f in zip(ms[2:], files) if t]
        fastest, fastest_size = min(loadable) if loadable else (ms[0], os.path.getsize(model.path))
    missed = [k for k in ("value", "agreement", "sqnr", "logits") if k in want and r[k] < want[k]]
    if "most" in want and r["value"] > want["most"]:
        missed.append("value")
    if "speed" in want and fastest / ms[1] < want["speed"]:
        missed.append("speed")
    if size > 1.05 * fastest_size + 65536:
        missed.append("size")
    n_missed += bool(missed)
    print(f"{model.name} {r['metric']} {r['value']:.4f} (float {r['float']:.4f}) agreement {r['agreement']:.4f} SQNR {r['sqnr']:.2f} dB "
          f"logits {r['logits']:.2f} dB | ms: float {ms[0]:.3f} ours {ms[1]:.3f} fastest rival {fastest:.3f} (x{fastest / ms[1]:.2f}) | "
          f"kB: {size / 1e3:.0f} of {fastest_size / 1e3:.0f} | {seconds:.2f} s {memory:.0f} MB", "misses " + ",".join(missed) if missed else "ok", flush=True)
print(f"{n_missed} models miss their row")
sys.exit(n_missed > 0)
