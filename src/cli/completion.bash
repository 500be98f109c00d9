# Completion of quern for bash: asks the command itself what it knows.
_quern() {
    local quern=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" = 1 ]; then
        words="$("$quern" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\) .*/\1/p') --help --version"
    else
        case $prev in
        --target) words=$("$quern" targets 2>/dev/null | sed -n 's/^\([a-z][a-z0-9-]*\).*/\1/p') ;;
        --engine) words='auto cpu ort' ;;
        --method) words='min-max percentile entropy mse msef' ;;
        plugin | rules) words=check ;;
        passes | targets) [ "$COMP_CWORD" = 2 ] && words=$("$quern" "$prev" 2>/dev/null | sed -n 's/^ *\([a-z][a-z0-9-]*\) .*/\1/p') ;;
        esac
        if [[ $cur == -* ]]; then
            words=$("$quern" "${COMP_WORDS[1]}" --help 2>/dev/null | sed -nE 's/^ +(-., +)?(--[a-z][a-z-]*).*/\2/p' | sort -u)
        fi
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o default -F _quern quern
