"""Types and shapes against what ONNX Runtime sees: scripts/check-inference on shared data, "models" or "zoo"."""
import os
import pathlib
import subprocess
import sys

import onnx  # noqa: F401
import onnxruntime  # noqa: F401
import sympy  # noqa: F401

folder = pathlib.Path(os.environ["QUERN_SHARED"]) / sys.argv[3]
if not folder.is_dir():
    print(f"needs shared data: {folder}")
    sys.exit(77)
sys.exit(subprocess.run([sys.executable, *sys.argv[1:3], folder]).returncode)
