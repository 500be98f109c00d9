#!/bin/sh
# Prints a C table of files as texts: embed-profiles.sh FILE.yaml…
set -eu
echo '/* Made by scripts/embed-profiles.sh; not to be edited. */'
echo '#include "target/profiles.h"'
echo
echo '#include <stddef.h>'
echo
echo 'const struct qn_target_profile qn_target_profiles[] = {'
for file in "$@"; do
    printf '    {"%s",\n' "$(basename "$file" .yaml)"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/     "/' -e 's/$/\\n"/' "$file"
    echo '    },'
done
echo '    {NULL, NULL},'
echo '};'
