/* unroll-loops: a Loop or Scan that runs a known number of times becomes its
 * body that often, one after the other. The condition of a Loop must be true at
 * each turn: a constant, or the one that came in; of what a Scan goes along,
 * each turn gathers its part. Values that the turns collect are joined behind.
 * On request only: a model grows by it. Inner loops first; bodies that are left
 * in the body are copied. One with random numbers stays: their generator would
 * begin anew at each turn. Bit-exact: the nodes are the same.
 */
#include "builtin.h"
#include "clean/unroll.h"
#include "common.h"

/* ------------------------------------------------------------- one turn */

/* What a value of the body is outside, at this turn. */
static enum quern_code outside(void *user, struct quern_value *v,
                               struct quern_value **out)
{
    struct qn_loop *l = user;
    *out = v;
    if (v == NULL || quern_value_graph(v) != l->body) {
        return QUERN_OK;
    }
    struct quern_value **at = &l->map[quern_value_id(v)];
    enum quern_code code = QUERN_OK;
    if (*at == NULL && quern_value_constant(v) != NULL &&
        quern_value_producer(v) == NULL) {
        code = quern_constant_create(quern_node_graph(l->node),
                                     quern_value_name(v),
                                     quern_value_constant(v), at);
    }
    *out = *at;
    return code;
}

/* Copy a node of the body in front of the Loop. */
static enum quern_code copy_node(struct qn_loop *l,
                                 const struct quern_node *from, int64_t turn)
{
    struct quern_graph *graph = quern_node_graph(l->node);
    size_t n_in = quern_node_n_inputs(from);
    size_t n_out = quern_node_n_outputs(from);
    struct quern_value **in = quern_pass_alloc(
        l->ctx, (n_in + n_out + 1) * sizeof(struct quern_value *));
    struct quern_value **out = in != NULL ? in + n_in : NULL;
    struct quern_node *node = NULL;
    char name[512];
    enum quern_code code = in != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    for (size_t i = 0; i < n_in && code == QUERN_OK; i++) {
        code = outside(l, quern_node_input(from, i), &in[i]);
    }
    for (size_t i = 0; i < n_out && code == QUERN_OK; i++) {
        struct quern_value *v = quern_node_output(from, i);
        out[i] = NULL;
        if (v != NULL) {
            quern_name_extend(name, sizeof name, quern_value_name(v),
                              "_turn%lld", (long long)turn);
            code = quern_value_create(graph, name, &out[i]);
            l->map[quern_value_id(v)] = out[i];
        }
    }
    if (code == QUERN_OK) {
        name[0] = '\0';
        if (*quern_node_name(from) != '\0') {
            quern_name_extend(name, sizeof name, quern_node_name(from),
                              "_turn%lld", (long long)turn);
        }
        code = quern_node_create_like(graph, l->node, from, name, in, n_in, out,
                                      n_out, &node);
    }
    for (size_t i = 0; i < quern_node_n_attrs(from) && code == QUERN_OK; i++) {
        code = quern_node_copy_graphs(node, from, quern_node_attr_name(from, i),
                                      outside, l);
    }
    return code;
}

/* A number of this turn, of the rank of the body's input. */
static enum quern_code new_number(struct qn_loop *l, size_t input,
                                  enum quern_dtype type, int64_t number)
{
    struct quern_value *v = quern_graph_input(l->body, input);
    struct quern_tensor *t = NULL;
    static const int64_t one[1] = {1};
    if (quern_value_n_uses(v) == 0 && !quern_value_is_graph_output(v)) {
        return QUERN_OK;
    }
    enum quern_code code =
        quern_tensor_create(quern_pass_context(l->ctx), type,
                            quern_value_rank(v) == 1 ? 1 : 0, one, &t);
    if (code != QUERN_OK) {
        return code;
    }
    if (type == QUERN_INT64) {
        *(int64_t *)quern_tensor_data_mut(t) = number;
    } else {
        *(unsigned char *)quern_tensor_data_mut(t) = number != 0;
    }
    code = quern_constant_create(quern_node_graph(l->node), quern_value_name(v),
                                 t, &l->map[quern_value_id(v)]);
    quern_tensor_release(&t);
    return code;
}

static enum quern_code add_node(struct qn_loop *l, const char *op,
                                const char *name, struct quern_value **in,
                                size_t n_in, struct quern_value **out)
{
    struct quern_graph *graph = quern_node_graph(l->node);
    struct quern_node *node = NULL;
    enum quern_code code = quern_value_create(graph, name, out);
    return code == QUERN_OK ? quern_node_create(graph, l->node, op, name, in,
                                                n_in, out, 1, &node)
                            : code;
}

