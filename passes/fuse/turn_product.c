/* turn-products: of a MatMul by a constant first factor the second one becomes
 * the constant, as integer kernels want it: W X = (X^T W^T)^T. The Transposes
 * in front and behind are for move-transposes, which of several such products
 * in a row leaves the first and the last. Only what the target would quantize
 * and the recipe lets it. Real-exact. */
#include <quern/recipe.h>
#include <quern/target.h>

#include "builtin.h"
#include "common.h"
#include "kinds.h"

/* Smaller weights are not worth two Transposes. */
enum { LEAST_WEIGHTS = 4096 };

/* The constant that is turned; NULL: the node stays. */
static const struct quern_tensor *weights_of(const struct quern_node *node)
{
    const struct quern_value *x = quern_node_input(node, 1);
    const struct quern_tensor *w =
        quern_value_constant(quern_node_input(node, 0));
    return w != NULL && x != NULL && quern_value_constant(x) == NULL &&
                   quern_value_rank(x) >= 2 &&
                   quern_value_rank(x) <= QUERN_MAX_RANK &&
                   quern_tensor_dtype(w) == QUERN_FLOAT &&
                   quern_tensor_rank(w) == 2 &&
                   quern_tensor_len(w) >= LEAST_WEIGHTS
               ? w
               : NULL;
}

/* A new initializer, called as the old one is. */
static enum quern_code turn_weights(struct quern_pass_ctx *ctx,
                                    struct quern_node *node,
                                    struct quern_value **out)
{
    const struct quern_value *old = quern_node_input(node, 0);
    struct quern_tensor *turned = NULL;
    enum quern_code code = qn_permuted(ctx, quern_value_constant(old), 2,
                                       (const int64_t[2]){1, 0}, &turned);
    if (code == QUERN_OK) {
        code = quern_constant_create(quern_node_graph(node),
                                     quern_value_name(old), turned, out);
    }
    quern_tensor_release(&turned);
    return code;
}

/* The Add of one number a row of the product, which alone reads it.
 * @param out_bias  number of that input */
static struct quern_node *bias_behind(const struct quern_node *node, int rank,
                                      int64_t rows, size_t *out_bias)
{
    const struct quern_value *y = quern_node_output(node, 0);
    struct quern_node *add = quern_value_only_user(y);
    if (add == NULL || !quern_node_is(add, "Add") ||
        qn_has_old_broadcast(add)) {
        return NULL;
    }
    *out_bias = quern_node_input(add, 0) == y ? 1 : 0;
    const struct quern_tensor *t =
        quern_value_constant(quern_node_input(add, *out_bias));
    int n = t != NULL ? quern_tensor_rank(t) : 0;
    return n >= 2 && n <= rank && quern_tensor_len(t) == rows &&
                   quern_tensor_dims(t)[n - 2] == rows
               ? add
               : NULL;
}

/* It is a vector then, and the product has a new name. */
static enum quern_code turn_bias(struct quern_pass_ctx *ctx,
                                 struct quern_node *node,
                                 struct quern_node *add, size_t bias)
{
    const struct quern_value *old = quern_node_input(add, bias);
    struct quern_value *vector = NULL;
    int64_t len = 0;
    const float *values = qn_floats(ctx, old, &len);
    if (values == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code =
        qn_new_floats(ctx, quern_node_graph(node), quern_value_name(old),
                      values, 1, &len, &vector);
    if (code == QUERN_OK) {
        code = qn_replace_input(add, bias, vector);
    }
    return code == QUERN_OK ? qn_renew_output(node, false) : code;
}

static enum quern_code swap_last_axes(struct quern_node *transpose, int rank)
{
    int64_t perm[QUERN_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        perm[i] = i;
    }
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return quern_node_set_ints(transpose, "perm", perm, (size_t)rank);
}

/* The second factor, turned by a node in front of `node`. */
static enum quern_code turn_data(struct quern_node *node,
                                 struct quern_value **out)
{
    struct quern_value *in[1] = {quern_node_input(node, 1)};
    struct quern_node *transpose = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(in[0]), "_turned");
    enum quern_code code =
        quern_value_create(quern_node_graph(node), name, out);
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(node), node, "Transpose",
                                 name, in, 1, out, 1, &transpose);
    }
    return code == QUERN_OK ? swap_last_axes(transpose, quern_value_rank(in[0]))
                            : code;
}

static enum quern_code turn_factors(struct quern_pass_ctx *ctx,
                                    struct quern_node *node)
{
    struct quern_value *weights = NULL;
    struct quern_value *data = NULL;
    enum quern_code code = turn_weights(ctx, node, &weights);
    if (code == QUERN_OK) {
        code = turn_data(node, &data);
    }
    if (code == QUERN_OK) {
        code = qn_replace_input(node, 0, data);
    }
    return code == QUERN_OK ? quern_node_set_input(node, 1, weights) : code;
}

static enum quern_code turn(struct quern_pass_ctx *ctx, struct quern_node *node,
                            void *user)
{
    const struct quern_tensor *w = weights_of(node);
    struct quern_value *product[1] = {NULL};
    struct quern_node *back = NULL;
    size_t bias = 0;
    (void)user;
    if (w == NULL || !quern_pass_node_settings(ctx, node).quantize) {
        return QUERN_OK;
    }
    int rank = quern_value_rank(quern_node_input(node, 1));
    struct quern_node *add =
        bias_behind(node, rank, quern_tensor_dims(w)[0], &bias);
    quern_pass_account(ctx, node, "its weights are the second factor now");
    enum quern_code code = turn_factors(ctx, node);
    if (code == QUERN_OK && add != NULL) {
        code = turn_bias(ctx, node, add, bias);
    }
    if (code == QUERN_OK) {
        code = qn_insert_behind(add != NULL ? add : node, "Transpose",
                                "_turned", product, 1, &back);
    }
    return code == QUERN_OK ? swap_last_axes(back, rank) : code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct quern_target_op *op =
        quern_target_operator(quern_pass_target(ctx), "MatMul");
    static const char *const ops[] = {"MatMul", NULL};
    struct quern_each each = {.ops = ops, .with_constant = true};
    (void)params;
    return op != NULL && op->kind == QUERN_INTEGER_START
               ? quern_pass_each(ctx, graph, &each, turn, NULL)
               : QUERN_OK;
}

const struct quern_pass_desc qn_pass_turn_products = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "turn-products",
    .summary = "make constant first factors of MatMul the second ones, between "
               "two Transposes",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
