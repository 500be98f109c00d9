#!/usr/bin/env bash
# A user's story, from README.md alone: the rule and the plugin that it shows do the same to exports of both exporters; both
# show in the lists, in the account and in explanations. The commands are those of README.md, run against what is installed.
. "$(dirname "$0")/../cli/check.sh"
zoo=$QUERN_SHARED/zoo
[ -d "$zoo" ] || { echo "no shared data: $zoo"; exit 77; }
meson=/usr/bin/meson
[ -x $meson ] || meson=$(command -v meson)
for tool in cc make pkg-config "$meson"; do
    command -v "$tool" >/dev/null || { echo "no $tool"; exit 77; }
done
root=$work/root
DESTDIR=$root "$meson" install -C "$QUERN_BUILD" --no-rebuild --quiet >"$work/out" 2>"$work/err" || { fail 'meson install'; finish; }
PKG_CONFIG_LIBDIR=$(dirname "$(find "$root" -name quern.pc)")
LD_LIBRARY_PATH=$(dirname "$(find "$root" -name libquern.so.0)")
QUERN=$(find "$root" -path '*/bin/quern')
export PKG_CONFIG_LIBDIR LD_LIBRARY_PATH PKG_CONFIG_SYSROOT_DIR=$root
mkdir -p "$work/user/passes/examples"
cp -r "$QUERN_SOURCE/passes/examples/silu" "$work/user/passes/examples/"
cd "$work/user" || exit 1

# The recipe and the commands, as they stand in README.md.
section() { sed -n '/^## Rules and plugins/,/^## Targets/p' "$QUERN_SOURCE/README.md"; }
section | sed -n '/^```yaml/,/^```/p' | grep -v '^```' >rule.yaml
section | sed -n '/^```sh/,/^```/p' | grep -v '^```' >commands
[ "$(grep -cE '^    (match|replace):' rule.yaml)" = 2 ] || fail 'the rule has not two lines'
lines=$(wc -l <passes/examples/silu/silu.c)
[ "$lines" -le 60 ] || fail "the plugin has $lines lines"
quern() { "$QUERN" "$@"; }

# story MODEL NODE N: all commands succeed; N places are rewritten.
story() {
    local n=$3 line i=0
    cp "$zoo/$1/model.onnx" model.onnx
    while read -r line; do
        i=$((i + 1))
        (eval "${line/NAME/\'$2\'}") >"$work/$i" 2>"$work/err" || fail "$1: $line"
    done <commands
    cp "$work/1" "$work/out"
    says out "^  matches at $n nodes, is applied $n times: "
    cp "$work/2" "$work/out"
    says out '^my-silu +rule +y = Mul\(x, Sigmoid\(x\)\)  ->  y = com\.acme\.SiLU\(x\)$'
    cp "$work/3" "$work/out"
    says out "^ +rules: SiLU '.*': made by rule 'my-silu'$"
    cp "$work/4" "$work/out"
    says out "^explain +my-silu at '$2' \(Mul\): matches$"
    cp "$work/6" "$work/out"
    says out '^ok +com\.acme\.silu: [0-9]+ models stay valid, with the same inputs and outputs: [1-9][0-9]* edits$'
    says out 'silu\.so: 0 faults$'
    cp "$work/7" "$work/out"
    says out '^contract +real-exact: '
    says out '^  silu: y = Mul\(x, Sigmoid\(x\)\)$'
    cp "$work/8" "$work/out"
    says out "^ +com\.acme\.silu: com\.acme\.SiLU '.*': made of Mul and Sigmoid$|^ +com\.acme\.silu: SiLU '.*': made of Mul and Sigmoid$"
    cp "$work/9" "$work/out"
    says out "^explain +silu at '$2' \(Mul\): matches$"
    # The same model, but for the words in it about who made it.
    for how in rule plugin; do
        quern inspect "by-$how.onnx" --text >"$work/$how.txt"
        [ "$(grep -c 'com.acme.SiLU' "$work/$how.txt")" = "$n" ] || fail "$1: not $n nodes by $how"
        run 0 check "by-$how.onnx"
    done
    cmp <(grep -v metadata "$work/rule.txt") <(grep -v metadata "$work/plugin.txt") || fail "$1: rule and plugin differ"
}
story efficientnet__ts /features/features.0/features.0.2/Mul 19
story mobilevit__dynamo node_silu 10
finish
