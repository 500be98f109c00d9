/* drop-expand: an Expand goes when all that reads it broadcasts: another
 * operand has the sizes that the Expand gave. Bit-exact. */
#include "builtin.h"
#include "common.h"

static bool broadcasts(const struct quern_node *node)
{
    static const char *const ops[] = {
        "Add",         "Sub",        "Mul",     "Div",  "Pow",
        "Mod",         "Equal",      "Greater", "Less", "GreaterOrEqual",
        "LessOrEqual", "And",        "Or",      "Xor",  "Where",
        "Max",         "Min",        "Sum",     "Mean", "BitwiseAnd",
        "BitwiseOr",   "BitwiseXor", NULL};
    return qn_is_one_of(node, ops) && *quern_node_domain(node) == '\0';
}

/* The size at an axis counted from the last; false: there is no such axis. */
static bool dim_from_end(const struct quern_value *v, int from_end,
                         struct quern_dim *out)
{
    int rank = quern_value_rank(v);
    if (from_end >= rank) {
        return false;
    }
    *out = quern_value_dims(v)[rank - 1 - from_end];
    return true;
}

/* Another operand of the node has this size there; for a 1 any size will do. */
static bool others_have(const struct quern_node *node,
                        const struct quern_value *y, int from_end,
                        struct quern_dim wanted)
{
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *other = quern_node_input(node, i);
        struct quern_dim dim;
        if (other != NULL && other != y &&
            dim_from_end(other, from_end, &dim) &&
            (wanted.value == 1 || quern_dim_equal(dim, wanted))) {
            return true;
        }
    }
    return false;
}

/* The node makes the same of x as of y, which x was expanded to. */
static bool takes(const struct quern_node *node, const struct quern_value *y,
                  const struct quern_value *x)
{
    for (int i = 0; i < quern_value_rank(y); i++) {
        struct quern_dim wanted;
        struct quern_dim dim;
        if (!dim_from_end(y, i, &wanted) ||
            (!(dim_from_end(x, i, &dim) && quern_dim_equal(dim, wanted)) &&
             !others_have(node, y, i, wanted))) {
            return false;
        }
    }
    return true;
}

static enum quern_code drop(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *y = quern_node_output(node, 0);
    (void)user;
    if (x == NULL || y == NULL || quern_value_rank(x) < 0 ||
        quern_value_rank(y) < 0 || quern_value_is_graph_output(y) ||
        quern_value_n_uses(y) == 0) {
        return QUERN_OK;
    }
    for (const struct quern_use *u = quern_value_first_use(y); u != NULL;
         u = quern_use_next(u)) {
        const struct quern_node *reader = quern_use_node(u);
        if (reader == NULL || !broadcasts(reader) || !takes(reader, y, x)) {
            return QUERN_OK;
        }
    }
    quern_pass_account(ctx, node, "its readers broadcast");
    enum quern_code code = quern_replace_uses(y, x, false);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Expand", NULL};
    (void)params;
    return quern_pass_each(ctx, graph, &(struct quern_each){.ops = ops}, drop,
                           NULL);
}

const struct quern_pass_desc qn_pass_drop_expand = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "drop-expand",
    .summary = "drop Expand in front of operators that broadcast",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
