/* raise-opset: the model to a higher opset, by really converting the operators
 * that changed; a node that cannot be converted is named and nothing is done.
 */
#include <quern/target.h>

#include "builtin.h"
#include "convert.h"

/* Where nobody asks for another one. */
enum { USUAL = 17 };

struct raise_params {
    int64_t opset;
};

static const struct qn_raise_step *const families[] = {
    qn_raise_activation, qn_raise_move,   qn_raise_reduce,
    qn_raise_resize,     qn_raise_layers,
};

/* The step of a node with the lowest version above `after`; NULL: none. */
static const struct qn_raise_step *next_step(const struct qn_raise *r,
                                             const struct quern_node *node,
                                             int64_t after)
{
    const struct qn_raise_step *best = NULL;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        for (const struct qn_raise_step *s = families[i]; s->op != NULL; s++) {
            if (s->since > after && s->since <= r->to &&
                (best == NULL || s->since < best->since) &&
                quern_node_is(node, s->op)) {
                best = s;
            }
        }
    }
    return best;
}

/* The operator is right, but the target does not have it at that opset. */
static void warn_of_lag(const struct qn_raise *r, const struct quern_node *node)
{
    const struct quern_target *target = quern_pass_target(r->ctx);
    int64_t until = quern_target_until(target, quern_node_op(node));
    if (r->from <= until && until < r->to) {
        struct quern_place place = quern_node_place(node);
        quern_warn(quern_pass_context(r->ctx), &place,
                   "'%s' has %s up to opset %lld, the model gets %lld",
                   target->name, quern_node_op(node), (long long)until,
                   (long long)r->to);
    }
}

/* Before 22 onnx infers a window more of a pool that rounds up than there is
 * where that would begin in the padding, and exporters write that down. */
static void look_at_pool(const struct qn_raise *r,
                         const struct quern_node *node)
{
    static const char *const pools[] = {"AveragePool", "MaxPool", "LpPool",
                                        NULL};
    if (r->from < 22 && r->to >= 22 && qn_is_one_of(node, pools) &&
        quern_node_int(node, "ceil_mode", 0) != 0) {
        *r->info_fails = true;
    }
}

static enum quern_code raise_node(const struct qn_raise *r,
                                  struct quern_node *node)
{
    enum quern_code code = QUERN_OK;
    int64_t at = r->from;
    warn_of_lag(r, node);
    look_at_pool(r, node);
    while (code == QUERN_OK) {
        /* Looked for anew: a step may change the operator. */
        const struct qn_raise_step *step = next_step(r, node, at);
        if (step == NULL) {
            break;
        }
        at = step->since;
        code = step->raise(r, node);
        if (code == QUERN_OK) {
            quern_pass_account(r->ctx, node, "converted to opset %lld",
                               (long long)at);
        }
    }
    return code;
}

static enum quern_code raise_graph(const struct qn_raise *r,
                                   struct quern_graph *graph)
{
    enum quern_code code = QUERN_OK;
    struct quern_node *next = NULL;
    for (struct quern_node *n = quern_graph_first(graph);
         n != NULL && code == QUERN_OK; n = next) {
        next = quern_node_next(n);
        if (*quern_node_domain(n) == '\0') {
            code = raise_node(r, n);
        }
        for (size_t i = 0; i < quern_node_n_subgraphs(n) && code == QUERN_OK;
             i++) {
            code = raise_graph(r, quern_node_subgraph(n, i));
        }
    }
    return code;
}

/* What the file says of values inside, and wrongly of outputs: onnx's checker
 * takes that no more. */
static enum quern_code drop_sizes(struct quern_pass_ctx *ctx)
{
    struct quern_model *model = quern_pass_model(ctx);
    enum quern_code code = quern_model_strip(model, QUERN_STRIP_VALUE_INFO);
    uint64_t n_edits = quern_model_n_edits(model);
    if (code == QUERN_OK) {
        code = quern_model_strip(model, QUERN_STRIP_WRONG_SIZES);
    }
    if (code == QUERN_OK && quern_model_n_edits(model) > n_edits) {
        quern_pass_account(ctx, NULL,
                           "outputs declared sizes that they do not have: put "
                           "right");
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    const struct raise_params *p = params;
    struct quern_model *model = quern_pass_model(ctx);
    bool info_fails = false;
    struct qn_raise r = {.ctx = ctx,
                         .from = quern_model_opset(model, ""),
                         .to = p->opset,
                         .info_fails = &info_fails};
    int64_t most = quern_pass_target(ctx)->opset_maximum;
    if (p->opset == USUAL && r.to > most) {
        r.to = most; /* a wish of the user's own stands */
    }
    if (r.from >= r.to || r.from == 0) {
        return QUERN_OK;
    }
    if (r.from < QN_LOWEST_OPSET) {
        return quern_fail(quern_pass_context(ctx), QUERN_UNSUPPORTED, NULL,
                          "opset %lld is below %d, the lowest that is raised",
                          (long long)r.from, QN_LOWEST_OPSET);
    }
    enum quern_code code = raise_graph(&r, graph);
    if (code == QUERN_OK) {
        quern_pass_account(ctx, NULL, "opset %lld raised to %lld",
                           (long long)r.from, (long long)r.to);
        code = quern_model_set_opset(model, "", r.to);
    }
    return code == QUERN_OK && info_fails ? drop_sizes(ctx) : code;
}

static const struct quern_option options[] = {
    {"opset", QUERN_OPTION_INT, offsetof(struct raise_params, opset),
     QN_LOWEST_OPSET, QN_HIGHEST_OPSET, NULL,
     "opset to raise the model to; higher ones are left. Left as it is, never "
     "above what the target takes"},
    {0},
};

static const struct raise_params defaults = {USUAL};

const struct quern_pass_desc qn_pass_raise_opset = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "raise-opset",
    .summary = "raise the model's opset by converting its operators",
    .options = options,
    .params_size = sizeof(struct raise_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS | QUERN_PASS_NEEDS_SHAPES,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "convert",
};
