"""ONNX's operator cases, each third of them, still pass in ONNX Runtime when `quern optimize` has been over them."""
import subprocess
import sys

import onnx  # noqa: F401
import onnxruntime  # noqa: F401
from shared import QUERN, cases

sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, str(cases()), "--cases", "--every", "3"]).returncode)