/* What a Scan reads of its inputs at a turn. */
static enum quern_code gather(struct qn_loop *l, int64_t turn)
{
    enum quern_code code = QUERN_OK;
    for (size_t i = 0; i < l->n_scanned && code == QUERN_OK; i++) {
        const struct quern_value *v =
            quern_graph_input(l->body, l->n_carried + i);
        struct quern_value *in[2] = {
            quern_node_input(l->node, l->n_carried + i), NULL};
        bool back = qn_scan_listed(l, "scan_input_directions", i) != 0;
        int64_t at = back ? l->turns - 1 - turn : turn;
        struct quern_value **out = &l->map[quern_value_id(v)];
        if (!qn_is_read(v)) {
            continue;
        }
        code = qn_new_ints(l->ctx, quern_node_graph(l->node), "unrolled_turn",
                           &at, -1, &in[1]);
        if (code == QUERN_OK) {
            code = add_node(l, "Gather", quern_value_name(v), in, 2, out);
        }
        if (code == QUERN_OK) {
            code = quern_node_set_int(quern_value_producer(*out), "axis",
                                      qn_scan_listed(l, "scan_input_axes", i));
        }
    }
    return code;
}

static enum quern_code begin_turn(struct qn_loop *l, int64_t turn)
{
    if (l->is_scan) {
        return gather(l, turn);
    }
    enum quern_code code = new_number(l, 0, QUERN_INT64, turn);
    return code == QUERN_OK && turn == 0 ? new_number(l, 1, QUERN_BOOL, 1)
                                         : code;
}

static enum quern_code run_turn(struct qn_loop *l, int64_t turn)
{
    enum quern_code code = begin_turn(l, turn);
    for (size_t i = 0; i < l->n_carried; i++) {
        l->map[quern_value_id(quern_graph_input(l->body, i + l->first_in))] =
            l->state[i];
    }
    for (const struct quern_node *n = quern_graph_first(l->body);
         n != NULL && code == QUERN_OK; n = quern_node_next(n)) {
        code = copy_node(l, n, turn);
    }
    for (size_t i = 0; i < l->n_outputs && code == QUERN_OK; i++) {
        struct quern_value *v = NULL;
        code = outside(l, quern_graph_output(l->body, i + l->first_out), &v);
        if (i < l->n_carried) {
            l->state[i] = v;
        } else {
            l->parts[(i - l->n_carried) * (size_t)l->turns + (size_t)turn] = v;
        }
    }
    return code;
}

/* ------------------------------------------------------- what comes behind */

/* The values of all turns, collected output k, along a new axis: the first one,
 * but for a Scan that says otherwise. */
static enum quern_code collect(struct qn_loop *l, const char *name, size_t k,
                               struct quern_value **out)
{
    struct quern_value **parts = l->parts + k * (size_t)l->turns;
    const int64_t axis[1] = {qn_scan_listed(l, "scan_output_axes", k)};
    bool back = qn_scan_listed(l, "scan_output_directions", k) != 0;
    enum quern_code code = QUERN_OK;
    bool has_input = quern_model_opset(quern_pass_model(l->ctx), "") >= 13;
    struct quern_value *axes = NULL;
    if (has_input) {
        code = qn_new_ints(l->ctx, quern_node_graph(l->node), "unrolled_axes",
                           axis, 1, &axes);
    }
    for (int64_t i = 0; i < l->turns && code == QUERN_OK; i++) {
        struct quern_value *in[2] = {parts[i], axes};
        code = add_node(l, "Unsqueeze", name, in, has_input ? 2 : 1, &parts[i]);
        if (code == QUERN_OK && !has_input) {
            code = quern_node_set_ints(quern_value_producer(parts[i]), "axes",
                                       axis, 1);
        }
    }
    for (int64_t i = 0; back && i < l->turns / 2; i++) {
        struct quern_value *other = parts[i];
        parts[i] = parts[l->turns - 1 - i];
        parts[l->turns - 1 - i] = other;
    }
    *out = parts[0];
    if (code == QUERN_OK && l->turns > 1) {
        code = add_node(l, "Concat", name, parts, (size_t)l->turns, out);
        if (code == QUERN_OK) {
            code =
                quern_node_set_int(quern_value_producer(*out), "axis", axis[0]);
        }
    }
    return code;
}

