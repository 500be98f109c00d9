#!/bin/sh
# Prints a C table of files as bytes: embed-models.sh FILE.onnx…
set -eu
echo '/* Made by scripts/embed-models.sh; not to be edited. */'
echo '#include "plugin.h"'
for file in "$@"; do
    printf '\nstatic const unsigned char model_%s[] = {\n' "$(basename "$file" .onnx)"
    od -An -v -tu1 "$file" | sed 's/[0-9][0-9]*/&,/g'
    echo '};'
done
printf '\nconst struct plugin_sample plugin_samples[] = {\n'
for file in "$@"; do
    name=$(basename "$file" .onnx)
    printf '    {"%s", model_%s, sizeof model_%s},\n' "$name" "$name" "$name"
done
echo '    {NULL, NULL, 0},'
echo '};'
