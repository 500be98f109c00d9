#!/usr/bin/env bash
# A net of tiny convolutions: the account says that float is faster.
. "$(dirname "$0")/check.sh"
model=$QUERN_SHARED/models/ocr-cls
[ -e "$model/model.onnx" ] || { echo "needs shared data: models/ocr-cls"; exit 77; }
run 0 quantize "$model/model.onnx" -o "$work/q.onnx" --data "$model/calib.npz" --no-refine --report "$work/report.json"
says err '^warning: on ort-cpu-x64 the integer model will not be faster than the float one'
grep -q 'will not be faster' "$work/report.json" || fail 'no warning in the report'
finish
