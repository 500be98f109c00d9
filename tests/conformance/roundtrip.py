"""`quern convert` gives the same bytes for all models, the zoo and ONNX's cases."""
import filecmp
import os
import subprocess
import sys
import tempfile

from shared import QUERN, SHARED, cases, skip

folders = [cases(), SHARED / "models", SHARED / "zoo"]
for folder in folders:
    if not folder.is_dir():
        skip(folder.name)
n, bad = 0, []
with tempfile.TemporaryDirectory() as scratch:
    out = os.path.join(scratch, "out.onnx")
    for path in sorted(p for f in folders for p in f.rglob("*.onnx")):
        r = subprocess.run([QUERN, "convert", path, "-o", out], capture_output=True, text=True, timeout=60)
        n += 1
        if r.returncode or not filecmp.cmp(path, out, shallow=False):
            bad.append(f"{path}: exit {r.returncode} {r.stderr.strip()}")
print(*bad[:20], f"{n - len(bad)} of {n} byte-identical", sep="\n")
sys.exit(bool(bad) or n == 0)
