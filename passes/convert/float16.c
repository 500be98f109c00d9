/* to-float16: float tensors become float16 or bfloat16, but for what an
 * operator, an override or its numbers keep in float32. */
#include "convert/float16.h"

#include "builtin.h"

#include <string.h>

enum { MOST_KINDS = 24 };

static const double most_of[] = {65504.0, 3.3895313892515355e38};
/* Below 2^-18 a float16 has no more than six bits. */
static const double least_of[] = {3.814697265625e-06, 0.0};

/* ---------------------------------------------------------------- set up */

static bool is_wide(const struct qn_half *h, const struct quern_value *v)
{
    enum quern_dtype dtype = quern_value_dtype(v);
    return quern_value_kind(v) == QUERN_KIND_TENSOR &&
           (dtype == QUERN_FLOAT ||
            (dtype == QUERN_DOUBLE && h->params->doubles));
}

static void flag(struct qn_half *h, const struct quern_value *v)
{
    if (v != NULL && is_wide(h, v)) {
        qn_half_mark(h, v, QN_HALF_WIDE);
        if (quern_value_dtype(v) == QUERN_DOUBLE) {
            qn_half_mark(h, v, QN_HALF_DOUBLE);
        }
    }
}

static void flag_graph(struct qn_half *h, const struct quern_graph *graph)
{
    for (size_t i = 0; i < quern_graph_n_inputs(graph); i++) {
        flag(h, quern_graph_input(graph, i));
    }
    for (const struct quern_value *v = quern_graph_first_initializer(graph);
         v != NULL; v = quern_value_next_initializer(v)) {
        flag(h, v);
    }
}

/* Places are counted where NULL stands for the arrays. */
static enum quern_code count_node(struct qn_half *h, struct quern_node *node)
{
    h->base[quern_node_id(node)] = h->n_all;
    h->n_all += (uint32_t)quern_node_n_inputs(node);
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        flag(h, quern_node_output(node, i));
    }
    for (size_t i = 0; i < quern_node_n_subgraphs(node); i++) {
        flag_graph(h, quern_node_subgraph(node, i));
    }
    return QUERN_OK;
}

static enum quern_code set_up(struct qn_half *h)
{
    struct quern_graph *graph = quern_model_graph(h->model);
    h->n_values = quern_model_n_value_ids(h->model);
    h->n_nodes = quern_model_n_node_ids(h->model);
    h->n_all = h->n_values;
    h->base = quern_pass_alloc(h->ctx, (h->n_nodes + 1) * sizeof *h->base);
    h->flags = quern_pass_alloc(h->ctx, (h->n_values + 1) * sizeof *h->flags);
    if (h->base == NULL || h->flags == NULL) {
        return QUERN_NO_MEMORY;
    }
    flag_graph(h, graph);
    enum quern_code code = qn_half_each(h, graph, false, count_node);
    size_t n = h->n_all + 1;
    h->up = quern_pass_alloc(h->ctx, n * sizeof *h->up);
    h->n_places = quern_pass_alloc(h->ctx, n * sizeof *h->n_places);
    h->reason = quern_pass_alloc(h->ctx, n * sizeof(const char *));
    if (h->up == NULL || h->n_places == NULL || h->reason == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (uint32_t i = 0; i < n; i++) {
        h->up[i] = i;
        h->n_places[i] = 1;
    }
    return code;
}

/* A Cast from float to float would pull apart what belongs together. */
static enum quern_code drop_idle(struct qn_half *h, struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    struct quern_value *y = quern_node_output(node, 0);
    if (!quern_node_is(node, "Cast") || x == NULL || y == NULL ||
        quern_value_kind(x) != QUERN_KIND_TENSOR || !is_wide(h, x) ||
        (int64_t)quern_value_dtype(x) != quern_node_int(node, "to", 0) ||
        !qn_can_stand_for(y, x)) {
        return QUERN_OK;
    }
    enum quern_code code = quern_replace_value(y, x, true);
    return code == QUERN_OK ? quern_node_erase_dead(node) : code;
}

/* --------------------------------------------------------------- account */

struct kind {
    const char *op;
    const char *why;
    size_t n;
};

struct tally {
    struct kind kinds[MOST_KINDS];
    size_t n_kinds;
    size_t n_more;
    size_t n_narrow;
    size_t n_wide;
};

static void tally_kind(struct tally *t, const struct quern_node *node,
                       const char *why)
{
    size_t i = 0;
    while (i < t->n_kinds &&
           (strcmp(t->kinds[i].op, quern_node_op(node)) != 0 ||
            strcmp(t->kinds[i].why, why) != 0)) {
        i++;
    }
    if (i == MOST_KINDS) {
        t->n_more++;
        return;
    }
    if (i == t->n_kinds) {
        t->kinds[t->n_kinds++] = (struct kind){quern_node_op(node), why, 0};
    }
    t->kinds[i].n++;
}

static bool has_wide(const struct qn_half *h, const struct quern_node *node)
{
    bool any = false;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        any = any || qn_half_wide(h, quern_node_input(node, i));
    }
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        any = any || qn_half_wide(h, quern_node_output(node, i));
    }
    return any;
}

