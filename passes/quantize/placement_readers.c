/* What stands in front of readers alone, once the operators with integer
 * kernels are known: the skip branch of residual Adds, pooling between codes,
 * and values that must share parameters. */
#include <quern/recipe.h>

#include "quantize/placement.h"
#include "quantize/seen.h"

#include <string.h>

struct readers {
    struct quern_pass_ctx *ctx;
    struct quern_model *model;
    struct qn_placement *p;
    uint32_t *depth;         /* by value id: weighted operators on the longest
                                way to it */
    struct quern_value **up; /* by value id: nearest value with codes that data
                                movement makes it from, or NULL */
};

static const struct quern_target_op *row(const struct readers *r,
                                         const struct quern_node *node)
{
    return quern_target_node(r->p->target, node);
}

static bool is_kind(const struct readers *r, const struct quern_node *node,
                    enum quern_target_kind kind)
{
    const struct quern_target_op *op = row(r, node);
    return op != NULL && op->kind == kind;
}

/* Of that kind, and not kept in float by the recipe. */
static bool may_read_codes(const struct readers *r,
                           const struct quern_node *node,
                           enum quern_target_kind kind)
{
    return is_kind(r, node, kind) &&
           quern_pass_node_settings(r->ctx, node).quantize;
}

static bool has_codes(const struct readers *r, const struct quern_value *v)
{
    return r->p->part[quern_value_id(v)] != QN_PART_NONE;
}

/* ---------------------------------------------------------- residual Adds */

static void measure_depth(struct readers *r, const struct quern_node *node)
{
    uint32_t most = 0;
    for (size_t i = 0; i < quern_node_n_inputs(node); i++) {
        const struct quern_value *v = quern_node_input(node, i);
        if (v != NULL && quern_value_id(v) < r->p->n_values &&
            r->depth[quern_value_id(v)] > most) {
            most = r->depth[quern_value_id(v)];
        }
    }
    most += qn_is_heavy(node) ? 1 : 0;
    for (size_t i = 0; i < quern_node_n_outputs(node); i++) {
        const struct quern_value *v = quern_node_output(node, i);
        if (v != NULL) {
            r->depth[quern_value_id(v)] = most;
        }
    }
}

/* An operator in integers that runs as one kernel with the Add that alone reads
 * its output. */
static bool is_backbone(const struct readers *r, const struct quern_value *v,
                        const struct quern_node *add)
{
    const struct quern_node *n = quern_value_producer(v);
    return n != NULL && qn_reads_codes(r->p, n, 0) &&
           quern_value_only_user(v) == add && !quern_value_is_graph_output(v) &&
           quern_target_fuses(r->p->target, quern_node_op(n), "Add");
}

static bool same_shape(const struct readers *r, const struct quern_value *a,
                       const struct quern_value *b)
{
    const struct qn_seen *x = qn_seen(r->model, a);
    const struct qn_seen *y = qn_seen(r->model, b);
    return x != NULL && y != NULL && x->rank == y->rank &&
           memcmp(x->dims, y->dims, (size_t)x->rank * sizeof *x->dims) == 0;
}

/* The branch that carries the longest way runs as one kernel with the Add; the
 * other one is read as codes. */
static void place_skip(struct readers *r, const struct quern_node *add)
{
    struct quern_value *in[2] = {quern_node_input(add, 0),
                                 quern_node_input(add, 1)};
    if (in[0] == NULL || in[1] == NULL || in[0] == in[1] ||
        !same_shape(r, in[0], in[1])) {
        return;
    }
    bool backbone[2] = {is_backbone(r, in[0], add), is_backbone(r, in[1], add)};
    if (!backbone[0] && !backbone[1]) {
        return;
    }
    size_t skip = backbone[0] ? 1 : 0;
    if (backbone[0] && backbone[1]) {
        skip = r->depth[quern_value_id(in[0])] > r->depth[quern_value_id(in[1])]
                   ? 1
                   : 0;
    }
    if (qn_has_range(r->p, r->model, in[skip])) {
        qn_set_port(r->p, add, skip);
        qn_raise_part(r->p, in[skip], QN_PART_INPUT);
    }
}

/* ---------------------------------------------------------------- pooling */

static void place_around(struct readers *r, const struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    const struct quern_value *y = quern_node_output(node, 0);
    if (x == NULL || y == NULL || !has_codes(r, y) ||
        !qn_has_range(r->p, r->model, x)) {
        return;
    }
    if (has_codes(r, x) || quern_value_only_user(x) == node) {
        qn_set_port(r->p, node, 0);
        qn_raise_part(r->p, x, QN_PART_INPUT);
    }
}

/* ---------------------------------------------------------------- sharing */

