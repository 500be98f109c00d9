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

# An engine that misses its module says so: what runs on it then takes longer
# and gives other last digits. Without one it was built, which is told apart.
module=$QUERN_BUILD/src/exec/quern-onednn.so
if [ -e "$module" ]; then
    mkdir -p "$work/bare/src/cli"
    cp "$QUERN_BUILD/src/cli/quern" "$work/bare/src/cli"
    cp -P "$QUERN_BUILD"/src/libquern.so* "$work/bare/src" 2>/dev/null
    whole=$QUERN QUERN=$work/bare/src/cli/quern
    libraries=${LD_LIBRARY_PATH:-}
    export LD_LIBRARY_PATH=$work/bare/src
    run 0 doctor
    says out '^ +engine module quern-onednn\.so: not beside the library'
    run 0 doctor --json
    says out '"onednn": false'
    says out '"onednn_text": "engine module quern-onednn\.so: not beside'
    run 0 compare "$digits/model.onnx" "$digits/model.onnx" --data "$digits/calib.npz"
    [ "$(grep -c '^warning.*engine module quern-onednn' "$work/err")" = 1 ] || fail 'not one warning of the module'
    run 0 quantize "$digits/model.onnx" -o "$work/bare.onnx" --data "$digits/calib.npz" --no-refine --json
    [ "$(grep -c '^warning.*engine module quern-onednn' "$work/err")" = 1 ] || fail 'not one warning of the module'
    [ "$(grep -c 'engine module quern-onednn' "$work/out")" = 1 ] || fail 'not one warning of the module in JSON'
    run 0 run "$digits/model.onnx" --data "$digits/calib.npz" --backend plain
    [ -s "$work/err" ] && fail 'plain C is what was asked for'
    run 0 inspect "$digits/model.onnx"
    [ -s "$work/err" ] && fail 'nothing ran'
    mkdir "$work/bare/src/exec"
    echo 'no module' >"$work/bare/src/exec/quern-onednn.so"
    run 0 doctor
    says out '^ +engine module quern-onednn\.so: .*(invalid ELF|too short)'
    QUERN=$whole LD_LIBRARY_PATH=$libraries
    run 0 doctor --json
    says out '"onednn_text": null'
    # No memory is no reason for plain C; nor is an engine that does not open one that was built without oneDNN.
    poor=$fakes/no-memory-onednn.so
    if [ -e "$poor" ]; then
        LD_PRELOAD=$poor run 6 run "$digits/model.onnx" --data "$digits/calib.npz" --engine cpu
        says err '^error\[no-memory\]: out of memory'
        LD_PRELOAD=$poor run 0 doctor
        says out '^engine +no: out of memory'
        grep -q 'built without' "$work/out" && fail 'it was built with oneDNN'
        LD_PRELOAD=$poor run 0 doctor --json
        says out '"onednn": false'
        says out '"onednn_text": null'
    fi
else
    run 0 doctor
    says out '^ +built without oneDNN'
fi

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
