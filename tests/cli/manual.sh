#!/usr/bin/env bash
# The manual page has each verb and each option, and no option that is not there.
. "$(dirname "$0")/check.sh"
page=$QUERN_SOURCE/src/cli/quern.1
sed 's/\\-/-/g' "$page" >"$work/page"

run 0 --help
for verb in $(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$work/out"); do
    grep -q "^\.SS quern $verb" "$work/page" || fail "no 'quern $verb' in the manual page"
    run 0 "$verb" --help
    grep -oE -- '--[a-z][a-z-]*' "$work/out" >>"$work/known"
done
sort -u "$work/known" >"$work/options"
# Completion knows the same verbs and options.
if ! command -v bash >/dev/null; then finish; fi
complete() { # WORDS...: what completion offers for the last one
    PATH="$(dirname "$QUERN"):$PATH" bash -c '
        . "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _quern; printf "%s\n" "${COMPREPLY[@]}"' bash "$QUERN_SOURCE/src/cli/completion.bash" "$@"
}
complete "$QUERN" qu | grep -qx quantize || fail 'completion of a verb'
complete "$QUERN" plugin c | grep -qx check || fail 'completion of a word'
complete "$QUERN" quantize --per-t | grep -qx -- --per-tensor || fail 'completion of an option'
complete "$QUERN" quantize --target ort-cpu-x | grep -qx ort-cpu-x64 || fail 'completion of a target'
complete "$QUERN" run --engine c | grep -qx cpu || fail 'completion of an engine'
grep -oE -- '--[a-z][a-z-]*' "$work/page" | sort -u >"$work/told"
missing=$(comm -23 "$work/options" "$work/told" | grep -vxE -- '--(help|usage|version)' | tr '\n' ' ')
[ -z "$missing" ] || fail "options without a word in src/cli/quern.1: $missing"
unknown=$(comm -13 "$work/options" "$work/told" | grep -vxE -- '--(help|usage|version)' | tr '\n' ' ')
[ -z "$unknown" ] || fail "src/cli/quern.1 tells of options that no verb has: $unknown"

# What a verb's section tells, and what completion offers, is what its help tells.
run 0 --help
for verb in $(sed -n 's/^  \([a-z][a-z]*\) .*/\1/p' "$work/out"); do
    run 0 "$verb" --help
    # Options that are explained in another section may be told by name alone.
    grep -oE -- '^ +(-[a-z?], )?--[a-z][a-z-]*' "$work/out" | grep -oE -- '--[a-z-]*' | sort -u >"$work/help"
    complete "$QUERN" "$verb" -- | grep -vxF -- '--' | sort -u >"$work/offered"
    cmp -s "$work/help" <(grep -vx -- '--version' "$work/offered") ||
        fail "completion of $verb: $(comm -3 "$work/help" "$work/offered" | tr '\n' ' ')"
    sed -n "/^\.SS quern $verb/,/^\.S[SH] /p; /^\.SH OPTIONS OF EVERY/,/^\.SH VERBS/p" "$work/page" |
        sed -E 's/(^|[^-])-o\b/--output/' | grep -oE -- '--[a-z][a-z-]*' | sort -u >"$work/section"
    missing=$(comm -23 "$work/help" "$work/section" | grep -vxE -- '--(help|usage|version)' | tr '\n' ' ')
    [ -z "$missing" ] || fail "options of $verb without a word in its section: $missing"
done

finish
