#!/usr/bin/env bash
# quern doctor, and what every verb has: --help, JSON, threads.
. "$(dirname "$0")/check.sh"

run 0 doctor --threads 3
says out '^quern +[0-9]+\.[0-9]+\.[0-9]+, plugin interface 1$'
says out '^engine +embedded \('
says out '^ONNX Runtime +(no: |ONNX Runtime)'
says out '^threads +3$'
run 0 doctor --json --threads 2
python3 - "$work/out" <<'P' || fail 'JSON'
import json, sys
o = json.load(open(sys.argv[1]))
assert o["threads"] == 2 and o["embedded_engine"].startswith("embedded") and o["abi"] == 1 and o["max_nesting"] >= 8
assert o["onednn"] == ("oneDNN" in o["embedded_engine"])
P
run 0 doctor --ort-lib "$work/none.so"
says out '^ONNX Runtime +no: '

# Every verb that --help lists explains itself and knows the common options.
run 0 --help
verbs=$(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$work/out")
[ "$(echo "$verbs" | wc -l)" -ge 8 ] || fail 'few verbs'
for verb in $verbs; do
    run 0 "$verb" --help
    says out '^Usage: quern '"$verb"' '
    for option in --threads --plugin --json --copy --verbose --quiet --engine --ort-lib; do
        says out "^ .*$option"
    done
    run 2 "$verb" --no-such-option
done
run 2 quantise
says err "unknown verb 'quantise'"
run 2
finish
