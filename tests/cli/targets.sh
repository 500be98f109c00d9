#!/usr/bin/env bash
# quern targets, and --target of the verbs that take it.
. "$(dirname "$0")/check.sh"

run 0 targets
for name in ort-cpu-x64 ort-cpu-avx2 ort-cpu-arm tensorrt-10 tensorrt-8 onnx-spec; do
    says out "^$name +[A-Za-z]"
    run 0 targets "$name"
    says out "^$name$"
    says out '^  Conv +start'
    run 0 targets "$name" --json
    python3 - "$work/out" "$name" <<'P' || fail "JSON of $name"
import json, sys
o = json.load(open(sys.argv[1]))
assert o["name"] == sys.argv[2] and o["summary"] and o["operators"]["Conv"]["axis"] == 0
assert set(o) == {"name", "summary", "runtime", "opset", "activations", "weights", "bias", "overflow", "shapes",
                  "placement", "fusions", "keep", "tricks", "lacks", "until", "chains", "notes", "operators", "speed-figures"}, set(o)
P
    run 0 targets
done
run 0 targets --json
python3 -c 'import json, sys; assert len(json.load(open(sys.argv[1]))) == 6' "$work/out" || fail 'JSON list'

run 0 targets tensorrt-8
says out '^opset +13 to 17$'
says out '^activations +int8, zero point 0, one scale a tensor$'
says out '^bias +float$'
says out '^  ConvTranspose .*one scale a tensor'

# Names, files and what is wrong in them.
run 2 targets tensorrt-9
says err "^error.*unknown target 'tensorrt-9'; did you mean 'tensorrt-8'\?$"
printf 'target: 1\nname: board\nlike: ort-cpu-arm\nbias: float\n' >"$work/board.yaml"
run 0 targets "$work/board.yaml"
says out '^board$'
says out '^bias +float$'
printf 'target: 1\nname: board\nlike: ort-cpu-arm\nbias: flat\n' >"$work/bad.yaml"
run 2 targets "$work/bad.yaml"
says err "bad.yaml:4:7: 'bias': found 'flat', need int32 or float; did you mean 'float'$"
run 5 targets "$work/none.yaml"
says err 'none.yaml'
run 2 targets a b

run 2 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --target ort-cpu-x65
says err "^error.*unknown target 'ort-cpu-x65'; did you mean 'ort-cpu-x64'"
[ -e "$work/q.onnx" ] && fail 'a file was written'
run 2 apply "$digits/model.onnx" -o "$work/q.onnx" --passes drop-dead --target "$work/bad.yaml"
says err 'bad.yaml:4:7'
run 0 apply "$digits/model.onnx" -o "$work/q.onnx" --passes drop-dead --target "$work/board.yaml"
# Patterns are checked where they stand, before the work.
printf 'target: 1\nname: board\nlike: ort-cpu-arm\nchains:\n  - y = Neg(x)\n  - "y = Neg(Abs(x)"\n' >"$work/bad.yaml"
run 2 targets "$work/bad.yaml"
says err 'bad.yaml:6:20: found the end, needs'
run 2 apply "$digits/model.onnx" -o "$work/q.onnx" --passes drop-dead --target "$work/bad.yaml"
says err "^error.*bad.yaml:6:20: found the end, needs"
says err "in 'chains' of target 'board': y = Neg\(Abs\(x\)"
printf 'target: 1\nname: board\nlike: ort-cpu-arm\nchains: {add: y = 2Neg(x)}\n' >"$work/bad.yaml"
run 2 quantize "$digits/model.onnx" -o "$work/q.onnx" --data "$digits/calib.npz" --target "$work/bad.yaml"
says err 'bad.yaml:4:19: '
printf 'target: 1\nname: board\nlike: ort-cpu-arm\nchains:\n  - y = %01030d\n' 1 >"$work/bad.yaml"
run 2 targets "$work/bad.yaml"
says err 'bad.yaml:5:5: chain of 1034 bytes, needs at most 1023'
# A path in a recipe begins at the folder of the recipe.
printf 'quern: 1\ntarget: board.yaml\nsteps: [drop-dead]\n' >"$work/recipe.yaml"
run 0 apply "$digits/model.onnx" -o "$work/q.onnx" --config "$work/recipe.yaml"
printf 'quern: 1\ntarget: bord.yaml\nsteps: [drop-dead]\n' >"$work/recipe.yaml"
run 5 apply "$digits/model.onnx" -o "$work/q.onnx" --config "$work/recipe.yaml"
says err 'bord.yaml'
finish
