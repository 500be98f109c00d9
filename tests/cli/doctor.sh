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
says out '^ONNX Runtime +no: .*none\.so'
# A library is found by its option, by the environment, in the package of a
# Python: of a virtual environment, or the first in PATH, whatever its folder is
# called.
fakes=$QUERN_BUILD/tests/exec
run 0 doctor --ort-lib "$fakes/fake-ort-works.so"
says out '^ONNX Runtime +ONNX Runtime 1\.11\.7, .*/fake-ort-works\.so$'
QUERN_ORT_LIB=$fakes/fake-ort-old.so run 0 doctor
says out '^ONNX Runtime +no: .*ONNX Runtime 1\.10\.0'
QUERN_ORT_LIB=$fakes/fake-ort-old.so run 0 doctor --json --ort-lib "$fakes/fake-ort-works.so"
says out '"onnx_runtime_library": ".*/fake-ort-works\.so"'
env="$work/a [strange] env"
capi="$env/lib/python3.99/site-packages/onnxruntime/capi"
mkdir -p "$capi" "$env/bin"
cp "$fakes/fake-ort-works.so" "$capi/libonnxruntime.so.1.11.7"
cp /bin/true "$env/bin/python3"
QUERN_ORT_LIB='' VIRTUAL_ENV=$env run 0 doctor
says out 'ONNX Runtime 1\.11\.7, .*/a \[strange\] env/lib/python3'
QUERN_ORT_LIB='' CONDA_PREFIX=$env run 0 doctor
says out 'ONNX Runtime 1\.11\.7, .*/a \[strange\] env/lib/python3'
QUERN_ORT_LIB='' PATH=$env/bin:$PATH run 0 doctor
says out 'ONNX Runtime 1\.11\.7, .*/a \[strange\] env/bin/\.\./lib/python3'

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
says err "^error.*unknown verb 'quantise', did you mean 'quantize'$"
run 2 quantize --dta x
says err "^error.*: quantize: unknown option '--dta', did you mean '--data'$"
run 2 optimize --opst=3
says err "^error.*unknown option '--opst', did you mean '--opset'$"
run 2 optimize -z
says err "^error.*unknown option '-z'$"
run 2 quantize in.onnx --data
says err "^error.*option '--data' needs a value$"
run 2 passes --threads ''
says err "^error.*: passes: option '--threads' has an empty value, needs N$"
for threads in 0 1025 4294967297 2x; do
    run 2 passes --threads "$threads"
    says err "^error.*--threads '$threads': needs 1 to 1024$"
done
run 2 quantize --print-config --method mes
says err "^error.*: quantize: --method 'mes': needs min-max, .* or msef, did you mean 'mse'$"
for percentile in 50 100.1 nan 99x; do
    run 2 quantize --print-config --method percentile --percentile "$percentile"
    says err "^error.*: quantize: --percentile '$percentile': needs more than 50, at most 100$"
done
run 2 quantize --print-config --percentile 99.9
says err "^error.*: quantize: --percentile is for --method percentile$"
run 0 quantize --print-config --method percentile --percentile 99.9
says out 'insert-qdq: {method: percentile, percentile: 99.9,'
run 2
finish