static enum quern_code tell_node(struct qn_half *h, struct quern_node *node)
{
    struct tally *t = h->tally;
    if (!has_wide(h, node) || quern_node_is(node, "Constant")) {
        return QUERN_OK;
    }
    const char *why = qn_half_why_node(h, node);
    if (why == NULL) {
        t->n_narrow++;
        return QUERN_OK;
    }
    t->n_wide++;
    tally_kind(t, node, why);
    quern_pass_account(h->ctx, node, "stays %s: %s",
                       quern_dtype_name(QUERN_FLOAT), why);
    return QUERN_OK;
}

static enum quern_code tell(struct qn_half *h)
{
    struct tally tally = {0};
    h->tally = &tally;
    enum quern_code code =
        qn_half_each(h, quern_model_graph(h->model), false, tell_node);
    if (code != QUERN_OK || tally.n_narrow + tally.n_wide == 0) {
        return code;
    }
    quern_pass_account(h->ctx, NULL, "%zu of %zu nodes with floats in %s",
                       tally.n_narrow, tally.n_narrow + tally.n_wide,
                       quern_dtype_name(h->narrow));
    for (size_t i = 0; i < tally.n_kinds; i++) {
        quern_pass_account(h->ctx, NULL, "%zu %s in float32: %s",
                           tally.kinds[i].n, tally.kinds[i].op,
                           tally.kinds[i].why);
    }
    if (tally.n_more > 0) {
        quern_pass_account(h->ctx, NULL, "%zu more nodes in float32",
                           tally.n_more);
    }
    return QUERN_OK;
}

/* ------------------------------------------------------------------- run */

static enum quern_code check(struct qn_half *h)
{
    int64_t opset = quern_model_opset(h->model, "");
    if (h->narrow == QUERN_BFLOAT16 && opset < 13) {
        return quern_fail(quern_pass_context(h->ctx), QUERN_UNSUPPORTED, NULL,
                          "bfloat16 needs opset 13, the model has %lld: raise "
                          "it first (raise-opset, --opset)",
                          (long long)opset);
    }
    return QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct qn_half_params p = *(const struct qn_half_params *)params;
    struct qn_half h = {
        .ctx = ctx,
        .model = quern_graph_model(graph),
        .params = &p,
        .narrow = p.type == 0 ? QUERN_FLOAT16 : QUERN_BFLOAT16,
        .most = most_of[p.type],
        .least = least_of[p.type],
        .on_outputs = p.keep_io ? "it is an output of the model" : NULL,
    };
    /* The largest float is beyond bfloat16 by a rounding. */
    p.overflow = h.narrow == QUERN_BFLOAT16 ? 1 : p.overflow;
    enum quern_code code = check(&h);
    if (code != QUERN_OK || quern_model_opset(h.model, "") == 0) {
        return code; /* no operators of ONNX, no Casts */
    }
    code = qn_half_each(&h, graph, false, drop_idle);
    if (code == QUERN_OK) {
        code = set_up(&h);
    }
    if (code == QUERN_OK) {
        code = qn_half_join(&h);
    }
    if (code == QUERN_OK) {
        code = qn_half_measure(&h);
    }
    if (code == QUERN_OK) {
        code = qn_half_decide(&h);
    }
    if (code == QUERN_OK) {
        code = tell(&h);
    }
    return code == QUERN_OK ? qn_half_write(&h) : code;
}

static const char *const types[] = {"float16", "bfloat16", NULL};
static const char *const overflows[] = {"keep", "clamp", NULL};

static const struct quern_option options[] = {
    {"type", QUERN_OPTION_ENUM, offsetof(struct qn_half_params, type), 0, 0,
     types, "what floats become; bfloat16 needs opset 13"},
    {"keep-io", QUERN_OPTION_BOOL, offsetof(struct qn_half_params, keep_io), 0,
     0, NULL, "inputs and outputs of the model stay as they are"},
    {"double", QUERN_OPTION_BOOL, offsetof(struct qn_half_params, doubles), 0,
     0, NULL, "doubles become narrow too"},
    {"qdq", QUERN_OPTION_BOOL, offsetof(struct qn_half_params, qdq), 0, 0, NULL,
     "scales of QuantizeLinear and DequantizeLinear too where the opset takes "
     "them (19 on), and what stands between the two"},
    {"overflow", QUERN_OPTION_ENUM, offsetof(struct qn_half_params, overflow),
     0, 0, overflows,
     "constants beyond the type's range: what reads them stays float32 (keep), "
     "or they become its largest number (clamp)"},
    {"samples", QUERN_OPTION_INT, offsetof(struct qn_half_params, samples), 1,
     1e9, NULL,
     "how many samples of the data are measured, where data is given"},
    {"block", QUERN_OPTION_STRINGS, offsetof(struct qn_half_params, block), 0,
     0, NULL, "operators that stay float32, besides those that always do"},
    {"unblock", QUERN_OPTION_STRINGS, offsetof(struct qn_half_params, unblock),
     0, 0, NULL, "operators that need not stay: taken off the built-in list"},
    {0},
};

static const struct qn_half_params defaults = {.samples = 64};

const struct quern_pass_desc qn_pass_to_float16 = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "to-float16",
    .summary = "float16 or bfloat16 in the place of float32, with Casts where "
               "operators or numbers forbid it",
    .options = options,
    .params_size = sizeof(struct qn_half_params),
    .params_default = &defaults,
    .flags =
        QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_INTERFACE,
    .contract = QUERN_CHANGES_PRECISION,
    .run = run,
    .group = "convert",
};
