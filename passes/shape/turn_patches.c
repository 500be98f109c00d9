/* turn-patches: Conv -> Reshape [N, C, positions] -> Transpose [N, positions,
 * C], as patches become tokens, has its Transpose in front of the Reshape where
 * a mean over the channels follows: a norm that is spelled out.
 *
 * ONNX Runtime draws a Transpose through the operators of such a norm before it
 * looks for norms, and fuses it no more; it draws none through a Reshape. What
 * a Conv makes it turns while it puts blocks of channels in order
 * (ReorderOutput with channels_last). Moves data only. */
#include "builtin.h"
#include "common.h"

#include <string.h>

enum { N_GROUPS = 3 };

/* The Reshape makes one axis of all behind the second. */
static bool merges_positions(const struct quern_value *x,
                             const struct quern_value *y)
{
    int rank = quern_value_rank(x);
    if (rank <= N_GROUPS || rank > QUERN_MAX_RANK ||
        quern_value_rank(y) != N_GROUPS) {
        return false;
    }
    const struct quern_dim *from = quern_value_dims(x);
    const struct quern_dim *to = quern_value_dims(y);
    return quern_dim_equal(from[0], to[0]) && quern_dim_equal(from[1], to[1]) &&
           from[1].value > 0;
}

/* Positions where they are known, else what is left. */
static int64_t positions(const struct quern_value *y)
{
    struct quern_dim d = quern_value_dims(y)[2];
    return d.value > 0 ? d.value : -1;
}

/* The Conv, seen from the Transpose. */
static const struct quern_node *find_conv(const struct quern_node *transpose,
                                          struct quern_node **out_reshape)
{
    const int64_t *perm = NULL;
    size_t n = 0;
    struct quern_node *reshape =
        qn_single_producer(quern_node_input(transpose, 0), "Reshape");
    const struct quern_value *x =
        reshape != NULL ? quern_node_input(reshape, 0) : NULL;
    if (quern_node_attr_ints(transpose, "perm", &perm, &n) != QUERN_OK ||
        n != N_GROUPS || perm[0] != 0 || perm[1] != 2 || x == NULL ||
        quern_node_opset(transpose) < 5 ||
        quern_node_graph(reshape) != quern_node_graph(transpose)) {
        return NULL;
    }
    *out_reshape = reshape;
    /* Others may read it, as a Shape does. */
    const struct quern_node *conv = quern_value_producer(x);
    return conv != NULL && quern_node_is(conv, "Conv") ? conv : NULL;
}

static bool is_averaged(const struct quern_value *tokens)
{
    bool is = false;
    for (const struct quern_use *u = quern_value_first_use(tokens);
         u != NULL && !is; u = quern_use_next(u)) {
        const struct quern_node *node = quern_use_node(u);
        is = node != NULL && quern_node_is(node, "ReduceMean");
    }
    return is;
}

/* A Transpose of what the Conv makes, in front of the Reshape. */
static enum quern_code put_transpose(struct quern_node *transpose,
                                     struct quern_node *reshape,
                                     struct quern_value **out_turned)
{
    struct quern_value *x = quern_node_input(reshape, 0);
    struct quern_node *made = NULL;
    int64_t perm[QUERN_MAX_RANK] = {0};
    int rank = quern_value_rank(x);
    char name[512];
    for (int i = 1; i < rank; i++) {
        perm[i] = i + 1 < rank ? i + 1 : 1;
    }
    quern_name_extend(name, sizeof name, quern_value_name(x), "_turned");
    enum quern_code code =
        quern_value_create(quern_node_graph(reshape), name, out_turned);
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(reshape), reshape,
                                 "Transpose", "", &x, 1, out_turned, 1, &made);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_ints(made, "perm", perm, (size_t)rank);
    }
    return code == QUERN_OK
               ? quern_node_set_name(made, quern_node_name(transpose))
               : code;
}

static enum quern_code turn(struct quern_pass_ctx *ctx,
                            struct quern_node *transpose,
                            struct quern_node *reshape)
{
    struct quern_value *old = quern_node_output(reshape, 0);
    const struct quern_value *shape = quern_node_input(reshape, 1);
    struct quern_value *turned = NULL;
    struct quern_value *sizes = NULL;
    char name[512];
    const int64_t dims[N_GROUPS] = {0, positions(old),
                                    quern_value_dims(old)[1].value};
    quern_pass_account(ctx, transpose, "moved in front of '%s'",
                       quern_node_name(reshape));
    quern_name_extend(name, sizeof name, quern_value_name(shape), "_turned");
    enum quern_code code = put_transpose(transpose, reshape, &turned);
    if (code == QUERN_OK) {
        code = qn_new_ints(ctx, quern_node_graph(reshape), name, dims, N_GROUPS,
                           &sizes);
    }
    if (code == QUERN_OK) {
        code = quern_node_set_input(reshape, 0, turned);
    }
    struct quern_node *sizes_of =
        code == QUERN_OK ? quern_value_producer(shape) : NULL;
    if (code == QUERN_OK) {
        code = qn_replace_input(reshape, 1, sizes);
    }
    if (code == QUERN_OK && sizes_of != NULL) {
        code = quern_node_erase_dead(sizes_of);
    }
    if (code == QUERN_OK && quern_node_has_attr(reshape, "allowzero")) {
        code = quern_node_remove_attr(reshape, "allowzero");
    }
    if (code == QUERN_OK) {
        code =
            quern_node_set_output(reshape, 0, quern_node_output(transpose, 0));
    }
    if (code == QUERN_OK) {
        code = quern_node_erase(transpose);
    }
    return code == QUERN_OK ? quern_value_erase(old) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *transpose, void *user)
{
    struct quern_node *reshape = NULL;
    (void)user;
    if (find_conv(transpose, &reshape) == NULL ||
        quern_node_input(reshape, 1) == NULL ||
        !is_averaged(quern_node_output(transpose, 0))) {
        return QUERN_OK;
    }
    if (!merges_positions(quern_node_input(reshape, 0),
                          quern_node_output(reshape, 0))) {
        enum quern_code code = quern_pass_refuse(
            ctx, transpose,
            "the Reshape does more than to join the axes behind the channels, "
            "or their number is not known");
        return code == QUERN_NOT_FOUND ? QUERN_OK : code;
    }
    return turn(ctx, transpose, reshape);
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"Transpose", NULL};
    static const char *const makers[] = {"Reshape", NULL};
    struct quern_each each = {.ops = ops, .behind = makers};
    (void)params;
    return quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_turn_patches = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "turn-patches",
    .summary =
        "turn what a Conv makes in front of the Reshape that makes tokens "
        "of it, where a norm is spelled out behind",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "shape",
};
