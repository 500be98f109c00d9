#!/usr/bin/env bash
# quern check, inspect, and convert --external-data.
. "$(dirname "$0")/check.sh"
model=$digits/model.onnx

# check: nothing, many things, no model at all.
run 0 check "$model"
says out "^$model: 0 errors, 0 warnings\$"
LC_ALL=C sed 's/Clip/Cilp/g; s/kernel_shape/kernal_shape/g' "$model" >"$work/bad.onnx"
run 1 check "$work/bad.onnx"
says out "error\[invalid-model\]: .*: main: node '.*' \(Cilp, #[0-9]+\): operator is unknown in ai.onnx at opset [0-9]+; did you mean 'Clip'\?\$"
says out "attribute 'kernal_shape': operator has no attribute of that name at opset [0-9]+; did you mean 'kernel_shape'\?\$"
says out ': [0-9]{2,} errors, 0 warnings$'
run 1 check --json "$work/bad.onnx"
python3 - "$work/out" <<'P' || fail 'JSON of check'
import json, sys
o = json.load(open(sys.argv[1]))
assert o["errors"] == len([f for f in o["findings"] if f["severity"] == "error"]) > 9 and o["warnings"] == 0
f = next(f for f in o["findings"] if f["op"] == "Cilp")
assert f["graph"] == "main" and f["code"] == "invalid-model" and f["node_id"] >= 0 and "unknown" in f["message"]
P
head -c 5000 "$model" >"$work/cut.onnx"
run 1 check "$work/cut.onnx"
says out '^error\[malformed\]: .*cut.onnx: offset [0-9]+: '
run 5 check "$work/none.onnx"
says err '^error\[io\]: .*none.onnx: '

# inspect: summary, JSON, text, dot.
run 0 inspect "$model"
says out '^opsets +ai.onnx [0-9]+$'
says out '^input +[a-z]+: float\[[a-zA-Z_0-9]+, 1, 28, 28\]$'
says out '^operators +.*Conv [0-9]+, '
says out '^quantized +nothing; [0-9]+ Conv'
run 0 inspect --json "$model"
python3 - "$work/out" <<'P' || fail 'JSON of inspect'
import json, sys
o = json.load(open(sys.argv[1]))
assert sum(o["operators"].values()) == o["nodes"] and o["inputs"][0]["type"].startswith("float[")
assert o["parameters"]["bytes"] == sum(t["bytes"] for t in o["parameters"]["types"].values()) > 1000
assert o["quantized"]["heavy"] > 0 and o["quantized"]["heavy_integer"] == 0
P
run 0 inspect --text "$model"
says out '^graph .*: float\[.*\) -> \(.*\) \{$'
says out "^  .* = Conv\(.*\) \{.*group = 1.*\}  # '.*'\$"
run 0 inspect --dot "$model"
says out '^digraph '
[ "$(grep -c 'label="Conv' "$work/out")" -gt 5 ] || fail 'few boxes'
run 2 inspect --dot --text "$model"
run 2 inspect --dot --json "$model"

# Names with what terminals obey in them are shown, not sent; JSON escapes on its own.
python3 - "$work" <<'P'
import os, sys
sys.path.insert(0, os.path.join(os.environ["QUERN_SOURCE"], "tests", "malformed"))
from wire import F2, graph, ln, model, node, npy, tensor, value
os.chdir(sys.argv[1])
red, bell = "\x1b[31m", "\x07\u009b2J"
nodes = [node("MatMul", ["x", "w" + red], ["y" + red], name="m" + bell)]
g = graph(nodes, [value("x")], [value("y" + red)], init=[tensor("w" + red, [2, 2], F2 * 2)])
open("red.onnx", "wb").write(model(g, extra=ln(2, "made" + red)))
odd = graph([node("Odd" + red, ["x"], ["y"], name="o" + bell, domain="d" + bell)])
open("odd.onnx", "wb").write(model(odd, domains=[("d" + bell, 1)]))
open("x.npy", "wb").write(npy())
P
(
    cd "$work" || exit 1
    for args in 'inspect red.onnx' 'inspect red.onnx --text' 'inspect red.onnx --dot' 'check red.onnx' 'inspect odd.onnx' \
        'quantize red.onnx -o q.onnx --data x.npy -v' 'compare red.onnx q.onnx --data x.npy --per-layer' \
        'run red.onnx --data x.npy --profile' 'optimize odd.onnx -o o.onnx' 'run odd.onnx --data x.npy' 'inspect red.onnx --json'; do
        # shellcheck disable=SC2086 # words
        "$QUERN" $args >red.out 2>&1
        [ -s red.out ] || echo "nothing: $args"
        LC_ALL=C grep -qP '\x1b|\x07|\x9b' red.out && echo "$args"
    done
) >"$work/sent"
[ -s "$work/sent" ] && fail "control characters are sent: $(tr '\n' ',' <"$work/sent")"
run 0 inspect "$work/red.onnx"
says out 'y.x1b\[31m'

# convert --external-data: out, along, back in.
mkdir "$work/a" "$work/b"
run 0 convert "$model" -o "$work/a/m.onnx" --external-data w.bin
[ "$(stat -c %s "$work/a/m.onnx")" -lt "$(stat -c %s "$work/a/w.bin")" ] || fail 'weights stayed inside'
run 0 check "$work/a/m.onnx"
run 0 convert "$work/a/m.onnx" -o "$work/b/m.onnx"
cmp -s "$work/a/m.onnx" "$work/b/m.onnx" && cmp -s "$work/a/w.bin" "$work/b/w.bin" || fail 'data was not taken along'
run 0 convert "$work/b/m.onnx" -o "$work/b/m.onnx" --external-data never
cmp -s "$model" "$work/b/m.onnx" || fail 'weights that came back are not what they were'
for name in ../w.bin sub/w.bin m.onnx; do
    run 2 convert "$model" -o "$work/b/m.onnx" --external-data "$name"
    says err '^error\[invalid-argument\]: .*: data file '
done
ln -s /dev/null "$work/b/link"
run 5 convert "$model" -o "$work/b/m.onnx" --external-data link
[ "$(ls "$work/b")" = "$(printf 'link\nm.onnx\nw.bin')" ] || fail "left behind: $(ls "$work/b")"
run 0 convert - -o "$work/b/stdin.onnx" <"$model"
cmp -s "$model" "$work/b/stdin.onnx" || fail 'standard input'
finish