/* Let a value take the parameters of another. */
static void share(struct readers *r, struct quern_value *v,
                  struct quern_value *with, bool joined)
{
    struct quern_value *from = qn_root(r->p, v);
    struct quern_value *to = qn_root(r->p, with);
    if (from != to) {
        r->p->alias[quern_value_id(from)] = to;
        r->p->joined[quern_value_id(from)] = joined;
    }
}

/* Data movement keeps the parameters of the codes that it comes from, so that
 * the runtime can move Q and DQ through it. */
static void share_moved(struct readers *r, const struct quern_node *node)
{
    struct quern_value *x = quern_node_input(node, 0);
    if (x == NULL || quern_value_id(x) >= r->p->n_values) {
        return;
    }
    struct quern_value *up = has_codes(r, x) ? x : r->up[quern_value_id(x)];
    for (size_t i = 0; up != NULL && i < quern_node_n_outputs(node); i++) {
        struct quern_value *y = quern_node_output(node, i);
        if (y == NULL || quern_value_dtype(y) != quern_value_dtype(x)) {
            continue;
        }
        r->up[quern_value_id(y)] = up;
        if (has_codes(r, y)) {
            share(r, y, up, false);
        }
    }
}

/* Values with codes that a Concat joins, and its output. */
static void share_joined(struct readers *r, const struct quern_node *node)
{
    struct quern_value *first = NULL;
    size_t n_in = quern_node_n_inputs(node);
    for (size_t i = 0; i <= n_in; i++) {
        struct quern_value *v =
            i < n_in ? quern_node_input(node, i) : quern_node_output(node, 0);
        if (v == NULL || quern_value_constant(v) != NULL) {
            continue;
        }
        v = has_codes(r, v) ? v : r->up[quern_value_id(v)];
        if (v != NULL && first != NULL) {
            share(r, v, first, true);
        }
        first = first != NULL ? first : v;
    }
}

/* ------------------------------------------------------------------ walks */

static enum quern_code visit_skip(struct quern_pass_ctx *ctx,
                                  struct quern_node *node, void *user)
{
    struct readers *r = user;
    (void)ctx;
    measure_depth(r, node);
    if (may_read_codes(r, node, QUERN_INTEGER_SKIP) &&
        quern_node_n_inputs(node) == 2) {
        place_skip(r, node);
    }
    return QUERN_OK;
}

static enum quern_code visit_around(struct quern_pass_ctx *ctx,
                                    struct quern_node *node, void *user)
{
    struct readers *r = user;
    (void)ctx;
    if (may_read_codes(r, node, QUERN_INTEGER_AROUND)) {
        place_around(r, node);
    }
    return QUERN_OK;
}

static enum quern_code visit_sharing(struct quern_pass_ctx *ctx,
                                     struct quern_node *node, void *user)
{
    struct readers *r = user;
    (void)ctx;
    if (r->p->target->moves_pairs && is_kind(r, node, QUERN_INTEGER_MOVE)) {
        share_moved(r, node);
    } else if (is_kind(r, node, QUERN_INTEGER_JOIN)) {
        share_joined(r, node);
    }
    return QUERN_OK;
}

/* Operators of two kinds, NULL-ended; NULL: no memory. */
static const char *const *ops_of(const struct readers *r,
                                 enum quern_target_kind a,
                                 enum quern_target_kind b)
{
    const struct quern_target *t = r->p->target;
    const char **ops =
        quern_pass_alloc(r->ctx, (t->n_ops + 1) * sizeof(const char *));
    size_t n = 0;
    for (size_t i = 0; ops != NULL && i < t->n_ops; i++) {
        if (t->ops[i].kind == a || t->ops[i].kind == b) {
            ops[n++] = t->ops[i].op;
        }
    }
    return ops;
}

enum quern_code qn_place_readers(struct quern_pass_ctx *ctx,
                                 struct quern_graph *graph,
                                 struct qn_placement *p)
{
    struct readers r = {.ctx = ctx, .model = quern_pass_model(ctx), .p = p};
    struct quern_each all = {0};
    struct quern_each around = {
        .ops = ops_of(&r, QUERN_INTEGER_AROUND, QUERN_INTEGER_AROUND),
        .backward = true};
    struct quern_each sharing = {
        .ops = ops_of(&r, QUERN_INTEGER_MOVE, QUERN_INTEGER_JOIN)};
    r.depth = quern_pass_alloc(ctx, p->n_values * sizeof *r.depth);
    r.up = quern_pass_alloc(ctx, p->n_values * sizeof *r.up);
    if (r.depth == NULL || r.up == NULL || around.ops == NULL ||
        sharing.ops == NULL) {
        return QUERN_NO_MEMORY;
    }
    enum quern_code code = quern_pass_each(ctx, graph, &all, visit_skip, &r);
    if (code == QUERN_OK) {
        code = quern_pass_each(ctx, graph, &around, visit_around, &r);
    }
    return code == QUERN_OK
               ? quern_pass_each(ctx, graph, &sharing, visit_sharing, &r)
               : code;
}
