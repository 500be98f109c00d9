/* clean-qdq: tidies QuantizeLinear and DequantizeLinear without touching a
 * number. By option, since a Q or DQ is never folded away by default:
 * `duplicates`: equal Q of one value are one; `share-dq`: equal DQ too (some
 * runtimes want one DQ for each reader, so this is off); `pairs`: a Q with the
 * very numbers of the DQ in front of it gives back the codes; `unused`. */
#include "builtin.h"
#include "common.h"

#include <string.h>

struct qdq_params {
    bool duplicates;
    bool share_dq;
    bool pairs;
    bool unused;
};

static bool is_q(const struct quern_node *node)
{
    return quern_node_is(node, "QuantizeLinear");
}

static bool is_dq(const struct quern_node *node)
{
    return quern_node_is(node, "DequantizeLinear");
}

/* The same value, or equal constants; both may be left out. */
static bool same_number(const struct quern_value *a,
                        const struct quern_value *b)
{
    if (a == b || a == NULL || b == NULL) {
        return a == b;
    }
    const struct quern_tensor *s = quern_value_constant(a);
    const struct quern_tensor *t = quern_value_constant(b);
    return s != NULL && t != NULL && quern_tensor_equal(s, t);
}

static bool same_numbers(const struct quern_node *a, const struct quern_node *b)
{
    return same_number(quern_node_input(a, 1), quern_node_input(b, 1)) &&
           same_number(quern_node_input(a, 2), quern_node_input(b, 2));
}

/* ------------------------------------------------------------- duplicates */

/* Other Q or DQ of the value that `node` reads. A value that many read costs
 * the square of its Q or DQ alone. */
static enum quern_code merge_into(struct quern_pass_ctx *ctx,
                                  struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    struct quern_value *y = quern_node_output(node, 0);
    const struct quern_value *x = quern_node_input(node, 0);
    const struct quern_use *next = NULL;
    for (const struct quern_use *u = x != NULL ? quern_value_first_use(x)
                                               : NULL;
         u != NULL && code == QUERN_OK; u = next) {
        next = quern_use_next(u);
        struct quern_node *other = quern_use_node(u);
        if (other == NULL || other == node || quern_use_index(u) != 0 ||
            quern_node_graph(other) != quern_node_graph(node) ||
            !quern_node_is(other, quern_node_op(node)) ||
            !same_numbers(node, other) ||
            !quern_node_attrs_equal(node, other)) {
            continue;
        }
        struct quern_value *z = quern_node_output(other, 0);
        if (z == NULL || !qn_can_stand_for(z, y) ||
            quern_value_is_graph_output(z)) {
            continue;
        }
        code = quern_replace_value(z, y, true);
        if (code == QUERN_OK) {
            quern_pass_account(ctx, other, "the same as '%s'",
                               quern_node_name(node));
            code = quern_node_erase_dead(other);
        }
    }
    return code;
}

/* ------------------------------------------------------------------ pairs */

static bool same_axis(const struct quern_node *q, const struct quern_node *dq)
{
    const struct quern_value *s = quern_node_input(q, 1);
    const struct quern_tensor *t = s != NULL ? quern_value_constant(s) : NULL;
    bool one = t != NULL && quern_tensor_len(t) == 1;
    return one ||
           (quern_node_int(q, "axis", 1) == quern_node_int(dq, "axis", 1) &&
            quern_node_int(q, "block_size", 0) ==
                quern_node_int(dq, "block_size", 0));
}

static enum quern_code drop_pair(struct quern_pass_ctx *ctx,
                                 struct quern_node *q)
{
    const struct quern_value *x = quern_node_input(q, 0);
    struct quern_node *dq = x != NULL ? quern_value_producer(x) : NULL;
    struct quern_value *y = quern_node_output(q, 0);
    if (dq == NULL || !is_dq(dq) || !same_numbers(q, dq) || !same_axis(q, dq)) {
        return QUERN_OK;
    }
    struct quern_value *codes = quern_node_input(dq, 0);
    /* Without zero points, only the types tell what the codes are. */
    enum quern_dtype type = quern_value_dtype(codes);
    if (type == QUERN_UNDEFINED || type != quern_value_dtype(y) ||
        quern_dtype_bits(type) > 16 || !qn_can_stand_for(y, codes)) {
        return QUERN_OK;
    }
    quern_pass_account(ctx, q, "gives back the codes of '%s'",
                       quern_node_name(dq));
    enum quern_code code = quern_replace_value(y, codes, true);
    return code == QUERN_OK ? quern_node_erase_dead(q) : code;
}

static enum quern_code clean(struct quern_pass_ctx *ctx,
                             struct quern_node *node,
                             const struct qdq_params *p)
{
    enum quern_code code = QUERN_OK;
    if (p->unused) {
        code = quern_node_erase_dead(node);
    }
    if (code == QUERN_OK && !quern_node_erased(node) && p->pairs &&
        is_q(node)) {
        code = drop_pair(ctx, node);
    }
    if (code == QUERN_OK && !quern_node_erased(node) &&
        (is_q(node) ? p->duplicates : p->share_dq)) {
        code = merge_into(ctx, node);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *node = quern_graph_first(graph);
    while (node != NULL && code == QUERN_OK) {
        if (!quern_node_erased(node) && (is_q(node) || is_dq(node))) {
            code = clean(ctx, node, params);
            quern_pass_rewrote(ctx, node);
        }
        /* An erased node still knows where it stood. */
        node = quern_node_next(node);
        while (node != NULL && quern_node_erased(node)) {
            node = quern_node_next(node);
        }
    }
    return code;
}

static const struct quern_option options[] = {
    {"duplicates", QUERN_OPTION_BOOL, offsetof(struct qdq_params, duplicates),
     0, 0, NULL, "merge equal QuantizeLinear nodes of one value"},
    {"share-dq", QUERN_OPTION_BOOL, offsetof(struct qdq_params, share_dq), 0, 0,
     NULL, "merge equal DequantizeLinear nodes of one value"},
    {"pairs", QUERN_OPTION_BOOL, offsetof(struct qdq_params, pairs), 0, 0, NULL,
     "drop a QuantizeLinear with the numbers of the DequantizeLinear in front"},
    {"unused", QUERN_OPTION_BOOL, offsetof(struct qdq_params, unused), 0, 0,
     NULL, "drop pairs that nothing reads"},
    {0},
};

static const struct qdq_params defaults = {
    .duplicates = true, .pairs = true, .unused = true};

const struct quern_pass_desc qn_pass_clean_qdq = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "clean-qdq",
    .summary = "merge equal QuantizeLinear nodes, drop pairs that change "
               "nothing or that nothing reads",
    .options = options,
    .params_size = sizeof(struct qdq_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "target",
};
