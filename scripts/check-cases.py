#!/usr/bin/env python3
"""Run ONNX's operator cases through `quern run --check`, each in its own process, and count.

    scripts/check-cases.py QUERN DIR [--list]

Exit 1 when a case crashes, hangs or gives a wrong answer; unsupported ones are counted.
"""
import argparse
import collections
import glob
import os
import subprocess
import sys

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument("quern")
p.add_argument("dir")
p.add_argument("--list", action="store_true", help="print every case that does not pass")
a = p.parse_args()
count, why = collections.Counter(), collections.Counter()
for model in sorted(glob.glob(os.path.join(a.dir, "**", "model.onnx"), recursive=True)):
    folder = os.path.dirname(model)
    sets = sorted(glob.glob(os.path.join(folder, "test_data_set_*")))
    if not sets:
        continue
    try:
        r = subprocess.run([a.quern, "run", model, "--check", *sets], capture_output=True, text=True, timeout=60)
        code, text = r.returncode, r.stderr.strip().splitlines()[:1]
    except subprocess.TimeoutExpired:
        code, text = "hang", []
    kind = {0: "pass", 4: "unsupported"}.get(code, "wrong" if code == 1 else "refused" if code in (2, 3) else "crash")
    count[kind] += 1
    if kind != "pass":
        why[kind] += 1
        if a.list or kind in ("wrong", "crash"):
            print(kind, code, os.path.relpath(folder, a.dir), *text)
print(", ".join(f"{n} {k}" for k, n in sorted(count.items())))
sys.exit(bool(count["wrong"] or count["crash"]))
