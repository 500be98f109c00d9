/* lift-initializers: initializers of the bodies of If, Loop and Scan move to
 * the top graph, which the bodies see too, so that merge-equal finds equal ones
 * in several bodies. Small ones stay where they are read. Bit-exact. */
#include "builtin.h"
#include "common.h"

struct lift_params {
    int64_t min_bytes;
};

/* Bodies may have the same name for different things, and a look for who else
 * has it goes through the whole model: the new one keeps what it is given. */
static enum quern_code lift(struct quern_graph *top, struct quern_value *old)
{
    struct quern_value *value = NULL;
    enum quern_code code = quern_constant_create(
        top, quern_value_name(old), quern_value_constant(old), &value);
    if (code == QUERN_OK) {
        code = quern_replace_uses(old, value, true);
    }
    return code == QUERN_OK ? quern_value_erase(old) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    const struct lift_params *p = user;
    struct quern_graph *top = quern_model_graph(quern_pass_model(ctx));
    enum quern_code code = QUERN_OK;
    size_t n = 0;
    for (size_t i = 0; i < quern_node_n_subgraphs(node) && code == QUERN_OK;
         i++) {
        struct quern_value *next = NULL;
        for (struct quern_value *v =
                 quern_graph_first_initializer(quern_node_subgraph(node, i));
             v != NULL && code == QUERN_OK; v = next) {
            const struct quern_tensor *t = quern_value_constant(v);
            next = quern_value_next_initializer(v);
            /* An output of a body must be its own. */
            if (t != NULL && !quern_value_is_graph_output(v) &&
                quern_value_n_uses(v) > 0 &&
                quern_tensor_size(t) >= (size_t)p->min_bytes) {
                code = lift(top, v);
                n++;
            }
        }
    }
    if (code == QUERN_OK && n > 0) {
        quern_pass_account(ctx, node, "%zu initializers moved to the top graph",
                           n);
    }
    return code;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct lift_params p = *(const struct lift_params *)params;
    return qn_each_holder(ctx, graph, visit, &p);
}

static const struct lift_params defaults = {.min_bytes = 1024};
static const struct quern_option options[] = {
    {"min-bytes", QUERN_OPTION_INT, offsetof(struct lift_params, min_bytes), 0,
     1e15, NULL, "smallest initializer that is moved, in bytes"},
    {0},
};

const struct quern_pass_desc qn_pass_lift_initializers = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "lift-initializers",
    .summary = "move initializers of bodies to the top graph, where equal ones "
               "are merged",
    .options = options,
    .params_size = sizeof(struct lift_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
