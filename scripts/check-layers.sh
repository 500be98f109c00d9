#!/bin/sh
# Checks who includes whom; an optional argument names another tree.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/..}"
find src passes -name '*.[ch]' | LC_ALL=C sort | xargs awk -f "$here/check-layers.awk"
