"""Random models of one operator: the embedded engine and ONNX Runtime agree."""
import os
import subprocess
import sys

import onnx  # noqa: F401
import onnxruntime  # noqa: F401

sys.exit(subprocess.run([sys.executable, sys.argv[1], os.environ["QUERN"], "--count", "600"]).returncode)
