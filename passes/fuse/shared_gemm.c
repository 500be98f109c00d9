/* fuse-shared-gemm: of several MatMul + Add of one tensor with three axes or
 * more, a Reshape behind each, as queries, keys and values are split into
 * heads, each becomes a Gemm of all rows; one Reshape makes these. So does a
 * single one where the tensor comes from a Reshape or its kin, which takes that
 * Reshape in. Real-exact. */
#include "builtin.h"
#include "common.h"
#include "fuse/linear.h"

enum { MOST_USES = 64, MOST_LAYERS = 16 };

/** y = Reshape(Add(MatMul(x, w), b)). */
struct layer {
    struct quern_node *product, *add;
    struct quern_value *w, *b;
};

/* A Reshape to sizes that do not depend on the axes of what it reads. */
static bool is_reshape(const struct quern_node *node,
                       const struct quern_value *x)
{
    int64_t to[QUERN_MAX_RANK];
    int n = node != NULL && quern_node_is(node, "Reshape") &&
                    quern_node_n_inputs(node) == 2 &&
                    quern_node_input(node, 0) == x
                ? qn_int_values(quern_node_input(node, 1), QUERN_MAX_RANK, to)
                : 0;
    for (int i = 0; i < n; i++) {
        if (to[i] == 0) {
            return false;
        }
    }
    return n > 0;
}

static bool read_layer(struct quern_node *product, const struct quern_value *x,
                       struct layer *out)
{
    const struct quern_value *m = quern_node_output(product, 0);
    struct quern_node *add = quern_value_only_user(m);
    if (!quern_node_is(product, "MatMul") ||
        quern_node_input(product, 0) != x || add == NULL ||
        !quern_node_is(add, "Add") ||
        quern_node_graph(add) != quern_node_graph(product)) {
        return false;
    }
    size_t other = quern_node_input(add, 0) == m ? 1 : 0;
    *out = (struct layer){product, add, quern_node_input(product, 1),
                          quern_node_input(add, other)};
    const struct quern_value *sum = quern_node_output(add, 0);
    const struct quern_node *reshape = quern_value_only_user(sum);
    return qn_is_gemm(out->w, out->b) && is_reshape(reshape, sum) &&
           quern_node_graph(reshape) == quern_node_graph(product);
}

/* The layers that read x, where `first` is the one of them that the graph has
 * first. */
static size_t find_layers(const struct quern_node *first,
                          const struct quern_value *x, struct layer *out)
{
    size_t n = 0;
    if (quern_value_n_uses(x) > MOST_USES) {
        return 0;
    }
    for (const struct quern_use *u = quern_value_first_use(x);
         u != NULL && n < MOST_LAYERS; u = quern_use_next(u)) {
        struct quern_node *node = quern_use_node(u);
        if (node != NULL && quern_use_index(u) == 0 &&
            quern_node_graph(node) == quern_node_graph(first) &&
            read_layer(node, x, &out[n])) {
            n++;
        }
    }
    return n;
}

/* What makes x for this layer alone only says how its axes are counted. */
static bool is_counted_anew(const struct quern_value *x)
{
    return qn_single_producer(x, "Reshape") != NULL ||
           qn_single_producer(x, "Unsqueeze") != NULL ||
           qn_single_producer(x, "Squeeze") != NULL;
}

/* x as rows, in front of a node. */
static enum quern_code put_rows(struct quern_pass_ctx *ctx,
                                struct quern_node *before,
                                struct quern_value *x, int64_t n_in,
                                struct quern_value **out)
{
    struct quern_graph *graph = quern_node_graph(before);
    struct quern_value *in[2] = {x, NULL};
    struct quern_node *made = NULL;
    char name[512];
    quern_name_extend(name, sizeof name, quern_value_name(x), "_rows");
    enum quern_code code =
        qn_new_ints(ctx, graph, name, (const int64_t[2]){-1, n_in}, 2, &in[1]);
    if (code == QUERN_OK) {
        code = quern_value_create(graph, name, out);
    }
    return code == QUERN_OK ? quern_node_create(graph, before, "Reshape", name,
                                                in, 2, out, 1, &made)
                            : code;
}

/* The Gemm stands where the Add stood, behind what makes the bias. */
static enum quern_code become_gemm(struct quern_pass_ctx *ctx,
                                   const struct layer *layer,
                                   struct quern_value *rows)
{
    struct quern_value *in[3] = {rows, layer->w, layer->b};
    struct quern_value *y = quern_node_output(layer->add, 0);
    struct quern_node *node = NULL;
    quern_pass_account(ctx, layer->product, "Gemm of all rows with '%s'",
                       quern_node_name(layer->add));
    enum quern_code code = quern_node_set_output(layer->add, 0, NULL);
    if (code == QUERN_OK) {
        code = quern_node_create(quern_node_graph(layer->product), layer->add,
                                 "Gemm", quern_node_name(layer->product), in, 3,
                                 &y, 1, &node);
    }
    if (code == QUERN_OK) { /* of other axes, so not the value it was */
        code = qn_renew_output(node, false);
    }
    return code == QUERN_OK ? quern_node_erase_dead(layer->add) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    struct layer layers[MOST_LAYERS];
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *rows = NULL;
    (void)user;
    if (x == NULL || quern_value_rank(x) < 3 || !read_layer(node, x, layers)) {
        return QUERN_OK;
    }
    size_t n = find_layers(node, x, layers);
    if (n == 0 || (n == 1 && !is_counted_anew(x))) {
        return QUERN_OK;
    }
    int64_t n_in = quern_tensor_dims(quern_value_constant(layers[0].w))[0];
    enum quern_code code =
        n_in > 0 ? put_rows(ctx, node, x, n_in, &rows) : QUERN_OK;
    for (size_t i = 0; i < n && code == QUERN_OK && rows != NULL; i++) {
        code = become_gemm(ctx, &layers[i], rows);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    static const char *const ops[] = {"MatMul", NULL};
    struct quern_each each = {.ops = ops, .with_constant = true};
    (void)params;
    return quern_model_opset(quern_pass_model(ctx), "") < 7 ||
                   qn_target_lacks(ctx, "Gemm")
               ? QUERN_OK
               : quern_pass_each(ctx, graph, &each, visit, NULL);
}

const struct quern_pass_desc qn_pass_fuse_shared_gemm = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "fuse-shared-gemm",
    .summary = "Gemm of all rows from each MatMul and Add of one tensor, where "
               "Reshapes follow, or of one between two Reshapes",
    .flags = QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_REAL_EXACT,
    .run = run,
    .group = "fuse",
};
