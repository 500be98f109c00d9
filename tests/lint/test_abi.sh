#!/bin/bash
# check-abi accepts what only adds to the headers and finds each kind of change that breaks what was built before.
set -u
check=$QUERN_SOURCE/scripts/check-abi
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
[ "$(uname -m)" = x86_64 ] || exit 77
n_failed=0
wrong() {
    echo "$*"
    n_failed=$((n_failed + 1))
}

# change FILE SED PATTERN: a change of a header, and what is said of it.
change() {
    sed -i.was -E "$2" "$tree/quern/$1"
    ! cmp -s "$tree/quern/$1" "$tree/quern/$1.was" || wrong "no effect: $2"
    patterns+=("$3")
}

# judge STATUS: what the changes since the last time give.
judge() {
    said=$("$check" --headers "$tree" 2>&1)
    local status=$? pattern
    [ $status = "$1" ] || wrong "status $status, wants $1: $said"
    for pattern in "${patterns[@]}"; do
        grep -qE -- "$pattern" <<<"$said" || wrong "no /$pattern/ in: $said"
    done
}

fresh() {
    rm -rf "$tree/quern"
    cp -r "$QUERN_SOURCE/src/include/quern" "$tree/quern"
    patterns=('facts of 8 headers hold')
}

# Additions, and names of parameters, which nobody is bound to.
fresh
change pass.h 's/^(    const struct quern_rewrite \*const \*rewrites;)/\1 int later;/' '^new: struct quern_pass_desc later$'
change pass.h 's/^(    QUERN_CHANGES_PRECISION = 3,)/\1 QUERN_WILD = 4,/' '^new: enum quern_contract QUERN_WILD$'
change graph.h 's/quern_graph_name\(const struct quern_graph \*graph\)/quern_graph_name(const struct quern_graph *other)/' 'facts of'
judge 0

fresh
patterns=('^[0-9]+ changes break what was built before')
# Structs.
change pass.h 's/^(    const char \*name;     .*quern_pass|    uint32_t abi;         .*QUERN_ABI.*)/\1 uint64_t too;/' \
    '^struct quern_pass_desc name: is .16\+8 const char \*name., was .8\+8 '
change pass.h 's/^(    const char \*help;)/\1 int more;/' '^struct quern_option: has 64 bytes, had 56: it has no struct_size, so it is fixed$'
change graph.h 's/^    const struct quern_expr \*expr;$//' '^struct quern_dim expr: is gone'
change pass.h 's/^    enum quern_option_type type;/    int type;/' '^struct quern_option type: is .8\+4 int type'
change pass.h 's/size_t params_size; /size_t size_of_params; /' '^struct quern_pass_desc params_size: is gone'
# Constants, functions, types.
change pass.h 's/QUERN_APPROXIMATE = 2/QUERN_APPROXIMATE = 5/' '^enum quern_contract QUERN_APPROXIMATE: is .5., was .2.$'
change pass.h 's/define QUERN_ABI 1/define QUERN_ABI 2/' '^macro QUERN_ABI: is .2., was .1.$'
change graph.h 's/size_t quern_graph_n_nodes/int quern_graph_n_nodes/' '^function quern_graph_n_nodes: is .int quern_graph_n_nodes'
change graph.h 's/quern_node_set_op\(struct quern_node \*node, const char \*op\)/quern_node_set_op(struct quern_node *node, char *op)/' \
    '^function quern_node_set_op: is '
change graph.h 's/quern_node_erased/quern_node_gone/' '^function quern_node_erased: is gone'
change pass.h 's/(typedef enum quern_code \(\*quern_node_fn\)\(struct quern_pass_ctx \*ctx,)/\1 int more,/' '^typedef quern_node_fn: is '
judge 1
[ $n_failed = 0 ]
