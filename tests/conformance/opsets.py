"""Every N-th export of the zoo raised to opset 20, 23 and 26 and lowered again: valid, and right in ONNX Runtime."""
import subprocess
import sys

from shared import QUERN, SHARED, skip

if not (SHARED / "zoo").is_dir():
    skip("zoo")
sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, SHARED / "zoo", "--lower", "--every", sys.argv[2]]).returncode)
