"""`quern optimize --verify-each` on the zoo: no pass is undone."""
import subprocess
import sys

from shared import QUERN, SHARED, skip

if not (SHARED / "zoo").is_dir():
    skip("zoo")
sys.exit(subprocess.run([sys.executable, sys.argv[1], QUERN, SHARED / "zoo"], check=False).returncode)