static enum quern_code finish(struct qn_loop *l)
{
    struct quern_value **all = quern_pass_alloc(
        l->ctx, (l->n_outputs + 1) * sizeof(struct quern_value *));
    enum quern_code code = all != NULL ? QUERN_OK : QUERN_NO_MEMORY;
    size_t n = quern_node_n_outputs(l->node);
    for (size_t i = 0; i < n && code == QUERN_OK; i++) {
        const struct quern_value *y = quern_node_output(l->node, i);
        all[i] = i < l->n_carried ? l->state[i] : NULL;
        if (i >= l->n_carried && qn_is_read(y)) {
            code = collect(l, quern_value_name(y), i - l->n_carried, &all[i]);
        }
    }
    if (code == QUERN_OK) {
        code = qn_replace_outputs(l->node, all, n);
    }
    return code == QUERN_OK ? quern_node_erase(l->node) : code;
}

/* ------------------------------------------------------------------- pass */

/* Memory for the work; ids of values made meanwhile are not looked up. */
static enum quern_code prepare(struct qn_loop *l)
{
    size_t n_parts = (l->n_outputs - l->n_carried) * (size_t)l->turns;
    l->n_map = quern_model_n_value_ids(quern_pass_model(l->ctx));
    size_t n = l->n_map + l->n_carried + n_parts + 1;
    l->map = quern_pass_alloc(l->ctx, n * sizeof(struct quern_value *));
    if (l->map == NULL) {
        return QUERN_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        l->map[i] = NULL;
    }
    l->state = l->map + l->n_map;
    l->parts = l->state + l->n_carried;
    for (size_t i = 0; i < l->n_carried; i++) {
        l->state[i] = quern_node_input(l->node, i + l->first_in);
    }
    return QUERN_OK;
}

static enum quern_code refuse(struct qn_loop *l, const char *why)
{
    enum quern_code code = quern_pass_refuse(l->ctx, l->node, "%s", why);
    return code == QUERN_NOT_FOUND ? QUERN_OK : code;
}

static enum quern_code unroll(struct quern_pass_ctx *ctx,
                              struct quern_node *node,
                              const struct qn_unroll_params *p)
{
    struct qn_loop l = {
        .ctx = ctx, .node = node, .is_scan = quern_node_is(node, "Scan")};
    l.body =
        quern_node_n_subgraphs(node) == 1 ? quern_node_subgraph(node, 0) : NULL;
    const char *why = qn_unroll_misfit(&l, p);
    if (why != NULL) {
        return refuse(&l, why);
    }
    quern_pass_account(ctx, node,
                       "runs %lld times: its body of %zu nodes written out",
                       (long long)l.turns, qn_count_nodes(l.body));
    enum quern_code code = prepare(&l);
    for (int64_t i = 0; i < l.turns && code == QUERN_OK; i++) {
        code = run_turn(&l, i);
    }
    return code == QUERN_OK ? finish(&l) : code;
}

static enum quern_code visit(struct quern_pass_ctx *ctx,
                             struct quern_node *node, void *user)
{
    return quern_node_is(node, "Loop") || quern_node_is(node, "Scan")
               ? unroll(ctx, node, user)
               : QUERN_OK;
}

static enum quern_code run(struct quern_pass_ctx *ctx,
                           struct quern_graph *graph, const void *params)
{
    struct qn_unroll_params p = *(const struct qn_unroll_params *)params;
    return qn_each_holder(ctx, graph, visit, &p);
}

static const struct qn_unroll_params defaults = {.max_turns = 32,
                                                 .max_nodes = 1000};
static const struct quern_option options[] = {
    {"max-turns", QUERN_OPTION_INT,
     offsetof(struct qn_unroll_params, max_turns), 0, 65536, NULL,
     "loops that run more often stay"},
    {"max-nodes", QUERN_OPTION_INT,
     offsetof(struct qn_unroll_params, max_nodes), 1, 1000000, NULL,
     "loops that would become more nodes stay"},
    {0},
};

const struct quern_pass_desc qn_pass_unroll_loops = {
    .struct_size = sizeof(struct quern_pass_desc),
    .abi = QUERN_ABI,
    .name = "unroll-loops",
    .summary =
        "replace a Loop or Scan that runs a known number of times by its "
        "body, written out",
    .options = options,
    .params_size = sizeof(struct qn_unroll_params),
    .params_default = &defaults,
    .flags = QUERN_PASS_NEEDS_SHAPES | QUERN_PASS_SUBGRAPHS,
    .contract = QUERN_BIT_EXACT,
    .run = run,
    .group = "clean",
};
