#!/usr/bin/env python3
"""Run ONNX's operator cases through `quern run --check`, each in its own process, and count.

    scripts/check-cases.py QUERN DIR [--list] [--least N] [--engine E]

Exit 1 when a case gives a wrong answer or ends in anything but "unsupported" with one line that says what, or
when fewer than N pass.
"""
import argparse
import collections
import glob
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("quern")
p.add_argument("dir")
p.add_argument("--list", action="store_true", help="print every case that does not pass")
p.add_argument("--least", type=int, default=0, metavar="N", help="cases that must pass")
p.add_argument("--engine", default="cpu", help="as of `quern run` (default: cpu, the embedded one)")
a = p.parse_args()


def run(model):
    """Kind of the outcome, and a line about it."""
    sets = sorted(glob.glob(os.path.join(os.path.dirname(model), "test_data_set_*")))
    try:
        r = subprocess.run([a.quern, "run", model, "--engine", a.engine, "--check", *sets], capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "hang", ""
    line = (r.stderr.strip().splitlines() or [""])[0]
    kind = {0: "pass", 1: "wrong", 4: "unsupported"}.get(r.returncode, "refused" if r.returncode > 0 else "crash")
    if kind == "unsupported" and not line.startswith("error[unsupported]: "):
        kind = "mute"
    return kind, f"exit {r.returncode}: {line}"


models = [m for m in sorted(glob.glob(os.path.join(a.dir, "**", "model.onnx"), recursive=True))
          if glob.glob(os.path.join(os.path.dirname(m), "test_data_set_*"))]
count = collections.Counter()
with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
    for model, (kind, line) in zip(models, pool.map(run, models)):
        count[kind] += 1
        if kind not in ("pass", "unsupported") or a.list and kind != "pass":
            print(kind, os.path.relpath(os.path.dirname(model), a.dir), line)
print(", ".join(f"{n} {k}" for k, n in sorted(count.items())))
sys.exit(not set(count) <= {"pass", "unsupported"} or count["pass"] < a.least)
