"""ONNX's operator cases: at least 1,822 pass, the others end as unsupported, none is wrong."""
import subprocess
import sys

from shared import QUERN, cases

sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, str(cases()), "--least", "1822"]).returncode)
