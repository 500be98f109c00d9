#!/usr/bin/env bash
# quern calibrate and quantize --stats: the same bytes for any number of
# threads; what does not fit is told; damaged files are refused.
. "$(dirname "$0")/check.sh"
model=$digits/model.onnx

run 0 calibrate "$model" --data "$digits/calib.npz" -o "$work/s" --threads 1
says out 'save-statistics: [0-9]+ values, [0-9]+ bytes'
run 0 calibrate "$model" --data "$digits/calib.npz" -o "$work/s3" --threads 3 --json
cmp "$work/s" "$work/s3" || fail 'other statistics with 3 threads'
run 0 quantize "$model" --stats "$work/s" -o "$work/q.onnx"
says out 'load-statistics: [0-9]+ values on 112 of 128 samples, embedded'
says out '^integer +24 of 24 Conv, Gemm and MatMul'
run 0 compare "$model" "$work/q.onnx" --data "$digits/eval.npz" --min-sqnr 4
# As ranges alone on the data itself.
run 0 quantize "$model" --data "$digits/calib.npz" --no-refine -o "$work/q1.onnx"
run 0 quantize "$model" --stats "$work/s" --no-refine -o "$work/q2.onnx"
run 0 compare "$work/q1.onnx" "$work/q2.onnx" --data "$digits/calib.npz" --min-sqnr 20

# A file without second ends gives other ranges: that is told.
python3 -B "$(dirname "$0")/old_statistics.py" "$work/s" "$work/old" || fail 'no older file'
run 0 quantize "$model" --stats "$work/s" -o "$work/q.onnx"
grep -q 'format 1' "$work/err" && fail 'a new file is called old'
run 0 quantize "$model" --stats "$work/old" -o "$work/q3.onnx"
says err "^warning.*old: statistics of ([0-9]+) of \\1 values are of format 1.*'quern calibrate'"
cmp -s "$work/q.onnx" "$work/q3.onnx" && fail 'the same ranges from an older file'

# Another model, something else, damage.
run 0 optimize "$model" -o "$work/other.onnx"
run 2 quantize "$work/other.onnx" --stats "$work/none" -o "$work/x.onnx" --data "$digits/calib.npz"
says err 'stats goes with neither --data nor --config'
run 5 quantize "$model" --stats "$work/none" -o "$work/x.onnx"
says err "none.*No such file"
run 3 quantize "$model" --stats "$model" -o "$work/x.onnx"
says err 'no statistics of quern calibrate'
python3 - "$work/s" "$work/bad" "$work/short" <<'P'
import sys
b = bytearray(open(sys.argv[1], "rb").read())
open(sys.argv[3], "wb").write(b[:len(b) // 2])
b[len(b) // 2] ^= 1
open(sys.argv[2], "wb").write(b)
P
for file in bad short; do
    run 3 quantize "$model" --stats "$work/$file" -o "$work/x.onnx"
    says err 'check sum differs'
done
run 2 apply "$model" -o "$work/x.onnx" --passes "optimize,load-statistics{file=$work/s,recipe=\"raise-opset,optimize,fuse-conv-affine{products=true},fuse-affine-conv{products=true},turn-products,move-transposes,merge-equal,fuse-matmul-add,fuse-global-pool\"}"
says err "statistics do not fit: the fingerprint of the model is '[0-9a-f]+', needs"
run 2 apply "$model" -o "$work/x.onnx" --passes "raise-opset,optimize,load-statistics{file=$work/s,recipe=optimize}"
says err "the recipe up to calibration is 'raise-opset,optimize,fuse-conv-affine\{products=true\},fuse-affine-conv\{products=true\},turn-products,move-transposes,merge-equal,fuse-matmul-add,fuse-global-pool', needs 'optimize'"
[ -e "$work/x.onnx" ] && fail 'an output all the same'
run 2 calibrate "$model" -o "$work/s"
says err 'no calibration data given, needs --data'
run 5 calibrate "$model" --data "$digits/calib.npz" -o "$work/no/s"
finish
