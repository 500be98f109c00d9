"""`quern optimize --verify-each` on a part of the zoo: no pass is undone (scripts/check-verify.py does all of it)."""
import subprocess
import sys

from shared import QUERN, SHARED, skip

if not (SHARED / "zoo").is_dir():
    skip("zoo")
sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, SHARED / "zoo", "--every", "5"], check=False).returncode)
