#!/usr/bin/env bash
# Installs quern below a folder, builds the example plugin against what is there through pkg-config alone, runs it with
# the installed command, uninstalls again.
. "$(dirname "$0")/../cli/check.sh"
meson=/usr/bin/meson
[ -x $meson ] || meson=$(command -v meson)
for tool in cc make pkg-config "$meson"; do
    command -v "$tool" >/dev/null || { echo "no $tool"; exit 77; }
done
root=$work/root
DESTDIR=$root "$meson" install -C "$QUERN_BUILD" --no-rebuild --quiet >"$work/out" 2>"$work/err" || { fail 'meson install'; finish; }
pc=$(find "$root" -name quern.pc)
[ -n "$pc" ] || { fail 'no quern.pc'; finish; }
export PKG_CONFIG_LIBDIR=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root
[ "$(pkg-config --modversion quern)" = 0.1.0 ] || fail 'version of quern.pc'
case $(pkg-config --variable=plugindir quern) in */quern/plugins) ;; *) fail 'plugindir' ;; esac
pkg-config --libs quern | grep -q -- '-lquern' || fail '--libs'

lib=$(find "$root" -name 'libquern.so.0' | head -1)
readelf -V "$lib" 2>/dev/null | grep -q QUERN_0 || fail 'symbols have no version'
readelf -d "$lib" | grep -q 'SONAME.*libquern.so.0' || fail 'soname'

# The example sees nothing but what is installed.
cp -r "$QUERN_SOURCE/passes/examples/my-pass" "$work/my-pass"
rm -f "$work"/my-pass/*.so
(cd "$work/my-pass" && env -u CFLAGS -u LDFLAGS make CC=cc) >"$work/out" 2>"$work/err" || fail 'make of the example'
[ -s "$work/err" ] && fail 'warnings in the example'
nm -D --defined-only "$work/my-pass/my_pass.so" | grep -v ' [wW] ' | grep -cq . || fail 'no symbol'
[ "$(nm -D --defined-only "$work/my-pass/my_pass.so" | awk '{print $NF}')" = quern_plugin_entry ] || fail 'more than one symbol'

export LD_LIBRARY_PATH=${lib%/*}
QUERN=$(find "$root" -path '*/bin/quern')
python3 "$QUERN_SOURCE/scripts/bench/big-graph" 20 "$work/model.onnx" --kind leaky
run 0 passes my-pass --plugin "$work/my-pass/my_pass.so"
says out '^my-pass: turn LeakyRelu with a small slope into Relu$'
says out '^contract +approximate$'
says out 'threshold=number +slopes below it count as zero \(0..1; default'
says out '^  small-slope: y = LeakyRelu\(x\)\{alpha=\$slope\}$'
printf 'quern: 1\nplugins: [./my-pass/my_pass.so]\nsteps:\n  - my-pass: {threshold: 0.105}\n' >"$work/recipe.yaml"
run 0 apply "$work/model.onnx" -o "$work/out.onnx" --config "$work/recipe.yaml" -v
says out '^ +my-pass +20 edits'
run 0 apply "$work/out.onnx" -o "$work/again.onnx" --config "$work/recipe.yaml"
cmp "$work/out.onnx" "$work/again.onnx" || fail 'a second run changes something'

# An old binary of the example is loaded by the installed command too.
if [ "$(uname -m)" = x86_64 ]; then
    run 0 apply "$work/model.onnx" -o "$work/old.onnx" --plugin "$QUERN_TESTDATA/plugins/my-pass-abi1-x86_64.so" --passes 'my-pass{threshold=0.105}' -v
    says out '^ +my-pass +20 edits'
fi
# Manual, completion, headers; what Meson says it installs is there, and nothing else.
for file in 'man/man1/quern\.1' 'bash-completion/completions/quern$' 'include/quern/quern\.h' 'libquern\.so$'; do
    find "$root" | grep -qE "$file" || fail "no $file"
done
find "$root" ! -type d | sed "s|^$root||" | sort >"$work/there"
(cd "$QUERN_BUILD" && "$meson" introspect --installed) | python3 -c '
import json, os, sys
for source, target in json.load(sys.stdin).items():
    if os.path.isdir(source):
        for folder, _, files in os.walk(source):
            for f in files:
                print(os.path.normpath(os.path.join(target, os.path.relpath(folder, source), f)))
    else:
        print(target)' | sort >"$work/told"
extra=$(comm -23 "$work/there" "$work/told" | grep -vE 'libquern\.so(\.0)?$|/quern/onednn' | tr '\n' ' ')
[ -z "$extra" ] || fail "installed, but Meson does not tell: $extra"
gone=$(comm -13 "$work/there" "$work/told" | tr '\n' ' ')
[ -z "$gone" ] || fail "not installed: $gone"

# What was installed goes again.
(cd "$QUERN_BUILD" && DESTDIR=$root "$meson" --internal uninstall) >"$work/out" 2>"$work/err" || fail uninstall
left=$(find "$root" ! -type d 2>/dev/null)
[ -z "$left" ] || { fail 'files are left'; echo "$left"; }
finish
