"""`quern optimize` on the zoo and the trained models: right on all sets, valid, same interface, idempotent."""
import subprocess
import sys

from shared import QUERN, SHARED, skip

folders = [SHARED / "zoo", SHARED / "models"]
for folder in folders:
    if not folder.is_dir():
        skip(folder.name)
sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, *folders, "--csv", SHARED / "zoo" / "baseline.csv"]).returncode)
