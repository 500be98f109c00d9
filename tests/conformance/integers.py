"""Every N-th export of the zoo quantized: what is between codes is an integer kernel in ONNX Runtime."""
import subprocess
import sys

from shared import QUERN, SHARED, skip

if not (SHARED / "zoo").is_dir():
    skip("zoo")
sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, SHARED / "zoo", "--every", sys.argv[2]]).returncode)
