"""scripts/check-blocks on the zoo: a reason for each block that stays spelled out, and results that are right at opset 23."""
import os
import pathlib
import subprocess
import sys

import onnx  # noqa: F401
import onnxruntime  # noqa: F401

zoo = pathlib.Path(os.environ["QUERN_SHARED"]) / "zoo"
if not zoo.is_dir():
    print(f"needs shared data: {zoo}")
    sys.exit(77)
bad = 0
for script, *more in (sys.argv[1:2], [sys.argv[2], "--opset", "23", "--only", "*ll[ai]*"],
                      [sys.argv[2], "--opset", "23", "--only", "t5*"]):
    bad += subprocess.run([sys.executable, script, os.environ["QUERN"], zoo, *more]).returncode != 0
sys.exit(bad > 0)
