/* unshare-weights: weights that several nodes read in ways that want different
 * quantization get a copy for each way: a table that Gather reads by rows and
 * MatMul by columns, a matrix that one Gemm reads transposed. In memory the
 * copies share their bytes until one of them changes. */
#include "builtin.h"
#include "common.h"

#include <string.h>

struct unshare_params {
    bool all;
};

/* How a node reads its weights: equal numbers, equal needs. 0: no need of its
 * own. */
static int64_t way_of(const struct quern_use *use)
{
    static const char *const ops[] = {"Conv", "ConvTranspose", "MatMul", NULL};
    const struct quern_node *node = quern_use_node(use);
    size_t input = quern_use_index(use);
    if (node == NULL) {
        return 0;
    }
    for (int i = 0; ops[i] != NULL; i++) {
        if (quern_node_is(node, ops[i]) && input < 2) {
            int64_t group = quern_node_is(node, "ConvTranspose")
                                ? quern_node_int(node, "group", 1)
                                : 1;
            return 1 + (i * 2 + (int)input) + 100 * group;
        }
    }
    if (quern_node_is(node, "Gemm") && input < 2) {
        const char *turned = input == 0 ? "transA" : "transB";
        return 10 + (int64_t)input * 2 + quern_node_int(node, turned, 0);
    }
    if (quern_node_is(node, "Gather") && input == 0) {
        return 20 + quern_node_int(node, "axis", 0);
    }
    if (quern_node_is(node, "LSTM") || quern_node_is(node, "GRU") ||
        quern_node_is(node, "RNN")) {
        return 40 + (int64_t)input;
    }
    return 0;
}

/* Uses move from list to list while this walks: a copy of the list first. */
struct reader {
    struct quern_node *node;
    size_t input;
    int64_t way;
};

static enum quern_code copy_for(struct quern_pass_ctx *ctx,
                                struct quern_value *value,
                                struct reader *readers, size_t n, size_t first)
{
    struct quern_value *copy = NULL;
    int64_t way = readers[first].way;
    enum quern_code code =
        quern_constant_create(quern_value_graph(value), quern_value_name(value),
                              quern_value_constant(value), &copy);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, readers[first].node,
                           "reads a copy of '%s', '%s'",
                           quern_value_name(value), quern_value_name(copy));
    }
    for (size_t i = first; i < n && code == QUERN_OK; i++) {
        if (readers[i].node != NULL && readers[i].way == way) {
            code =
                quern_node_set_input(readers[i].node, readers[i].input, copy);
            readers[i].node = NULL;
        }
    }
    return code;
}

static enum quern_code unshare(struct quern_pass_ctx *ctx,
                               struct quern_value *value,
                               const struct unshare_params *p)
{
    size_t n = 0;
    size_t n_uses = quern_value_n_uses(value);
    struct reader *readers =
        quern_pass_alloc(ctx, (n_uses + 1) * sizeof *readers);
    if (readers == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (const struct quern_use *u = quern_value_first_use(value); u != NULL;
         u = quern_use_next(u)) {
        if (quern_use_node(u) != NULL) {
            int64_t way = way_of(u);
            readers[n] = (struct reader){quern_use_node(u), quern_use_index(u),
                                         p->all ? (int64_t)n + 1 : way};
            n++;
        }
    }
    /* The first way keeps the original, with those that have no need. */
    size_t first = 0;
    while (first < n && readers[first].way == 0) {
        first++;
    }
    int64_t kept = first < n ? readers[first].way : 0;
    enum quern_code code = QUERN_OK;
    for (size_t i = first; i < n && code == QUERN_OK; i++) {
        if (readers[i].node != NULL && readers[i].way != 0 &&
            readers[i].way != kept) {
            code = copy_for(ctx, value, readers, n, i);
        }
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct quern_value *next = NULL;
    enum quern_code code = QUERN_OK;
    for (struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL && code == QUERN_OK; v = next) {
        const struct quern_tensor *t = quern_value_constant(v);
        next = quern_value_next_initializer(v);
        if (t != NULL && quern_value_n_uses(v) > 1 &&
            quern_tensor_rank(t) >= 2 &&
            quern_dtype_is_float(quern_tensor_dtype(t))) {
            code = unshare(ctx, v, params);
        }
    }
    return code;
}

static const struct quern_option options[] = {
    {"all", QUERN_OPTION_BOOL, offsetof(struct unshare_params, all), 0, 0, NULL,
     "a copy for every reader, also where the ways of reading are the same"},
    {0},
};

const struct quern_pass_desc qn_pass_unshare_weights = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "unshare-weights",
    .summary = "give weights that are read in several ways a copy for each",
    .options = options,
    .params_size = sizeof(struct unshare_params),
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "target",
};
