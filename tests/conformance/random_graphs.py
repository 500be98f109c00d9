"""Random graphs through quern, judged by onnx and ONNX Runtime: 500 seeds, and what earlier ones have found."""
import os
import pathlib
import subprocess
import sys

import numpy  # noqa: F401
import onnx  # noqa: F401
import onnxruntime  # noqa: F401

call = [sys.executable, sys.argv[1], os.environ["QUERN"]]
found = sorted(pathlib.Path(os.environ["QUERN_TESTDATA"], "random").glob("*.onnx"))
bad = [subprocess.run([*call, *more]).returncode for more in (["--count", "500", "--least", "480"], ["--files", *found])]
sys.exit(any(bad) or not found)
